"""What every transport promises: a `Receipt`, a `Failure` or one of two named silences.

A transport never raises for what a server may say or a network may do. It asks the `Gate`
before the final dot, so that the engine decides whether a mail may still go out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol

import msgspec

from franking.compose.envelope import Envelope, Form, Unsendable
from franking.compose.links import Fetched, Link
from franking.core.fault import Failure
from franking.core.sender import Secrets, Sender
from franking.core.timer import Timer
from franking.core.timer.calls import Called
from franking.core.webhook import Posted, Webhook


class Refusal(msgspec.Struct, frozen=True):
    """One recipient that the server did not take; `failure.reply_code` tells 4yz from 5yz."""

    address: str
    failure: Failure


class Receipt(msgspec.Struct, frozen=True):
    """The server took the mail for at least one recipient; `response` is its final answer.

    `queue_id` is what the server calls the mail, where it tells so beside its answer.
    """

    accepted: tuple[str, ...]
    refused: tuple[Refusal, ...]
    response: str
    queue_id: str | None = None


class Rejected(msgspec.Struct, frozen=True):
    """The mail was not taken for anybody, and certainly not: no dot went out, or a reply refused.

    `refused` tells each recipient's refusal where the server answered RCPT.
    """

    failure: Failure
    refused: tuple[Refusal, ...] = ()


class Doubt(msgspec.Struct, frozen=True):
    """The dot may have gone out and no answer came: whether the server has the mail is unknown.

    So it is where an answer came that does not tell (an HTTP server's own trouble).
    """

    failure: Failure


class Withheld(msgspec.Struct, frozen=True):
    """The gate stayed shut, so the connection was hung up before the dot: nothing was sent."""


Answer = Receipt | Rejected | Doubt | Withheld


class Gate(Protocol):
    """Asked by a transport on the way to the final dot."""

    def begins(self) -> bool:
        """Asked right before MAIL: may the mail still go, as far as this process knows?"""

    def transmitting(self) -> Awaitable[bool]:
        """Called once, when the content begins to go out; true once that is safely on disk."""

    def held(self) -> bool:
        """The last look, right before the dot is written: true while the lease is ours."""


class Transport(Protocol):
    """Sends mails for one account over connections that it keeps.

    `send` may be called many times at once; it queues for a free connection. Cancelling it
    before the dot hangs up. Over HTTP the dot is the last octet of a request's body.
    """

    @property
    def wants(self) -> Form:
        """What a mail is to be composed as; a remainder comes as `mime` all the same."""

    async def send(self, envelope: Envelope, gate: Gate) -> Answer:
        """Send one mail and tell how it ended; raises for our own bugs alone."""

    async def close(self) -> None:
        """Finish what is being transmitted, say QUIT, and hang up."""


class Routes(Protocol):
    """Finds the transport of an account."""

    async def route(self, account: str) -> Transport | Failure:
        """The account's transport, or why it has none."""


class Caller(Protocol):
    """Hands the data of timers over to their receivers, many at once, each in bounded time."""

    async def call(self, timer: Timer) -> Called:
        """Make one call and tell what it came to; raises for our own bugs alone."""

    async def close(self) -> None:
        """Hang up."""


class Poster(Protocol):
    """Tells webhooks of events, many at once, each call once and in bounded time."""

    async def post(self, hook: Webhook, id: str, content: bytes) -> Posted:
        """Tell of the event `id`, signed; raises for our own bugs alone."""

    async def drop(self, id: str) -> None:
        """A webhook is no more: hang up on it."""

    async def close(self) -> None:
        """Hang up; calls under way end with an error."""


class Fetcher(Protocol):
    """Fetches what attachments name by an address, in bounded time and size, for many at once."""

    async def fetch(self, wanted: Sequence[Link], keeper: int) -> Fetched | Unsendable:
        """All of a mail's, or why not; held in memory, and counted, until `let_go(keeper)`."""

    def let_go(self, keeper: int) -> None:
        """The mail has ended: what was fetched for it is needed no more."""

    async def close(self) -> None:
        """Hang up."""


class Outfitter(Protocol):
    """Fits accounts out: checks what one is sent through, keeps its secrets, tries it."""

    def check(self, sender: Sender, secrets: Secrets) -> None:
        """Could it be sent through? Raises ValueError, which names the field and no value."""

    def seal(self, account: str, secrets: Secrets) -> bytes:
        """The secrets as the store may keep them. Raises `SecretLost`."""

    def changed(self, account: str) -> None:
        """Its settings are others now: what goes from here on goes by them."""

    async def sign_in(self, account: str) -> Failure | None:
        """Connect, encrypt and log in as the account is stored now, and send nothing."""

    async def reseal(self) -> int:
        """Put every secret under the newest key; how many were put. Raises as `seal` does."""
