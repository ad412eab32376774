"""Replies: what is read from the bytes of good, sloppy and hostile servers."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from franking.transports.smtp_replies import BadReply, Reply, ReplyReader


def read(data: bytes) -> list[Reply]:
    reader = ReplyReader()
    reader.feed(data)
    replies = []
    while reply := reader.next():
        replies.append(reply)
    return replies


@pytest.mark.parametrize(
    ("data", "code", "text"),
    [
        (b"250 ok\r\n", 250, "250 ok"),
        # Servers that say nothing behind the code.
        (b"250\r\n", 250, "250"),
        (b"250 \r\n", 250, "250 "),
        # A bare LF ends a line too.
        (b"250 ok\n", 250, "250 ok"),
        (b"550-5.1.1 foo\r\n550 5.1.1 bar\r\n", 550, "550-5.1.1 foo\n550 5.1.1 bar"),
        # Longer than the 512 octets of RFC 5321, section 4.5.3.1.5.
        (b"250 " + b"x" * 4000 + b"\r\n", 250, "250 " + "x" * 4000),
        # Not UTF-8, NUL, an escape sequence, a CR inside the line.
        (b"250 \xff\x00\x1b[2J\rx\r\n", 250, "250 \ufffd\ufffd\ufffd[2J\ufffdx"),
        ("250 gemäß\t\r\n".encode(), 250, "250 gemäß\t"),
    ],
)
def test_a_reply_is_kept_verbatim(data: bytes, code: int, text: str) -> None:
    assert read(data) == [Reply(code, text)]


@pytest.mark.parametrize(
    "data",
    [
        b"hello\r\n",
        b"\r\n",
        b"25 ok\r\n",
        b"150 ok\r\n",
        b"650 ok\r\n",
        b"250ok\r\n",
        b"250-a\r\n251 b\r\n",
        b"250-a\r\nfree text\r\n",
        b"HTTP/1.1 400 Bad Request\r\n",
        "²50 ok\r\n".encode(),
        b"250 " + b"x" * 10_000_000,
        b"250 " + b"x" * 5000 + b"\r\n",
        b"250-x\r\n" * 10_000,
        (b"250-" + b"x" * 4000 + b"\r\n") * 50,
    ],
)
def test_what_is_no_reply_is_refused(data: bytes) -> None:
    with pytest.raises(BadReply):
        read(data)


@pytest.mark.parametrize(
    ("text", "enhanced"),
    [
        ("550 5.1.1 no such user", "5.1.1"),
        ("550-5.1.1 no\n550 5.1.1 such", "5.1.1"),
        ("450 4.2.10", "4.2.10"),
        # An address, a version, a code of another class.
        ("550 5.1.1.7 refused", None),
        ("550 4.1.1 refused", None),
        ("550 no such user", None),
    ],
)
def test_the_enhanced_code_is_read(text: str, enhanced: str | None) -> None:
    assert Reply(int(text[:3]), text).enhanced == enhanced


def test_bytes_that_are_not_yet_a_reply_are_pending() -> None:
    reader = ReplyReader()
    reader.feed(b"220 go\r\n250")
    assert reader.next() == Reply(220, "220 go")
    assert reader.next() is None
    assert reader.pending


@given(st.binary(max_size=200))
def test_garbage_is_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(BadReply):
        assert all(200 <= reply.code < 600 for reply in read(data))
