"""What every store promises, in the words of the design; each promise has its docstring.

Calls are batch-first: they take many and answer for each, in order. Callers in the same few
milliseconds share one commit, and one caller's bad row fails alone. A call that returns has
committed, on disk. Everything that concerns an attempt is fenced by the epoch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from franking.core.attempt import Attempt, Lease, Settlement
from franking.stores.account_store import MOST_WAITING, AccountStore
from franking.stores.cadence_store import (
    CadenceStore,
    Found,
    LookedTouchpoints,
    TouchpointFilter,
    Write,
)
from franking.stores.collections_store import (
    Collection,
    Full,
    Kept,
    NewDocument,
    Shelf,
    TemplateCollection,
)
from franking.stores.inbox_store import InboxCounts, InboxRow, InboxStore, TakeIn
from franking.stores.keys import KeyRows
from franking.stores.look_store import HeldAccount, Line, Looked, LookStore, Stock, Tallied
from franking.stores.outbox_store import OutboxCounts, OutboxStore, Unheard, Waiting
from franking.stores.refusals import (
    AlreadyExists,
    KeyReused,
    NotFound,
    StoreRefused,
    StoreUnavailable,
    Unsure,
)
from franking.stores.restoring_store import RestoringStore
from franking.stores.retention_store import RetentionStore, Walk, Walked
from franking.stores.returns import Returns
from franking.stores.sessions import SessionRows
from franking.stores.timer_store import TimerStore
from franking.stores.values import (
    Change,
    Claimed,
    Counts,
    Decide,
    DecideTimer,
    Filter,
    FreshTimer,
    Lapse,
    Mail,
    NewMail,
    Once,
    Replay,
    Serve,
    Stored,
    StoredEvent,
    TimerChange,
    TimerFilter,
    Unserved,
)
from franking.stores.watch_store import Usage, Watched, WatchStore
from franking.stores.webhook_store import (
    MOST_OCTETS,
    HookCounts,
    LifecycleEvent,
    Queued,
    Undelivered,
    WebhookStore,
)

__all__ = [
    "MOST_OCTETS",
    "MOST_WAITING",
    "AlreadyExists",
    "CadenceStore",
    "Change",
    "Claimed",
    "Collection",
    "Counts",
    "Decide",
    "DecideTimer",
    "Filter",
    "Found",
    "FreshTimer",
    "Full",
    "HeldAccount",
    "HookCounts",
    "InboxCounts",
    "InboxRow",
    "InboxStore",
    "Kept",
    "KeyReused",
    "Lapse",
    "LifecycleEvent",
    "Line",
    "LookStore",
    "Looked",
    "LookedTouchpoints",
    "Mail",
    "NewDocument",
    "NewMail",
    "NotFound",
    "Once",
    "OutboxCounts",
    "OutboxStore",
    "Queued",
    "Replay",
    "Serve",
    "Shelf",
    "Stock",
    "Store",
    "StoreRefused",
    "StoreUnavailable",
    "Stored",
    "StoredEvent",
    "TakeIn",
    "Tallied",
    "TemplateCollection",
    "TimerChange",
    "TimerFilter",
    "TouchpointFilter",
    "Undelivered",
    "Unheard",
    "Unserved",
    "Unsure",
    "Usage",
    "Waiting",
    "Walk",
    "Walked",
    "WatchStore",
    "Watched",
    "WebhookStore",
    "Write",
]


class Store(Protocol):
    """A database of mails."""

    async def open(self) -> None:
        """Connect and migrate. Raises `StoreRefused`."""

    async def close(self) -> None:
        """Finish what is queued and disconnect."""

    async def submit(
        self, mails: Sequence[NewMail], once: Once | None = None
    ) -> list[Mail] | Replay:
        """Insert new mails; all of them or none. Raises `AlreadyExists`, `KeyReused`."""

    async def change(
        self, ids: Sequence[str], decide: Decide, once: Once | None = None
    ) -> list[Stored | Exception | None] | Replay:
        """Read each mail and write what `decide` says of it, all in one transaction.

        The answer for each id is the mail as it is then (None: deleted, or never was) or the
        exception that `decide` raised, which changed nothing.
        """

    async def claim(self, now: int, limit: int, lease_ms: int) -> list[Claimed]:
        """Lease up to `limit` due mails to the caller: fair among accounts, by priority, oldest
        due first. Each gets an epoch that no lease ever had."""

    async def claim_alone(self, now: int, lease_ms: int) -> Claimed | None:
        """Lease one due mail whose leases ran out too often to be claimed beside others."""

    async def suspects(self, now: int) -> bool:
        """Is there a mail for `claim_alone`?"""

    async def transmitting(self, leases: Sequence[Lease], now: int) -> list[bool]:
        """Write that the dot may go out, for each lease that still holds at `now` and whose
        account is not paused; false for the others."""

    async def renew(self, leases: Sequence[Lease], expires_at: int) -> list[bool]:
        """Move the end of each lease that still holds."""

    async def settle(self, settlements: Sequence[Settlement]) -> list[bool]:
        """Write the end of attempts: state, attempt, event, remainder, in one transaction.

        True where the lease still held (or this very settlement was written before). False where
        it was lost: the attempt is recorded, and what it proves is applied (`core/proof`).
        """

    async def sweep(self, now: int, limit: int, lapse: Lapse) -> int:
        """Settle up to `limit` leases that ran out before `now` as `lapse` decides; how many."""

    async def give_up(self, now: int, limit: int, decide: Decide) -> int:
        """Apply `decide` to up to `limit` waiting mails past their `give_up_at`; how many."""

    async def give_up_held(
        self, limited_before: int, disconnected_before: int, limit: int, decide: Decide
    ) -> int:
        """Apply `decide` to up to `limit` waiting mails whose account holds them: due before
        `limited_before` and its sending limit was met, or due before `disconnected_before` and
        it is disconnected; how many."""

    async def delete_expired(self, now: int, limit: int) -> int:
        """Delete up to `limit` mails that have ended and expired by `now`, with their attempts; how
        many. Those of a touchpoint stay with it."""

    async def forget_answers(self, before: int, limit: int) -> int:
        """Delete up to `limit` kept answers older than `before` whose mails are gone."""

    async def next_due(self) -> int | None:
        """When the next waiting mail is due; None where none waits."""

    async def read(self, id: str) -> Stored | None:
        """One mail with its document."""

    async def page(self, filter: Filter, limit: int) -> list[Stored]:
        """The newest mails that match, remainders left out."""

    async def matching(self, filter: Filter, limit: int) -> list[tuple[int, str]]:
        """Seq and id of the oldest mails that match, after `filter.after`, remainders left out."""

    async def timeline(self, id: str) -> list[Attempt]:
        """Every attempt at a mail and at its remainders, oldest first."""

    async def events(self, after: int, limit: int) -> list[StoredEvent]:
        """Events committed after the one numbered `after`."""

    async def last_event(self) -> int:
        """The number of the newest event, 0 where there is none."""

    async def counts(self, now: int, grace_ms: int) -> Counts:
        """What `franking doctor` prints."""

    async def foreign_commits(self) -> int:
        """A number that changes when another process has committed."""

    @property
    def keys(self) -> KeyRows:
        """Who may call, each with what it promises there."""

    @property
    def sessions(self) -> SessionRows:
        """Who is signed in to the console, each with what it promises there."""

    @property
    def timers(self) -> TimerStore:
        """Timers, each call with what it promises there."""

    @property
    def inbox(self) -> InboxStore:
        """What applications wrote with INSERT, each call with what it promises there."""

    @property
    def outbox(self) -> OutboxStore:
        """What the outlet has yet to hear, each call with what it promises there."""

    @property
    def webhooks(self) -> WebhookStore:
        """Webhooks and what each has yet to hear, each call with what it promises there."""

    @property
    def look(self) -> LookStore:
        """What people look at, each call with what it promises there."""

    retention: RetentionStore
    """Letting go of what is old, each call with what it promises there."""

    @property
    def restoring(self) -> RestoringStore:
        """What a restored database needs, each call with what it promises there."""

    @property
    def watch(self) -> WatchStore:
        """How it stands, for whoever watches it, each call with what it promises there."""

    @property
    def cadence(self) -> CadenceStore:
        """The embedded package's own rows, each call with what it promises there."""

    @property
    def accounts(self) -> AccountStore:
        """Senders' mailboxes, each call with what it promises there."""

    @property
    def templates(self) -> TemplateCollection:
        """Templates, each call with what it promises there."""

    @property
    def users(self) -> Collection:
        """Users that mails name by their ids, each call with what it promises there."""

    returns: Returns
    """What comes back, each call with what it promises there."""

    @property
    def commits(self) -> int:
        """How many transactions this process has committed (what a mail costs)."""
