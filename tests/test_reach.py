"""An address that others can reach: refused without a key, and HTTPS where a certificate is set."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from cli.processes import franking, mailbox, serving
from franking.app import databases, reach
from franking.config import Address, SettingRefused, Settings

URI = "smtp://127.0.0.1:1"


def with_tls(certificate: Path | None, key: Path | None) -> Settings:
    return Settings(tls_certificate=certificate, tls_key=key)


@pytest.fixture
def certificate(tmp_path: Path) -> dict[str, str]:
    """A certificate for a name that is not this machine's, and its key, as settings."""
    issued = trustme.CA().issue_cert("mail.example.com")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    return {"tls_certificate": str(tmp_path / "cert.pem"), "tls_key": str(tmp_path / "key.pem")}


@pytest.mark.parametrize("http", ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"])
async def test_an_address_that_others_reach_is_refused_without_a_key(
    tmp_path: Path, http: str
) -> None:
    settings = Settings(
        database_url=f"sqlite:///{tmp_path}/franking.db",
        http=Address(http.rpartition(":")[0].strip("[]"), 0),
    )
    store = databases.store(settings)
    await store.open()
    with pytest.raises(SettingRefused, match=r"^FRANKING_HTTP is .* `franking key create --scope"):
        await reach.check_keys(settings, store)
    await store.close()


async def test_a_revoked_key_is_no_key_to_be_served_with(tmp_path: Path) -> None:
    elsewhere = {"http": "0.0.0.0:0", "smtp_connection_uri": URI}
    refused = await franking(tmp_path, "serve", stdin=b"", **elsewhere)
    assert (refused.code, refused.out) == (3, "")
    assert "there is no key yet: make one with `franking key create" in refused.err
    key = (await franking(tmp_path, "key", "create", "--scope", "admin")).out.strip()
    assert (await franking(tmp_path, "key", "revoke", key[3:29])).code == 0
    assert (await franking(tmp_path, "serve", stdin=b"", **elsewhere)).code == 3


async def test_with_a_key_every_address_is_served(tmp_path: Path) -> None:
    key = (await franking(tmp_path, "key", "create", "--scope", "mail:read")).out.strip()
    async with mailbox() as capture, serving(tmp_path, capture.port, http="0.0.0.0:0") as server:
        assert server.url.startswith("http://127.0.0.1:")
        listed = await franking(tmp_path, "mail", "list", key=key)
        assert (listed.code, listed.out) == (0, "No mail.\n")
        refused = await franking(tmp_path, "mail", "list")
        assert (refused.code, refused.out) == (1, "")
        assert refused.err.startswith("This call needs a key. ")


async def test_https_is_served_and_found_by_its_own_certificate(
    tmp_path: Path, certificate: dict[str, str]
) -> None:
    async with mailbox() as capture, serving(tmp_path, capture.port, **certificate) as server:
        assert server.url.startswith("https://127.0.0.1:")
        listed = await franking(tmp_path, "mail", "list", stdin=b"", **certificate)
        assert (listed.code, listed.err) == (0, "")
        unknown = trustme.CA().issue_cert("mail.example.com")
        unknown.cert_chain_pems[0].write_to_path(tmp_path / "other.pem")
        other = {**certificate, "tls_certificate": str(tmp_path / "other.pem")}
        assert (await franking(tmp_path, "mail", "list", stdin=b"", **other)).code == 5
        # Named by hand it is any server: then names and issuers count.
        assert (
            await franking(tmp_path, "mail", "list", url=server.url, stdin=b"", **certificate)
        ).code == 5
        with pytest.raises(aiohttp.ClientError):
            await plain(server.url.replace("https:", "http:"))


async def plain(url: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/healthz"):
        raise AssertionError("it was served without TLS")


@pytest.mark.parametrize(
    ("cert", "key", "told"),
    [
        ("none.pem", "key.pem", r"^FRANKING_TLS_CERTIFICATE is '.*none\.pem', which can't be read"),
        ("cert.pem", "none.pem", r"^FRANKING_TLS_KEY is '.*none\.pem', which can't be read"),
        ("key.pem", "key.pem", r"^FRANKING_TLS_CERTIFICATE and FRANKING_TLS_KEY can't be used"),
        ("cert.pem", "cert.pem", r"^FRANKING_TLS_CERTIFICATE and FRANKING_TLS_KEY can't be used"),
        ("cert.pem", "other.pem", r"can't be used: they must be a certificate"),
        ("cert.pem", "locked.pem", r"can't be used: .* without a password"),
    ],
)
def test_a_certificate_that_can_not_be_used_is_refused(
    tmp_path: Path, certificate: dict[str, str], cert: str, key: str, told: str
) -> None:
    trustme.CA().issue_cert("a.example.com").private_key_pem.write_to_path(tmp_path / "other.pem")
    (tmp_path / "locked.pem").write_bytes(locked(tmp_path / "key.pem"))
    with pytest.raises(SettingRefused, match=told):
        reach.tls(with_tls(tmp_path / cert, tmp_path / key))


def locked(key: Path) -> bytes:
    """The same private key under a password."""
    return serialization.load_pem_private_key(key.read_bytes(), None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )


@pytest.mark.parametrize(
    ("address", "url", "hosts"),
    [
        (Address("127.0.0.1", 80), "http://127.0.0.1:80", ()),
        (Address("0.0.0.0", 80), "http://127.0.0.1:80", ()),  # no name that one calls it by
        (Address("::", 80), "http://[::1]:80", ()),
        (Address("192.0.2.1", 80), "http://192.0.2.1:80", ("192.0.2.1",)),
        (Address("2001:db8::1", 80), "http://[2001:db8::1]:80", ("[2001:db8::1]",)),
    ],
)
def test_an_address_is_served_under_its_own_name(
    address: Address, url: str, hosts: tuple[str, ...]
) -> None:
    settings = Settings(http=address, hosts=("mail.example.com",))
    assert reach.hosts(settings) == (*hosts, "mail.example.com")
    assert reach.url(address, encrypted=False) == url
