"""Dot-stuffing: whatever the content, the server reads it back, and sees one dot: ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from franking.transports.smtp_commands import DOT, stuffed

PIECES = [b".", b"..", b"\r\n", b"\r\n.\r\n", b"a", b"", b"\x00", "ä".encode()]


def read_by_a_server(data: bytes) -> bytes:
    """RFC 5321, section 4.5.2, by the letter; fails where anything is behind the dot."""
    lines = data.split(b"\r\n")
    end = lines.index(b".")
    assert lines[end + 1 :] == [b""]
    return b"".join(line.removeprefix(b".") + b"\r\n" for line in lines[:end])


@given(st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join))
def test_a_server_reads_what_was_written(content: bytes) -> None:
    ended = content if content.endswith(b"\r\n") or not content else content + b"\r\n"
    assert read_by_a_server(stuffed(content) + DOT) == ended


@pytest.mark.parametrize("content", [b"a\n.\nb", b"a\r.\rb", b"a\r\n.\n", b"\n", b"\r", b"\n\r"])
def test_a_bare_line_end_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="bare"):
        stuffed(content)


def test_content_without_dots_is_not_copied() -> None:
    content = b"no dots here\r\n" * 1000
    assert stuffed(content) is content
