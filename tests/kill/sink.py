"""An SMTP server that counts what it took and acts at any point of a conversation.

A mail counts as taken when its final dot was read, whether or not the answer could be given:
that is what RFC 5321 (section 6.1) lets a server deliver. How it answers goes by the address, as
in `ANSWERS`. It lives in the test process, so it survives every worker.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

# The last line of every document of these tests, so that the sink knows a whole content.
LAST_LINE = "That is all."
_END = LAST_LINE.encode() + b"\r\n"
_DOT = b"\r\n.\r\n"
_ID = re.compile(rb"^Message-ID:\s*(<[^>]*>)", re.IGNORECASE | re.MULTILINE)
_ADDRESS = re.compile(rb"<([^>]*)>")

# What RCPT is answered with, by the address's local part up to the first dash.
ANSWERS = {
    "limited": "550 5.4.5 Daily user sending limit exceeded.",
    "unknown": "550 5.1.1 No such user",
}
# Refused the first time, then taken: its mail leaves a remainder.
LATER = "later"
# Taken, and then the connection is cut instead of answering.
DROPPED = "dropped"
# So the first time, and then refused for good.
FICKLE = "fickle"


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


class Sink:
    """`async with Sink() as sink`; its port is `sink.port`.

    `delay_seconds` is waited before each dot's answer, `withholding` keeps every 354 back until
    `withheld` is called.
    """

    def __init__(self) -> None:
        self.taken: Counter[Taken] = Counter()
        self.answered: Counter[Taken] = Counter()
        self.seen: Counter[Point] = Counter()
        self.refused_once: set[str] = set()
        self.delay_seconds = 0.0
        self.withholding = False
        self.port = 0
        self._held: list[Callable[[], None]] = []
        self._traps: list[tuple[Point, int, Callable[[], None]]] = []
        self._sessions: set[_Session] = set()

    async def __aenter__(self) -> Sink:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Session(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for session in tuple(self._sessions):
            session.cut()

    def trap(self, point: Point, nth: int, act: Callable[[], None]) -> None:
        """Call `act` at the `nth` occurrence of `point` from now on."""
        self._traps.append((point, self.seen[point] + nth, act))

    def disarm(self) -> None:
        """Forget every trap, and be quick again."""
        self._traps.clear()
        self.delay_seconds = 0.0

    def times(self, recipient: str) -> int:
        """How often a mail for this recipient was taken, under whatever Message-ID."""
        return sum(n for taken, n in self.taken.items() if taken.recipient == recipient)

    def withheld(self) -> Callable[[], None]:
        """Withhold no more; what gives the answers that were withheld."""
        self.withholding = False
        held, self._held = self._held, []

        def give() -> None:
            for answer in held:
                answer()

        return give

    # What a session tells.

    def joined(self, session: _Session) -> None:
        self._sessions.add(session)

    def left(self, session: _Session) -> None:
        self._sessions.discard(session)

    def reached(self, point: Point) -> None:
        self.seen[point] += 1
        for armed in tuple(self._traps):
            if armed[0] is point and armed[1] == self.seen[point]:
                self._traps.remove(armed)
                armed[2]()

    def hold(self, give: Callable[[], None]) -> None:
        self._held.append(give)

    def answer_to(self, address: str) -> str:
        """The reply to RCPT."""
        kind = address.partition("-")[0]
        if kind == LATER and address not in self.refused_once:
            self.refused_once.add(address)
            return "451 4.2.1 Try again later"
        if kind == FICKLE and self.times(address):
            return ANSWERS["unknown"]
        return ANSWERS.get(kind, "250 2.1.5 OK")


class _Session(asyncio.Protocol):
    """One connection; while it `waits` for something, what comes is kept."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._buffer = bytearray()
        self._recipients: list[str] = []
        self._receiving = False
        self._noted: set[Point] = set()
        self._waits = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
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
        self._sink.taken.update(mail)
        self._sink.reached(Point.DOT)
        if any(recipient.startswith((DROPPED, FICKLE)) for recipient in self._recipients):
            self.cut()
        elif self._sink.delay_seconds:
            self._waits = True
            loop = asyncio.get_running_loop()
            loop.call_later(self._sink.delay_seconds, self._answer, mail)
        else:
            self._answer(mail)

    def _answer(self, mail: list[Taken]) -> None:
        if not self._transport.is_closing():
            self._say("250 2.0.0 Taken")
            self._sink.answered.update(mail)
            self._sink.reached(Point.ANSWERED)
        self._resume()

    def _resume(self) -> None:
        self._waits = False
        self._read()

    def _say(self, line: str) -> None:
        self._transport.write(line.encode() + b"\r\n")
