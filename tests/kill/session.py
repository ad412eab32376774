"""One connection of the sink: reads a conversation step by step and tells each step."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple, Protocol

# The last line of every document of these tests, so that the sink knows a whole content.
LAST_LINE = "That is all."
_END = LAST_LINE.encode() + b"\r\n"
_DOT = b"\r\n.\r\n"
_ID = re.compile(rb"^Message-ID:\s*(<[^>]*>)", re.IGNORECASE | re.MULTILINE)
_ADDRESS = re.compile(rb"<([^>]*)>")


class Point(StrEnum):
    """Where in a conversation a trap may be; each occurrence is counted."""

    EHLO = "ehlo"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    CONTENT = "content"
    HELD = "held"
    DOT = "dot"
    ANSWERED = "answered"


class Taken(NamedTuple):
    message_id: str
    recipient: str


class Server(Protocol):
    """Whom a session belongs to: it decides, counts, and sets the traps."""

    delay_seconds: float
    withholding: bool
    speaker: int

    def joined(self, session: Session) -> None: ...
    def left(self, session: Session) -> None: ...
    def reached(self, point: Point) -> None: ...
    def took(self, mail: list[Taken]) -> None: ...
    def told(self, mail: list[Taken]) -> None: ...
    def hold(self, give: Callable[[], None]) -> None: ...
    def cuts(self, mail: list[Taken]) -> bool: ...
    def answer_to(self, address: str) -> str: ...


class Session(asyncio.Protocol):
    """One connection; while it `waits` for something, what comes is kept."""

    def __init__(self, sink: Server) -> None:
        self._sink = sink
        self._buffer = bytearray()
        self._recipients: list[str] = []
        self._receiving = False
        self._noted: set[Point] = set()
        self._waits = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._port = int(transport.get_extra_info("peername")[1])
        self._sink.joined(self)
        self._say("220 sink ESMTP")

    def connection_lost(self, exc: Exception | None) -> None:
        self._sink.left(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._read()

    def cut(self) -> None:
        self._transport.abort()

    def _read(self) -> None:
        self._sink.speaker = self._port
        while self._buffer and not self._waits:
            if not (self._read_content() if self._receiving else self._read_line()):
                return

    def _read_line(self) -> bool:
        line, end, rest = bytes(self._buffer).partition(b"\r\n")
        if not end:
            return False
        self._buffer = bytearray(rest)
        verb = line[:4].upper()
        if verb == b"EHLO":
            self._sink.reached(Point.EHLO)
            self._say("250-sink\r\n250-PIPELINING\r\n250 8BITMIME")
        elif verb == b"MAIL":
            self._sink.reached(Point.MAIL)
            self._recipients.clear()
            self._say("250 2.1.0 OK")
        elif verb == b"RCPT":
            self._take_recipient(line)
        elif verb == b"DATA":
            self._take_data()
        else:
            self._say("221 2.0.0 Bye" if verb == b"QUIT" else "250 2.0.0 OK")
        return True

    def _take_recipient(self, line: bytes) -> None:
        self._sink.reached(Point.RCPT)
        match = _ADDRESS.search(line)
        address = match[1].decode() if match else ""
        reply = self._sink.answer_to(address)
        if reply.startswith("250"):
            self._recipients.append(address)
        self._say(reply)

    def _take_data(self) -> None:
        self._sink.reached(Point.DATA)
        if not self._recipients:
            self._say("554 5.5.1 No valid recipients")
        elif self._sink.withholding:
            self._waits = True
            self._sink.hold(self._go_ahead)
        else:
            self._go_ahead()

    def _go_ahead(self) -> None:
        self._receiving = True
        self._noted.clear()
        self._say("354 Go ahead")
        self._resume()

    def _read_content(self) -> bool:
        content, dot, rest = bytes(self._buffer).partition(_DOT)
        self._note(Point.CONTENT)
        if dot or content.endswith(_END):
            self._note(Point.HELD)
        if not dot:
            return False
        self._buffer = bytearray(rest)
        self._receiving = False
        self._take(content)
        return True

    def _note(self, point: Point) -> None:
        if point not in self._noted:
            self._noted.add(point)
            self._sink.reached(point)

    def _take(self, content: bytes) -> None:
        match = _ID.search(content)
        message_id = match[1].decode() if match else ""
        mail = [Taken(message_id, recipient) for recipient in self._recipients]
        self._sink.took(mail)
        if self._sink.cuts(mail):
            self.cut()
        elif self._sink.delay_seconds:
            self._waits = True
            loop = asyncio.get_running_loop()
            loop.call_later(self._sink.delay_seconds, self._answer, mail)
        else:
            self._answer(mail)

    def _answer(self, mail: list[Taken]) -> None:
        self._sink.speaker = self._port
        if not self._transport.is_closing():
            self._say("250 2.0.0 Taken")
            self._sink.told(mail)
        self._resume()

    def _resume(self) -> None:
        self._waits = False
        self._read()

    def _say(self, line: str) -> None:
        self._transport.write(line.encode() + b"\r\n")
