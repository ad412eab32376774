"""What is asked of an attachment's host, and of whom: lists, redirects, headers, names."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import zlib
from typing import Any

import pytest
import trustme

from franking import __version__
from franking.compose.envelope import Unsendable
from franking.compose.links import Link, Source
from franking.transports.names import Names

from .files import FILES, OTHER, PDF, Zone, at, fetching, got, hosts, missed
from .receiver import answer, receiving
from .test_webhook import certified, trusting

REFUSED = "Error: Attachment source is not allowed: "


async def test_a_file_comes_with_its_type() -> None:
    async with receiving(PDF) as there, fetching(hosts(there)) as fetcher:
        assert await got(fetcher, at(there)) == Source(b"%PDF-1.7", "application/pdf")


async def test_these_headers_are_sent_and_no_others() -> None:
    async with receiving(PDF) as there, fetching(hosts(there)) as fetcher:
        await got(fetcher, at(there, path="/a?b=c%20d#e"), Authorization="Bearer x")
        (heard,) = there.heard
    assert (heard.verb, heard.path, heard.body) == ("GET", "/a?b=c%20d", b"")
    assert sorted(heard.headers) == [
        ("accept", "*/*"),
        ("accept-encoding", "identity"),
        ("authorization", "Bearer x"),
        ("connection", "close"),
        ("host", f"{FILES}:{there.port}"),
        ("user-agent", f"franking/{__version__}"),
    ]


async def test_a_document_may_say_who_asks() -> None:
    async with receiving(PDF) as there, fetching(hosts(there)) as fetcher:
        await got(fetcher, at(there), **{"user-agent": "crm", "Accept": "application/pdf"})
        (heard,) = there.heard
    assert (heard.header("user-agent"), heard.header("accept")) == ("crm", "application/pdf")


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
async def test_no_proxy_of_the_environment_is_used(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with receiving(PDF) as there, receiving(PDF) as proxy:
        monkeypatch.setenv(name, proxy.url("/"))
        monkeypatch.delenv("NO_PROXY", raising=False)
        async with fetching(hosts(there)) as fetcher:
            await got(fetcher, at(there))
        assert (there.connections, proxy.connections) == (1, 0)


async def test_no_cookie_is_kept_and_no_connection() -> None:
    baked = answer("200 OK", b"x", "Set-Cookie: a=b; Path=/")
    async with receiving(baked) as there, fetching(hosts(there)) as fetcher:
        for _ in range(2):
            await got(fetcher, at(there))
        assert [heard.header("cookie") for heard in there.heard] == [None, None]
        assert there.connections == 2


@pytest.mark.parametrize("status", ["200 OK", "201 Created", "203 Changed", "204 No Content"])
async def test_2xx_is_the_file(status: str) -> None:
    body = b"" if status.startswith("204") else b"x"
    async with receiving(answer(status, body)) as there, fetching(hosts(there)) as fetcher:
        assert (await got(fetcher, at(there))).octets == body


@pytest.mark.parametrize(
    ("packed", "encoding"),
    [
        (gzip.compress(b"hello", mtime=0), "gzip"),
        (gzip.compress(b"hello", mtime=0), "X-GZIP"),
        (gzip.compress(b"he", mtime=0) + gzip.compress(b"llo", mtime=0) + bytes(9), "gzip"),
        (zlib.compress(b"hello"), "deflate"),
        (b"hello", "identity"),
        (b"hello", ""),
    ],
)
async def test_what_comes_packed_is_unpacked(packed: bytes, encoding: str) -> None:
    said = answer("200 OK", packed, f"Content-Encoding: {encoding}")
    async with receiving(said) as there, fetching(hosts(there)) as fetcher:
        assert (await got(fetcher, at(there))).octets == b"hello"


async def test_it_comes_in_chunks_or_until_the_end() -> None:
    chunked = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
    )
    for said in (chunked, b"HTTP/1.1 200 OK\r\n\r\nhello||"):
        async with receiving(said) as there, fetching(hosts(there)) as fetcher:
            assert (await got(fetcher, at(there))).octets == b"hello"


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 T", "308 P"])
async def test_a_redirect_within_the_list_is_followed(status: str) -> None:
    async with receiving(PDF) as last:
        moved = answer(status, b"", f"Location: {at(last, OTHER, '/b.pdf')}")
        async with receiving(moved) as first, fetching(hosts(first, last)) as fetcher:
            assert (await got(fetcher, at(first))).octets == b"%PDF-1.7"
        assert last.heard[0].path == "/b.pdf"


@pytest.mark.parametrize(
    ("location", "path"), [("b.pdf", "/x/b.pdf"), ("/b", "/b"), ("?c", "/x/a.pdf?c"), ("./", "/x/")]
)
async def test_a_relative_redirect_starts_from_where_we_are(location: str, path: str) -> None:
    moved = answer("302 Found", b"", f"Location: {location}")
    async with receiving(moved, PDF) as there, fetching(hosts(there)) as fetcher:
        await got(fetcher, at(there, path="/x/a.pdf"), Authorization="Bearer x")
        assert [heard.path for heard in there.heard] == ["/x/a.pdf", path]
        assert [heard.header("authorization") for heard in there.heard] == ["Bearer x"] * 2


@pytest.mark.parametrize("host", [FILES, OTHER])
async def test_headers_go_to_no_other_host_or_port(host: str) -> None:
    async with receiving(PDF) as last:
        moved = answer("302 Found", b"", f"Location: {at(last, host)}")
        async with receiving(moved) as first, fetching(hosts(first, last)) as fetcher:
            await got(fetcher, at(first), Authorization="Bearer x", Cookie="a=b", **{"X-Key": "y"})
        assert first.heard[0].header("authorization") == "Bearer x"
        for name in ("authorization", "cookie", "x-key"):
            assert last.heard[0].header(name) is None


async def test_headers_do_not_come_back_after_a_detour() -> None:
    async with receiving() as detour:
        out = answer("302 Found", b"", f"Location: {at(detour, OTHER)}")
        async with receiving(out, PDF) as first, fetching(hosts(first, detour)) as fetcher:
            detour.answers = [answer("302 Found", b"", f"Location: {at(first)}")]
            await got(fetcher, at(first), Authorization="Bearer x")
            assert [heard.header("authorization") for heard in first.heard] == ["Bearer x", None]


async def test_three_redirects_are_followed_and_no_fourth() -> None:
    moved = answer("302 Found", b"", "Location: /again")
    async with receiving(moved, moved, moved, PDF) as there, fetching(hosts(there)) as fetcher:
        assert (await got(fetcher, at(there))).octets == b"%PDF-1.7"
    async with receiving(moved) as there, fetching(hosts(there)) as fetcher:
        ending = await missed(fetcher, at(there))
        assert len(there.heard) == 4
    assert ending.error == "Error: Maximum redirect count exceeded"
    assert (ending.category, ending.temporary) == ("message_content", False)


@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("http://evil.example/x?token=1", "http://evil.example"),
        ("//evil.example/x", "http://evil.example"),
        ("http://files.example.com/", "http://files.example.com"),  # at another port
        ("http://me:pw@files.example.com:{port}/", "http://files.example.com:{port}"),
        ("http://127.0.0.1:{port}/", "http://127.0.0.1:{port}"),
        ("http://[::1]:{port}/", "http://[::1]:{port}"),
        ("file:///etc/passwd", "file://"),
        ("FILE:/etc/passwd", "file://"),
        ("data:text/plain,x", "data://"),
        ("ftp://files.example.com/x", "ftp://files.example.com"),
        ("gopher://files.example.com:{port}/", "gopher://files.example.com:{port}"),
        ("javascript:alert(1)", "javascript://"),
        ("http://files.example.com:{port}\\@evil.example/", "http://files.example.com:{port}"),
        ("/\\evil.example", "http://files.example.com:{port}"),
        ("http://evil.example:{port}%2f@files.example.com/", "http://files.example.com"),
        ("http://[", "http://files.example.com:{port}"),
        ("http://files.example.com:99999/", "http://files.example.com:{port}"),
    ],
)
async def test_a_redirect_elsewhere_is_refused(location: str, told: str) -> None:
    async with receiving() as there, fetching(hosts(there)) as fetcher:
        moved = f"Location: {location.format(port=there.port)}"
        there.answers = [answer("302 Found", b"", moved), PDF]
        ending = await missed(fetcher, at(there))
        assert there.connections == 1
    assert ending.error == REFUSED + told.format(port=there.port)
    assert not ending.temporary


async def test_a_redirect_never_leaves_https() -> None:
    authority = trustme.CA()
    async with receiving(PDF) as plain:
        moved = answer("302 Found", b"", f"Location: {at(plain)}")
        async with receiving(moved, tls=certified(authority, FILES)) as there:
            listed = hosts(there, plain)
            async with fetching(listed, tls=trusting(authority)) as fetcher:
                ending = await missed(fetcher, at(there))
        assert plain.connections == 0
    assert ending.error == f"{REFUSED}http://{FILES}:{plain.port}"


async def test_a_redirect_to_https_is_followed() -> None:
    authority = trustme.CA()
    async with receiving(PDF, tls=certified(authority, FILES)) as last:
        moved = answer("302 Found", b"", f"Location: {at(last)}")
        tls = trusting(authority)
        async with receiving(moved) as first, fetching(hosts(first, last), tls=tls) as fetcher:
            assert (await got(fetcher, at(first))).octets == b"%PDF-1.7"


async def test_certificates_are_verified() -> None:
    authority = trustme.CA()
    cases: list[tuple[str, ssl.SSLContext | None, str]] = [
        (FILES, None, "issuer certificate"),
        ("evil.example.com", trusting(authority), "Hostname mismatch"),
    ]
    for name, tls, told in cases:
        async with receiving(PDF, tls=certified(authority, name)) as there:
            async with fetching(hosts(there), tls=tls) as fetcher:
                ending = await missed(fetcher, at(there))
            assert there.heard == []
        assert ending.error.startswith(f"Error: TLS with {FILES}:{there.port} failed: ")
        assert told in ending.error
        assert ending.temporary


async def test_the_address_that_was_checked_is_the_one_that_is_asked() -> None:
    """A name that points to an open address at first, and to a closed one a moment later."""
    zone = Zone({FILES: ["127.0.0.1"]})

    def rebinding(*given: Any, **options: Any) -> list[Any]:
        found = zone(*given, **options)
        zone.names[FILES] = ["127.0.0.2"]
        return found

    names = Names("deny", lookup=rebinding, closed=lambda address: str(address) == "127.0.0.2")
    async with receiving(PDF) as first, receiving(PDF, host="127.0.0.2", port=first.port) as second:
        async with fetching(hosts(first), names) as fetcher:
            await got(fetcher, at(first))
            assert zone.asked == [FILES]
            ending = await missed(fetcher, at(first))
        assert (first.connections, second.connections) == (1, 0)
    assert ending.error == f"{REFUSED}http://{FILES}:{first.port}"
    assert ending.said is not None
    assert "ATTACHMENT_PRIVATE_ADDRESSES" in ending.said


async def test_a_redirects_target_is_looked_up_and_checked_again() -> None:
    names = Names(
        "deny",
        lookup=Zone({FILES: ["127.0.0.1"], OTHER: ["127.0.0.2"]}),
        closed=lambda address: str(address) == "127.0.0.2",
    )
    async with receiving() as first, receiving(PDF, host="127.0.0.2", port=first.port) as second:
        first.answers = [answer("302 Found", b"", f"Location: {at(first, OTHER)}")]
        async with fetching(hosts(first), names) as fetcher:
            ending = await missed(fetcher, at(first))
        assert second.connections == 0
    assert ending.error == f"{REFUSED}http://{OTHER}:{first.port}"


async def test_all_of_a_mails_are_fetched_at_once_and_those_named_twice_once() -> None:
    async with receiving(PDF) as there, fetching(hosts(there)) as fetcher:
        links = [Link(at(there, path=f"/{name}")) for name in "abcdefa"]
        found = await asyncio.wait_for(fetcher.fetch(links, 1), 10)
        assert not isinstance(found, Unsendable)
        assert set(found) == set(links)
        assert sorted(heard.path for heard in there.heard) == [f"/{name}" for name in "abcdef"]
