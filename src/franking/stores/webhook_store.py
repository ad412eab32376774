"""What every store promises of webhooks; what returns has been committed, on disk.

An event waits for each webhook that hears its kind from the transaction on that wrote the fact.
Those of one mail are claimed for a webhook by one teller at a time, in their order; a teller that
is gone is forgotten after a while, and what it told is told again under the same id. Each call
raises `StoreUnavailable` where the store does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from franking.core.lifecycle import Told
from franking.core.webhook import HookReport, Webhook
from franking.stores.values import Mail

MOST_COUNTED = 10_000
# A document over that is told without its bodies.
MOST_OCTETS = 256 * 1024

Set = Callable[[Webhook | None], Webhook]


class Queued(msgspec.Struct, frozen=True):
    """An event that a webhook has yet to hear, and how often it was tried."""

    seq: int
    mail: str
    tries: int
    id: str
    kind: Told
    occurred_at: int


class Undelivered(msgspec.Struct, frozen=True):
    """A waiting or parked event of a webhook, as people look at it."""

    seq: int
    mail: str
    state: str
    tries: int
    id: str
    kind: Told
    occurred_at: int
    tried_at: int | None = None
    next_at: int | None = None
    error: str | None = None


class LifecycleEvent(msgspec.Struct, frozen=True):
    """One of the seven, with its mail and document as they were when it happened.

    `cut`: the document is without its bodies, for it is too large, or it is not there at all.
    """

    seq: int
    id: str
    kind: Told
    occurred_at: int
    mail: Mail
    document: msgspec.Raw
    cut: bool = False


class HookCounts(msgspec.Struct, frozen=True):
    """How much waits and is parked for a webhook; no more than MOST_COUNTED are counted."""

    waiting: int = 0
    parked: int = 0


class WebhookStore(Protocol):
    """The webhooks of a store, and what each has yet to hear."""

    async def installation(self) -> str:
        """Who we are: an id that never changes."""

    async def every(self) -> list[Webhook]:
        """All webhooks, the oldest first."""

    async def save(self, id: str, decide: Set) -> Webhook | None:
        """Write what `decide` makes of a webhook, or of None where there is none such; as it is
        then, None where there are too many. What `decide` raises changed nothing."""

    async def remove(self, id: str) -> bool:
        """Remove a webhook, and what it has yet to hear by and by; false where there is none."""

    async def stand(self, hook: Webhook) -> None:
        """Write how a webhook stands (state, pause, reason), unless a person changed it since."""

    async def reseal(self, id: str, old: bytes, new: bytes) -> bool:
        """Put `new` where `old` still is."""

    async def hear(self, kinds: Sequence[Told], until: int) -> None:
        """Somebody listens: events of these kinds are written until then at least."""

    async def event(self, seq: int) -> LifecycleEvent | None:
        """One of the seven; None where it is none, or forgotten."""

    async def claim(self, id: str, now: int, limit: int, each: int, until: int) -> list[Queued]:
        """The first `each` waiting events of up to `limit` mails that are due for a webhook,
        together by mail and in order; nobody else gets those mails for it before `until`."""

    async def settle(self, id: str, reports: Sequence[HookReport]) -> None:
        """Write what became of events. Those of a mail come in one call, and free it."""

    async def free(self, id: str, mails: Sequence[tuple[str, int]]) -> None:
        """Mails that were claimed and not told may be claimed again from then on."""

    async def next_due(self, id: str) -> int | None:
        """When a webhook may be told of its next event."""

    async def counts(self, id: str) -> HookCounts:
        """How much a webhook has yet to hear."""

    async def page(
        self, id: str, state: str | None, after: int | None, limit: int
    ) -> list[Undelivered]:
        """What a webhook has yet to hear, newest first."""

    async def resend(self, id: str, seq: int | None, mail: str | None, now: int, limit: int) -> int:
        """Parked events wait again: one, those of a mail, or all; how many do."""

    async def forget(self, after: int, before: int, limit: int) -> int | None:
        """Forget, of `limit` events after the one numbered `after`, those that nobody has yet to
        hear; where to go on, None at the first that did not happen `before` then, or at the end.
        And some of what waited for webhooks that were removed."""
