"""Where callers would have us ask: this machine, its network, its files; and a trap there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from transports.receiver import Receiver, answer, receiving

PDF = answer("200 OK", b"%PDF-1.7")
# This machine, and what else a caller would like to reach, as C libraries and browsers read it.
HOSTS = (
    *("127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1"),
    *("017700000001", "0x7f.0.0.0x1", "127.0.0.1.", "127.000.000.001", "0", "0.0.0.0", "00000000"),
    *(
        "localhost",
        "LOCALHOST.",
        "a.localhost",
        "127.0.0.1.nip.example",
        "１２７.0.0.1",
        "127。0。0。1",
    ),
    *("①②⑦.0.0.1", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "127%2E0%2E0%2E1", "%31%32%37.0.0.1", "local\u00adhost"),
    *(
        "[::1]",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
    ),
    *("[2002:7f00:1::]", "[64:ff9b::7f00:1]", "[64:ff9b::127.0.0.1]", "[64:ff9b:1::7f00:1]"),
    *("[fe80::1%25lo]", "[fe80::1%lo]", "[::1%25lo]", "[fc00::1]", "[fd00:ec2::254]", "[v1.1]"),
    *(
        "169.254.169.254",
        "0xa9fea9fe",
        "2852039166",
        "[::ffff:a9fe:a9fe]",
        "metadata.google.internal",
    ),
    *("10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "168.63.129.16", "255.255.255.255"),
)
# Those that are names, and nobody's.
LOOKED_UP = ("127.0.0.1.nip.example", "metadata.google.internal", "[v1.1]")
# What a name on the list may turn out to be at.
PRIVATE = (
    *("127.0.0.1", "0.0.0.0", "169.254.169.254", "10.0.0.1", "100.64.0.1", "::1", "::", "fe80::1"),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "2002:7f00:1::", "fd00::1"),
)
FILES_HERE = (
    *(
        "file:///etc/hostname",
        "FILE:/etc/hostname",
        "file://localhost/etc/hostname",
        "/etc/hostname",
    ),
    *("../../../../etc/hostname", "hostname", "~/.netrc", "\\\\127.0.0.1\\c$", "//127.0.0.1/x"),
    *("/proc/self/environ", "/dev/stdin", "fd:0", "unix:///run/x.sock", "ftp://127.0.0.1/x"),
    *(
        "gopher://127.0.0.1:25/_MAIL",
        "dict://127.0.0.1/x",
        "ldap://127.0.0.1/x",
        "jar:file:///x!/y",
    ),
    *("view-source:http://127.0.0.1/", "blob:http://127.0.0.1/x", "javascript:1", "php://input"),
)


@asynccontextmanager
async def trap() -> AsyncIterator[list[Receiver]]:
    """Listens on both loopback addresses, at one port."""
    async with receiving(PDF) as four, receiving(PDF, host="::1", port=four.port) as six:
        yield [four, six]
        assert [one.connections for one in (four, six)] == [0, 0]


def disguised(port: int, allowed: str) -> list[str]:
    """URLs of the trap that look as if they were of the host that is allowed, or of none."""
    here = f"127.0.0.1:{port}"
    return [
        *(f"http://{host}:{port}/latest/meta-data/" for host in HOSTS),
        *(f"{scheme}{here}/x" for scheme in ("HTTP://", "hTtPs://", "http:///", "http:/", "http:")),
        *(f"http://{user}@{here}/x" for user in (allowed, "u:p", "", f"{allowed}%2f")),
        *(f"http://{here}{sign}@{allowed}/x" for sign in ("\\", "\t", "\n", " ", "\0", "%00", ";")),
        *(
            f"http://{allowed}{sign}@{here}/x"
            for sign in ("\\", "\\/", "\t", ";", "&", "%23", "%3f")
        ),
        *(
            f"http://{here}{sign}{allowed}/x"
            for sign in ("\\", "%2f", "%5c", "#", "?", ",", "\u2044")
        ),
        f"http://{allowed.partition(':')[0]}:{port}/x",
        f"http://{allowed}:{port}/x",
        f"http://{allowed}.{here}/x",
        f" http://{here}/x",
        f"\thttp://{here}/x",
        f"http://{here} /x",
        f"http://{here}\r\nHost: {allowed}/x",
    ]
