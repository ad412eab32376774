"""Attachments that are not fetched: from no listed host, at a private address, or in disguise."""

from __future__ import annotations

from typing import Any

import pytest

from franking.compose.envelope import Unsendable
from franking.compose.links import Link, link, where
from franking.config.hosts import file_hosts, listed
from franking.transports.fetching import HttpFetcher
from franking.transports.names import Names

from .files import FILES, OTHER, PDF, Zone, at, fetching, hosts, missed
from .receiver import receiving

REFUSED = "Error: Attachment source is not allowed: "


@pytest.mark.parametrize("url", ["http://files.example.com/a", "https://files.example.com/a"])
async def test_without_a_list_nobody_is_asked(url: str) -> None:
    zone = Zone()
    async with fetching("", Names(lookup=zone)) as fetcher:
        ending = await missed(fetcher, url)
    assert ending.error == REFUSED + url.removesuffix("/a")
    assert (ending.category, ending.cause, ending.temporary) == (
        "message_content",
        "message_malformed",
        False,
    )
    assert zone.asked == []


@pytest.mark.parametrize(
    ("setting", "url", "taken"),
    [
        ("files.example.com", "https://files.example.com/a", True),
        ("files.example.com", "http://files.example.com/a", True),
        ("files.example.com", "HTTPS://Files.Example.COM./a", True),
        ("Files.Example.com.", "https://files.example.com/a", True),
        ("files.example.com", "https://files.example.com:443/a", True),
        ("files.example.com", "http://files.example.com:443/a", False),
        ("files.example.com", "https://files.example.com:80/a", False),
        ("files.example.com", "https://files.example.com:8443/a", False),
        ("files.example.com:8443", "https://files.example.com:8443/a", True),
        ("files.example.com:8443", "https://files.example.com/a", False),
        ("files.example.com, files.example.com:8443", "https://files.example.com/a", True),
        ("files.example.com", "https://a.files.example.com/a", False),
        ("files.example.com", "https://example.com/a", False),
        ("files.example.com", "https://evilfiles.example.com/a", False),
        ("files.example.com", "https://files.example.com.evil.net/a", False),
        ("*.example.com", "https://files.example.com/a", True),
        ("*.example.com", "https://a.b.example.com/a", True),
        ("*.example.com", "https://example.com/a", False),
        ("*.example.com", "https://evilexample.com/a", False),
        ("*.example.com", "https://example.com.evil.net/a", False),
        ("*.example.com:8443", "https://a.example.com:8443/a", True),
        ("93.184.216.34", "https://93.184.216.34/a", True),
        ("93.184.216.34", "https://1572395042/a", False),
        ("93.184.216.34", "https://0x5db8d822/a", False),
        ("[2606:2800:220:1::1]", "https://[2606:2800:220:1:0::1]/a", True),
        ("bücher.example", "https://bücher.example/a", True),
        ("bücher.example", "https://xn--bcher-kva.example/a", True),
        ("xn--bcher-kva.example", "https://bücher.example/a", True),
    ],
)
async def test_the_list_takes_hosts_and_ports_and_nothing_near_them(
    setting: str, url: str, taken: bool
) -> None:
    zone = Zone({})
    async with fetching(setting, Names(lookup=zone), connect_seconds=0.001, seconds=0.001) as it:
        ending = await missed(it, url)
    assert ending.temporary is taken  # was asked, and nobody was there
    assert ending.error.startswith(REFUSED) is not taken


@pytest.mark.parametrize(
    "url",
    [
        "http://me@files.example.com/",
        "http://me:pw@files.example.com/",
        "http://@files.example.com/",
        "http://:@files.example.com/",
        "http://files.example.com@evil.example/",
        "http://files.example.com:80@evil.example/",
        "http://files.example.com\\@evil.example/",
        "http://evil.example\\@files.example.com/",
        "http://evil.example\\.files.example.com/",
        "http://files.example.com\t/",
        "http://files.example\n.com/",
        "http://files.example.com/a\r\nHost: evil.example",
        "http://files.example.com\x00.evil.example/",
        "http://files.example.com%00.evil.example/",
        "http://files.example.com%2f.evil.example/",
        "http://evil.example#@files.example.com/",
        "http://evil.example?@files.example.com/",
        "http://evil.example;files.example.com/",
        "http://files.example.com:80:80/",
        "http://files.example.com:0/",
        "http://files.example.com:65536/",
        "http://files.example.com:８０８０/",
        "http://files.example.com:-80/",
        "http:///files.example.com/",
        "http://",
        "http://[::1",
        "http://[files.example.com]/",
        "http://files。example。com.evil.example/",
        "http://fi les.example.com/",
        "http://files.example.com/\ud800",
        "http://files.example.com/" + "x" * 8192,
    ],
)
async def test_a_url_in_disguise_is_not_asked(url: str) -> None:
    zone = Zone()
    async with fetching("files.example.com", Names(lookup=zone)) as fetcher:
        ending = await missed(fetcher, url)
    assert ending.error.startswith(REFUSED)
    assert "pw" not in ending.error
    assert (ending.temporary, zone.asked) == (False, [])


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/etc/hostname",
            "./secret",
            "../../etc/passwd",
            "secret.txt",
            "~/.netrc",
            " /etc/passwd",
        ),
        *("file:///etc/passwd", "FILE:///etc/passwd", "file:/etc/passwd", "file://localhost/etc"),
        *("\\\\host\\share\\x", "//host/share/x", "C:\\x", "c:/x", "C:x", "\\\\?\\C:\\x"),
        *("/proc/self/environ", "/dev/zero", "fd:0", "unix:///run/x.sock", "jar:file:///x!/y"),
        *("ftp://files.example.com/x", "http:/files.example.com", "http:files.example.com"),
        *("http\t://files.example.com/", "\thttp://files.example.com/", "view-source:http://x/"),
        *("blob:http://x/y", "about:blank", "php://filter/x", "netdoc:///etc/passwd", "-", "0"),
    ],
)
def test_what_is_no_url_of_http_is_never_fetched(path: str) -> None:
    assert link({"path": path}) is None
    assert link({"href": path}) is None
    told = where(path)
    assert told.endswith("://") or "//" in path
    assert "etc" not in told
    assert "secret" not in told


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
        *("0.0.0.0", "224.0.0.1", "255.255.255.255", "198.18.0.1", "168.63.129.16"),
        *("[::1]", "[::]", "[fe80::1]", "[fd00:ec2::254]", "[fc00::1]", "[ff02::1]"),
        *("[::ffff:127.0.0.1]", "[::ffff:a9fe:a9fe]", "[2002:7f00:1::]", "[64:ff9b::a00:1]"),
        *("[2001::7f00:1]", "[64:ff9b:1::1]", "[::127.0.0.1]"),
    ],
)
async def test_a_private_address_is_not_asked_though_it_is_on_the_list(host: str) -> None:
    async with fetching(f"{host}:8080", Names("deny")) as fetcher:
        ending = await missed(fetcher, f"http://{host}:8080/latest/meta-data/")
    assert ending.error == f"{REFUSED}http://{host}:8080"
    assert ending.said is not None
    assert "is at a private address" in ending.said


async def test_private_addresses_are_closed_by_default() -> None:
    async with receiving(PDF) as there:
        fetcher = HttpFetcher(file_hosts(f"127.0.0.1:{there.port}"))
        ending = await missed(fetcher, there.url())
        await fetcher.close()
        assert there.connections == 0
    assert ending.error.startswith(REFUSED)


@pytest.mark.parametrize("host", ["localhost", "a.localhost", "LOCALHOST."])
async def test_this_machine_is_not_asked_under_its_own_name(host: str) -> None:
    async with receiving(PDF) as there:
        async with fetching(f"{host.lower()}:{there.port}", Names("deny")) as fetcher:
            ending = await missed(fetcher, f"http://{host}:{there.port}/")
        assert there.connections == 0
    assert ending.error.startswith(REFUSED)


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "0", "１２７.0.0.1"]
)
async def test_no_spelling_of_an_address_gets_past_the_list(host: str) -> None:
    async with receiving(PDF) as there:
        listed = f"files.example.com:{there.port}, *.example.com:{there.port}"
        async with fetching(listed, Names("allow")) as fetcher:
            ending = await missed(fetcher, f"http://{host}:{there.port}/")
        assert there.connections == 0
    assert ending.error.startswith(REFUSED)


@pytest.mark.parametrize(
    "found",
    [["10.0.0.1"], ["127.0.0.1", "::1"], ["169.254.169.254"], ["fd00:ec2::254"], ["::ffff:7f00:1"]],
)
async def test_a_listed_name_at_private_addresses_is_not_asked(found: list[str]) -> None:
    names = Names("deny", lookup=Zone({FILES: found}))
    async with fetching(FILES, names) as fetcher:
        for _ in range(2):
            ending = await missed(fetcher, f"https://{FILES}/a")
            assert ending.error == f"{REFUSED}https://{FILES}"


async def test_one_that_is_refused_keeps_all_of_a_mail_from_being_asked() -> None:
    async with receiving(PDF) as there, fetching(hosts(there)) as fetcher:
        ending = await missed(fetcher, at(there), at(there, OTHER), "http://evil.example/")
        assert there.connections == 0
    assert ending.error == f"{REFUSED}http://evil.example"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("Host", "evil.example"), ("host", "x"), ("Connection", "close"), ("TE", "trailers")),
        *(("Transfer-Encoding", "chunked"), ("Content-Length", "5"), ("Upgrade", "h2c")),
        *(("Proxy-Authorization", "x"), ("Keep-Alive", "x"), ("Trailer", "x"), ("Expect", "100")),
        *(("X\r\nHost", "x"), ("X Y", "x"), ("", "x"), ("X:", "x"), ("ü", "x"), ("x" * 77, "x")),
        *(("X", "a\r\nHost: b"), ("X", "a\nb"), ("X", "a\rb"), ("X", "a\0b"), ("X", "\x7f")),
        *(("X", "\ud800"), ("X", "\x85"), ("X", "x" * 8001), ("Range", "bytes=0-1")),
    ],
)
async def test_a_header_that_could_say_anything_else_is_refused(name: str, value: str) -> None:
    async with receiving(PDF) as there, fetching(hosts(there)) as fetcher:
        found = await fetcher.fetch([Link(at(there), ((name, value),))], 1)
        assert there.connections == 0
    assert isinstance(found, Unsendable)
    assert found.error == f"{REFUSED}http://{FILES}:{there.port}"
    assert "httpHeaders" in (found.said or "")


async def test_more_headers_or_addresses_than_so_many_are_refused() -> None:
    async with receiving(PDF) as there, fetching(hosts(there)) as fetcher:
        many = tuple((f"X-{number}", "x") for number in range(51))
        found = await fetcher.fetch([Link(at(there), many)], 1)
        assert isinstance(found, Unsendable)
        ending = await missed(fetcher, *(at(there, path=f"/{n}") for n in range(101)))
        assert there.connections == 0
    assert ending.error == "Error: More than 100 attachments of this email have to be fetched"
    assert not ending.temporary


@pytest.mark.parametrize(
    "value",
    [
        *("*", "*.", "*.com", "*.*.example.com", "a.*.com", "*example.com", "files.*"),
        *("https://files.example.com", "files.example.com/", "files.example.com/x", "me@x.example"),
        *(
            "files.example.com:",
            "files.example.com:0",
            "files.example.com:65536",
            "x.example:80:80",
        ),
        *("files.example.com:http", "files example.com", "files.example.com,", ",", "a..b", ".a.b"),
        *("2130706433", "0x7f.1", "127.1", "0177.0.0.1", "*.0.0.1", "1.2.3.4.5", "300.1.1.1"),
        *("2606:2800:220:1::1", "[127.0.0.1]", "[x]", "[::1", "-a.example", "a-.example", "a\\b.c"),
        *("x" * 64 + ".example", "a." * 127 + "toolong", "☃.example", "files.example.com;a.b", "?"),
    ],
)
def test_a_list_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="must be host names"):
        file_hosts(value)


def test_a_list_has_so_many_hosts_at_most() -> None:
    names = [f"h{number}.example" for number in range(100)]
    found = file_hosts(",".join(names))
    assert all(listed(found, name, 443, 443) for name in names)
    with pytest.raises(ValueError, match="up to 100 hosts"):
        file_hosts(",".join([*names, "one.more"]))


async def test_headers_of_the_wrong_kind_are_no_bug() -> None:
    odd: Any = {"href": "http://files.example.com/", "httpHeaders": {"X": {"a": 1}, 5: None}}
    found = link(odd)
    assert found is not None
    async with fetching("files.example.com", Names(lookup=Zone({}))) as fetcher:
        assert isinstance(await fetcher.fetch([found], 1), Unsendable)
