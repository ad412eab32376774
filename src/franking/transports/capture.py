"""A mailbox server on this machine that keeps what it is sent, for the demo and for tests.

It accepts or refuses by the local part of the recipient, so that every ending of a mail can be
seen without a real provider; what stands in no row is accepted. What follows a plus sign makes
another address of the same kind: once+a@ and once+b@ are each refused once.

| write to | the server says | when |
|---|---|---|
| `full@` | 552 5.2.2, the mailbox is full | to the recipient |
| `unknown@` | 550 5.1.1, no such user | to the recipient |
| `limit@` | 550 5.4.5, your own daily sending limit is reached | to the recipient |
| `once@` | 552 5.2.2, the mailbox is full, the first time; then it accepts | to the recipient |
| `greylist@` | 451 4.7.1 the first time, then it accepts | to the recipient |
| `busy@` | 421 4.3.2, and hangs up | to the recipient |
| `spam@` | 554 5.7.1, blocked | after the message |
| `slow@` | accepts, after some seconds | after the message |
| `drop@` | hangs up without an answer; the mail was kept | after the message |
"""

from __future__ import annotations

import asyncio
from collections import deque
from email.parser import BytesHeaderParser
from typing import cast

import msgspec
from aiosmtpd.smtp import SMTP, Session
from aiosmtpd.smtp import Envelope as Received

REFUSED_RECIPIENTS = {
    "full": "552 5.2.2 The email account that you tried to reach is over quota and inactive.",
    "unknown": "550 5.1.1 The email account that you tried to reach does not exist. "
    "Please try double-checking the recipient's email address for typos.",
    "limit": "550 5.4.5 Daily user sending limit exceeded. For more information on Gmail "
    "sending limits go to https://support.google.com/a/answer/166852",
    "busy": "421 4.3.2 Service busy, please try again later, closing transmission channel",
}
# To an address for the first time.
REFUSED_ONCE = {
    "greylist": "451 4.7.1 Greylisted, please try again in a few minutes",
    "once": "552 5.2.2 The email account that you tried to reach is over quota.",
}
REFUSED_MESSAGES = {
    "spam": "554 5.7.1 Message blocked: it looks like spam",
}

MOST_OCTETS = 25 * 1024 * 1024
KEPT_OCTETS = 64 * 1024 * 1024


class CapturedMail(msgspec.Struct, frozen=True):
    """A mail as it arrived; `content` is without the dots that were stuffed."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    message_id: str | None


class Capture:
    """The server; port 0 takes a free one. It keeps the last `keep` mails, 64 MiB at most."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        keep: int = 1000,
        slow_seconds: float = 3.0,
    ) -> None:
        self._address = (host, port)
        self._mailbox = _Mailbox(keep, slow_seconds)
        self._server: asyncio.Server | None = None
        self._sessions: set[SMTP] = set()

    async def start(self) -> None:
        """Listen; raises OSError where the port is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._session, *self._address)

    async def stop(self) -> None:
        """Stop listening and hang up; the mails stay."""
        if self._server is None:
            return
        self._server.close()
        for session in self._sessions:
            if session.transport is not None:
                _socket(session).abort()
        self._sessions.clear()
        await self._server.wait_closed()
        self._server = None

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None, "not started"
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def mails(self) -> list[CapturedMail]:
        """What it has kept, oldest first."""
        return list(self._mailbox.mails)

    def _session(self) -> SMTP:
        self._sessions = {s for s in self._sessions if s.transport is not None}
        session = SMTP(
            self._mailbox,
            hostname="capture.localhost",
            ident="franking capture",
            data_size_limit=MOST_OCTETS,
            enable_SMTPUTF8=True,
            loop=asyncio.get_running_loop(),
        )
        self._sessions.add(session)
        return session


class _Mailbox:
    """What aiosmtpd calls back: it names these methods."""

    def __init__(self, keep: int, slow_seconds: float) -> None:
        self.mails: deque[CapturedMail] = deque()
        self._keep = keep
        self._octets = 0
        self._slow_seconds = slow_seconds
        # Who was refused once; the oldest are forgotten.
        self._refused: deque[tuple[str | None, str]] = deque(maxlen=1000)

    async def handle_EHLO(
        self, _server: SMTP, session: Session, _envelope: Received, name: str, lines: list[str]
    ) -> list[str]:
        session.host_name = name
        return [*lines[:-1], "250-PIPELINING", "250-ENHANCEDSTATUSCODES", lines[-1]]

    async def handle_RCPT(
        self, server: SMTP, _session: Session, envelope: Received, address: str, _: list[str]
    ) -> str:
        name = _name(address)
        if name in REFUSED_ONCE and (envelope.mail_from, address) not in self._refused:
            self._refused.append((envelope.mail_from, address))
            return REFUSED_ONCE[name]
        if name == "busy":
            # The reply is written before the loop turns again.
            asyncio.get_running_loop().call_soon(_socket(server).close)
        if name in REFUSED_RECIPIENTS:
            return REFUSED_RECIPIENTS[name]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Received) -> str:
        names = {_name(address) for address in envelope.rcpt_tos}
        for name in names & REFUSED_MESSAGES.keys():
            return REFUSED_MESSAGES[name]
        if "slow" in names:
            await asyncio.sleep(self._slow_seconds)
        self._keep_mail(envelope)
        if "drop" in names:
            _socket(server).abort()
            # The loss of the connection cancels this; nothing more is said.
            await asyncio.get_running_loop().create_future()
        return "250 2.0.0 OK: kept"

    def _keep_mail(self, envelope: Received) -> None:
        content = cast("bytes", envelope.content)
        message_id = BytesHeaderParser().parsebytes(content).get("Message-ID")
        mail = CapturedMail(envelope.mail_from or "", tuple(envelope.rcpt_tos), content, message_id)
        self.mails.append(mail)
        self._octets += len(content)
        while len(self.mails) > self._keep or self._octets > KEPT_OCTETS:
            self._octets -= len(self.mails.popleft().content)


def _socket(server: SMTP) -> asyncio.Transport:
    return cast("asyncio.Transport", server.transport)


def _name(address: str) -> str:
    return address.rpartition("@")[0].partition("+")[0].lower()
