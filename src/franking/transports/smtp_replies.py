"""Reads a server's replies out of the bytes that it sends (RFC 5321, section 4.2).

Lenient where real servers are sloppy: lines longer than the RFC's 512 octets, a bare LF as the
line's end, no text behind the code. Strict where leniency would guess: a line without a code, or
a continuation whose code differs, is a `BadReply`, and every length has a limit.
"""

from __future__ import annotations

import re

import msgspec

LINE_OCTETS = 4096
REPLY_LINES = 100
REPLY_OCTETS = 65_536


class BadReply(Exception):
    """The server said something that is no SMTP reply; the argument says what, in words."""


class Reply(msgspec.Struct, frozen=True):
    """One whole reply: its code, and its lines verbatim with their codes, joined by a newline."""

    code: int
    text: str

    @property
    def enhanced(self) -> str | None:
        """The enhanced status code (RFC 3463) where the reply carries one of its own class."""
        found = _ENHANCED.match(self.text)
        return found.group(1) if found and found.group(1)[0] == self.text[0] else None


_ENHANCED = re.compile(r"\d{3}[ -]([245]\.\d{1,3}\.\d{1,3})(?![\d.])")


class ReplyReader:
    """Collects bytes; `next` takes the first whole reply out of them."""

    __slots__ = ("_buffer", "_lines", "_octets")

    def __init__(self) -> None:
        self._buffer = b""
        self._lines: list[bytes] = []
        self._octets = 0

    def feed(self, data: bytes) -> None:
        """Add what was read from the network."""
        self._buffer = self._buffer + data if self._buffer else bytes(data)

    def next(self) -> Reply | None:
        """The next whole reply, or None until more is fed; raises `BadReply`."""
        while True:
            end = self._buffer.find(b"\n", 0, LINE_OCTETS + 2)
            if end < 0:
                if len(self._buffer) > LINE_OCTETS:
                    raise BadReply(f"a reply line of more than {LINE_OCTETS} octets")
                return None
            line, self._buffer = self._buffer[:end], self._buffer[end + 1 :]
            if reply := self._add(line.removesuffix(b"\r")):
                return reply

    @property
    def pending(self) -> bool:
        """True while bytes wait that are not yet part of a reply that was taken."""
        return bool(self._buffer or self._lines)

    def _add(self, line: bytes) -> Reply | None:
        """Keep one line; with the last one, the whole reply."""
        code, mark = line[:3], line[3:4]
        if not (code.isdigit() and b"2" <= code[:1] <= b"5" and mark in (b"", b" ", b"-")):
            raise BadReply(f"not an SMTP reply: {_words(line[:200])}")
        if mark != b"-" and not self._lines:
            return Reply(int(code), _words(line))
        if self._lines and self._lines[0][:3] != code:
            raise BadReply(f"a reply with two codes: {_words(self._lines[0][:3])}, {_words(code)}")
        self._octets += len(line)
        if len(self._lines) >= REPLY_LINES or self._octets > REPLY_OCTETS:
            raise BadReply(f"a reply of more than {REPLY_LINES} lines or {REPLY_OCTETS} octets")
        self._lines.append(line)
        if mark == b"-":
            return None
        reply = Reply(int(code), "\n".join(map(_words, self._lines)))
        self._lines.clear()
        self._octets = 0
        return reply


def _words(line: bytes) -> str:
    """The line as text; what isn't UTF-8, and control characters, become U+FFFD.

    A NUL would be refused by PostgreSQL, and an escape sequence would play with a terminal.
    """
    text = line.decode("utf-8", "replace")
    return text if text.isprintable() else text.translate(_CONTROLS)


_CONTROLS = dict.fromkeys((*range(9), *range(10, 32), *range(127, 160), 0x2028, 0x2029), "\ufffd")
