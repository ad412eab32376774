"""Where events go: each flow whole and alone, and orgs from a file, refused by name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from franking.config import Org, Orgs, Secret, SettingRefused, salesforce_orgs
from salesforce.login import pem, private_key
from test_config import loaded, refused

JWT = {"username": "me@acme.example", "private_key": "key.pem"}
REFRESH = {"refresh_token": "r3fresh"}
CREDENTIALS = {"client_secret": "s3cret", "login_url": "https://acme.my.salesforce.com"}
SETTING = "FRANKING_SALESFORCE_"


@pytest.mark.parametrize(
    "given", [JWT, REFRESH, {**REFRESH, "client_secret": "s3cret"}, CREDENTIALS]
)
def test_each_flow_can_be_set(given: dict[str, str]) -> None:
    found = loaded(**named(client_id="app", **given))
    assert found.salesforce_client_id == "app"


REFUSED: list[tuple[dict[str, str], str]] = [
    ({}, "CLIENT_ID or FRANKING_SALESFORCE_ORGS is not set: FRANKING_OUTLET is salesforce"),
    (JWT, "CLIENT_ID is not set: an org needs it."),
    ({"client_id": "app"}, "CLIENT_SECRET is not set: set it, or FRANKING_SALESFORCE_REFRESH_TOKE"),
    ({"client_id": "app", "username": "a"}, "PRIVATE_KEY is not set: FRANKING_SALESFORCE_USERNAM"),
    ({"client_id": "app", "private_key": "a"}, "USERNAME is not set: FRANKING_SALESFORCE_PRIVATE"),
    ({"client_id": "app", **JWT, **REFRESH}, "REFRESH_TOKEN and FRANKING_SALESFORCE_USERNAME can"),
    ({"client_id": "app", **JWT, "client_secret": "a"}, "CLIENT_SECRET and FRANKING_SALESFORCE_US"),
    ({"client_id": "app", "client_secret": "a"}, "LOGIN_URL must be the org's own address (My Dom"),
    (
        {"client_id": "app", "client_secret": "a", "login_url": "https://test.salesforce.com/"},
        "LOGIN_URL must be the org's own address (My Domain), as https://acme.my.salesforce.com",
    ),
    ({"login_url": "https://acme.my.salesforce.com"}, "CLIENT_ID is not set: an org needs it."),
]


@pytest.mark.parametrize(("given", "told"), REFUSED)
def test_half_a_flow_or_two_are_refused(given: dict[str, str], told: str) -> None:
    assert refused(**named(**given)).startswith(SETTING + told)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("salesforce_client_id", "app"),
        ("salesforce_orgs", "orgs.toml"),
        ("salesforce_login_url", "https://a.example"),
        ("event_rate_limited", "email_Rate Limited"),
    ],
)
@pytest.mark.parametrize("outlet", [{}, {"outlet": "package"}, {"outlet": "none"}])
def test_what_would_do_nothing_is_refused(name: str, value: str, outlet: dict[str, str]) -> None:
    told = f"FRANKING_{name.upper()} needs FRANKING_OUTLET=salesforce."
    assert refused(**{name: value}, **outlet) == told


def test_events_need_an_outlet() -> None:
    assert loaded(events="email_Bounced").events == ("email_Bounced",)
    told = "FRANKING_EVENTS needs an outlet: FRANKING_OUTLET is none."
    assert refused(events="email_Bounced", outlet="none") == told


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://acme.my.salesforce.com/", "https://acme.my.salesforce.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost:1", "http://localhost:1"),
        ("http://[::1]:1", "http://[::1]:1"),
    ],
)
def test_a_login_goes_over_https_or_stays_here(given: str, kept: str) -> None:
    found = loaded(**named(client_id="app", login_url=given, **REFRESH))
    assert found.salesforce_login_url == kept


def test_the_settings_own_org_is_for_all_accounts(tmp_path: Path) -> None:
    key = written(tmp_path / "key.pem", pem(private_key()))
    given = {**JWT, "private_key": str(key)}
    found = salesforce_orgs(loaded(**named(client_id="app", **given)))
    org = Org(
        name="default",
        client_id="app",
        username="me@acme.example",
        private_key=Secret(pem(private_key())),
    )
    assert found == Orgs(org)
    assert found.of(None) == found.of("any") == org
    assert found.all == (org,)


def test_orgs_of_a_file_are_chosen_by_account(tmp_path: Path) -> None:
    written(tmp_path / "key.pem", pem(private_key()))
    found = orgs(
        tmp_path,
        """
        [default]
        client_id = "one"
        refresh_token = "r1"
        ["sales@acme.example"]
        client_id = "two"
        username = "u"
        private_key = "key.pem"
        [europe]
        accounts = ["a", "b"]
        client_id = "three"
        client_secret = "s"
        login_url = "https://eu.my.salesforce.com/"
        """,
    )
    assert [org.name for org in found.all] == ["sales@acme.example", "europe", "default"]
    names = {None: "default", "c": "default", "a": "europe", "b": "europe", "europe": "default"}
    names |= {"sales@acme.example": "sales@acme.example"}
    told = {account: org.name for account in names if (org := found.of(account))}
    assert told == names
    europe = found.of("a")
    assert europe is not None
    assert europe.login_url == "https://eu.my.salesforce.com"
    assert "three" in repr(europe)
    assert "'s'" not in repr(found)


def test_without_a_default_other_accounts_have_no_org(tmp_path: Path) -> None:
    found = orgs(tmp_path, '[a]\nclient_id = "one"\nrefresh_token = "r1"')
    assert found.of("b") is found.of(None) is None


def test_the_settings_own_org_is_the_default_beside_a_file(tmp_path: Path) -> None:
    text = '[a]\nclient_id = "one"\nrefresh_token = "r1"'
    found = orgs(tmp_path, text, client_id="app", **REFRESH)
    assert [org.client_id for org in found.all] == ["one", "app"]
    with pytest.raises(
        SettingRefused, match=r"^\[default\] of orgs.toml and FRANKING_SALESFORCE_CL"
    ):
        orgs(tmp_path, text.replace("[a]", "[default]"), client_id="app", **REFRESH)


GOOD = 'client_id = "x"\nrefresh_token = "hunter2"\n'
BAD: list[tuple[str, str]] = [
    ("", "FRANKING_SALESFORCE_ORGS: {} must have 1 to 1000 tables, one an org."),
    ("[a", "FRANKING_SALESFORCE_ORGS: {} is not TOML."),
    ('a = "hunter2', "FRANKING_SALESFORCE_ORGS: {} is not TOML."),
    ('a = "hunter2"', "a in orgs.toml is no table: write [a] above an org."),
    (
        "[a]\n" + GOOD + "colour = 1",
        "colour of [a] in orgs.toml can't be used: it is not known: the",
    ),
    (
        "[a]\n" + GOOD + "login_url = 1",
        "login_url of [a] in orgs.toml can't be used: it must be a te",
    ),
    (
        '[a]\nclient_id = "x"\nrefresh_token = "hunter2\\u0007"',
        "refresh_token of [a] in orgs.toml can't be used: it must be printable text on one line.",
    ),
    (
        "[a]\n" + GOOD + "login_url = 'http://a'",
        "login_url of [a] in orgs.toml can't be used: it mu",
    ),
    ("[a]\nclient_id = 'x'", "client_secret of [a] in orgs.toml is not set: set it, or"),
    ("[a]\naccounts = 'b'\n" + GOOD, "accounts of [a] in orgs.toml must be a list of accounts."),
    ("[default]\naccounts = ['b']\n" + GOOD, "accounts of [default] in orgs.toml must be a list"),
    ("[a]\n" + GOOD + "[b]\naccounts = ['a']\n" + GOOD, "orgs.toml names the account 'a' twice."),
]


@pytest.mark.parametrize(("text", "told"), BAD)
def test_a_wrong_file_of_orgs_is_refused_by_name(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(SettingRefused) as caught:
        orgs(tmp_path, text)
    words = str(caught.value)
    assert words.startswith(told.format(tmp_path / "orgs.toml"))
    assert "hunter2" not in words


def test_all_that_is_wrong_in_a_file_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingRefused) as caught:
        orgs(tmp_path, "[a]\nclient_id = 1\ncolour = 2\n[b]\nusername = 'u'")
    assert len(caught.value.refusals) == 4


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    settings = loaded(outlet="salesforce", salesforce_orgs=str(tmp_path / "none.toml"))
    with pytest.raises(SettingRefused, match=r"none.toml can't be read: No such file"):
        salesforce_orgs(settings)


def locked() -> str:
    key = private_key().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hunter2")
    )
    return key.decode()


def elliptic() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("no key", "holds no private key in PEM"),
        ("schlüssel", "holds no private key in PEM"),
        (locked(), "is locked with a password: store it without one"),
        (elliptic(), "must hold an RSA key of 2048 bits or more"),
        (pem(rsa.generate_private_key(65_537, 1024)), "must hold an RSA key of 2048 bits or more"),
        (None, "can't be read: No such file or directory"),
    ],
)
def test_a_key_that_signs_nothing_is_refused_at_start(
    text: str | None, told: str, tmp_path: Path
) -> None:
    file = tmp_path / "key.pem"
    if text is not None:
        written(file, text)
    given: dict[str, Any] = {**JWT, "private_key": os.fspath(file)}
    with pytest.raises(SettingRefused) as caught:
        salesforce_orgs(loaded(**named(client_id="app", **given)))
    assert str(caught.value).startswith(f"FRANKING_SALESFORCE_PRIVATE_KEY: {file} ")
    assert told in str(caught.value)


def named(**given: str) -> dict[str, str]:
    return {"outlet": "salesforce"} | {f"salesforce_{name}": it for name, it in given.items()}


def orgs(folder: Path, text: str, **given: str) -> Orgs:
    file = written(folder / "orgs.toml", text)
    return salesforce_orgs(loaded(**named(orgs=str(file), **given)))


def written(file: Path, text: str) -> Path:
    file.write_text(text, "utf-8")
    return file
