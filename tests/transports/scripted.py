"""A server that says what a test tells it to, and remembers what it heard."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from franking.compose.envelope import Envelope
from franking.transports.smtp import Smtp
from franking.transports.smtp_settings import SmtpSettings, Timeouts

HANG_UP = None
SILENCE = ""
# Say the usual, once the test sets `release`.
WAIT = "wait"
DEADLINE_SECONDS = 5.0
CONTENT = b"Subject: x\r\n\r\n.hello\r\n..\r\n.\r\n"

_USUAL = {
    "GREETING": "220 hi",
    "EHLO": "250-mx\r\n250 PIPELINING",
    "DATA": "354 go on",
    # Nothing is said in the midst of a content.
    "CONTENT": SILENCE,
    "DOT": "250 2.0.0 taken",
    "QUIT": "221 bye",
}


def mail(*recipients: str, content: bytes = CONTENT) -> Envelope:
    """A mail to these, or to b@x.org."""
    return Envelope("a@x.org", recipients or ("b@x.org",), content, "<1@x.org>")


class Yes:
    """A gate that says yes, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def transmitting(self) -> bool:
        self.asked += 1
        return True

    def begins(self) -> bool:
        return True

    def held(self) -> bool:
        return True


class Scripted:
    """`answers` are by verb, or by verb and number ("MAIL 2": the second that it hears).

    A half of a surrogate pair in one stands for a byte that is no UTF-8 (PEP 383).
    """

    def __init__(self, answers: Mapping[str, str | None]) -> None:
        self.answers = {**_USUAL, **answers}
        self.heard: list[str] = []
        self.mails: list[bytes] = []
        self.writes: list[bytes] = []
        self.connections = 0
        self.cut_off = 0
        self.settings = SmtpSettings(host="127.0.0.1", port=0)
        self.release = asyncio.Event()
        self._counts: Counter[str] = Counter()
        self.open: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        self.open.add(writer)
        try:
            await self._converse(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open.discard(writer)
            writer.transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not await self._answer("GREETING", writer):
            return
        while line := await reader.readline():
            verb = line.split()[0].decode().upper()
            if not await self._answer(verb, writer) or verb == "QUIT":
                return
            if verb == "DATA" and self.said.startswith("354"):
                if not await self._answer("CONTENT", writer):
                    return
                await self._read_content(reader)
                if not await self._answer("DOT", writer):
                    return

    async def _read_content(self, reader: asyncio.StreamReader) -> None:
        lines = []
        try:
            while (line := await reader.readline()) != b".\r\n":
                if not line:
                    raise ConnectionError
                lines.append(line.removeprefix(b"."))
        except ConnectionError:
            # Reset, where it was hung up before all that had been said was read.
            self.cut_off += 1
            raise
        self.mails.append(b"".join(lines))

    async def _answer(self, verb: str, writer: asyncio.StreamWriter) -> bool:
        self.heard.append(verb)
        self._counts[verb] += 1
        numbered = f"{verb} {self._counts[verb]}"
        usual = self.answers.get(verb, "250 ok")
        reply = self.answers.get(numbered, usual)
        if reply == WAIT:
            await self.release.wait()
            reply = _USUAL.get(verb, "250 ok")
        self.said = reply or ""
        if reply:
            writer.write(reply.encode(errors="surrogateescape") + b"\r\n")
        return reply is not HANG_UP


@asynccontextmanager
async def scripted(**answers: str | None) -> AsyncIterator[Scripted]:
    """A server on a free port; `MAIL_2` names the second MAIL."""
    script = Scripted({verb.replace("_", " "): answer for verb, answer in answers.items()})
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    script.settings = SmtpSettings(host="127.0.0.1", port=port)
    try:
        yield script
    finally:
        server.close()
        for writer in tuple(script.open):
            writer.transport.abort()


@asynccontextmanager
async def sending(
    settings: SmtpSettings, *, connections: int = 10, timeouts: Timeouts | None = None
) -> AsyncIterator[Smtp]:
    """A client that is closed at the end, within the deadline."""
    fields = {name: getattr(settings, name) for name in settings.__struct_fields__}
    fields["timeouts"] = timeouts or settings.timeouts
    smtp = Smtp(SmtpSettings(**fields), connections=connections)
    async with asyncio.timeout(DEADLINE_SECONDS):
        yield smtp
        await smtp.close()


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until the condition holds; fails at the deadline."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not condition():
            turned = loop.create_future()
            loop.call_later(0.001, turned.set_result, None)
            await turned
