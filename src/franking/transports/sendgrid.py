"""Sends mails through SendGrid's Web API v3 for one account.

Policy. A mail is one request, whose last octet is held back until the gate lets it out
(`sendgrid_body`); `sendgrid_answer` says what the answer means. Without one, before that octet
nothing was sent, behind it nobody knows. Nothing is ever sent again by this transport.

Until SendGrid has taken the key once, one mail goes at a time, so that a wrong key is met by one
mail and not by ten; where nobody can be reached, that is no matter of the key. Cancelling `send`
hangs up.
"""

from __future__ import annotations

import asyncio
import ssl
from http import HTTPStatus

from franking.compose.envelope import Envelope, Form, Letter
from franking.core.fault import Failure
from franking.transports.base import Answer, Doubt, Gate, Rejected, Withheld
from franking.transports.sendgrid_answer import read
from franking.transports.sendgrid_body import Body
from franking.transports.sendgrid_exchange import PROVIDER, Exchange
from franking.transports.sendgrid_payload import Payload, payload
from franking.transports.sendgrid_settings import SendGridSettings
from franking.transports.smtp_failures import doubted

SEND = "/v3/mail/send"
# https://www.twilio.com/docs/sendgrid/api-reference/mail-send/limitations: less than 30 MB.
MOST_OCTETS = 30 * 1024 * 1024
LARGE_OCTETS = 256 * 1024
MIME_ONLY = (
    "What is left of this mail was composed for SMTP, and its account goes through SendGrid now."
)


class SendGrid:
    """A `Transport` over HTTPS."""

    wants: Form = "letter"

    def __init__(
        self,
        settings: SendGridSettings,
        *,
        connections: int = 10,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._settings = settings
        self._most = settings.max_connections or connections
        self._tls = tls
        self._places = asyncio.Semaphore(self._most)
        self._turn = asyncio.Lock()
        self._one_by_one = True
        self._exchange: Exchange | None = None
        self._under_way = 0
        self._gone = asyncio.Event()
        self._closing = False

    def __repr__(self) -> str:
        return f"SendGrid({self._settings!r})"

    async def send(self, envelope: Envelope, gate: Gate) -> Answer:
        """Send one mail; waits for a place. `Withheld` once `close` was called."""
        if envelope.letter is None:
            return Rejected(Failure("compose", MIME_ONLY, f"Error: {MIME_ONLY}"))
        async with self._places:
            if not self._one_by_one:
                return await self._sent(envelope, envelope.letter, gate)
            async with self._turn:
                return await self._sent(envelope, envelope.letter, gate)

    async def close(self) -> None:
        """Finish what is under way and hang up; cancelling it hangs up at once."""
        self._closing = True
        try:
            while self._under_way:
                self._gone.clear()
                await self._gone.wait()
        finally:
            if self._exchange is not None:
                await self._exchange.close()

    async def _sent(self, envelope: Envelope, letter: Letter, gate: Gate) -> Answer:
        if self._closing or not gate.begins():
            return Withheld()
        self._under_way += 1
        try:
            made = await _made(envelope, letter)
            if len(made.body) > MOST_OCTETS:
                return Rejected(_too_large(len(made.body)))
            return await self._posted(made, Body(made.body, gate))
        finally:
            self._under_way -= 1
            self._gone.set()

    async def _posted(self, made: Payload, body: Body) -> Answer:
        """The answer, or what there is to say without one, once the gate is done with."""
        if self._exchange is None:
            self._exchange = Exchange(self._settings, self._most, self._tls)
        found = await self._exchange.post(SEND, body.pieces(), len(body), body.cut)
        await body.settled()
        if body.withheld:
            return Withheld()
        if isinstance(found, Failure):
            self._one_by_one = False
            return Doubt(doubted(found)) if body.out else Rejected(found)
        self._one_by_one = found.status == HTTPStatus.UNAUTHORIZED
        return read(found, made, whole=body.out)


async def _made(envelope: Envelope, letter: Letter) -> Payload:
    """Beside the event loop where it is large, so that it holds nobody up."""
    octets = sum(len(one.octets) for one in letter.enclosures)
    if octets + sum(len(text) for _, text in letter.texts) > LARGE_OCTETS:
        return await asyncio.to_thread(payload, envelope, letter)
    return payload(envelope, letter)


def _too_large(octets: int) -> Failure:
    """SendGrid would say 413, or hang up in the midst of it; so we do, and spare the way."""
    return Failure(
        step="mail",
        text=f"Message size {octets} exceeds SendGrid's limit of {MOST_OCTETS}",
        error=f"Error: Message size larger than allowed {MOST_OCTETS}",
        provider=PROVIDER,
    )
