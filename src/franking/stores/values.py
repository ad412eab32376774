"""What goes into a store and comes out of it: mails, timers, changes of them, keys of repeats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from franking.core.attempt import Lease, Settlement
from franking.core.delivery import Delivery
from franking.core.event import Event, Links
from franking.core.prediction import Standing
from franking.core.timer import Callback, Timer


class NewMail(msgspec.Struct, frozen=True):
    """A mail to insert. `document` is its JSON; `search` the words that `q` looks in; `recipient`
    and `subject` what a list shows of it."""

    id: str
    account: str
    priority: int
    created_at: int
    on_unknown: str
    links: Links
    delivery: Delivery
    document: msgspec.Raw
    search: str
    message_token: str
    recipients: int = 1
    timed: int = 0
    event: Event | None = None
    recipient: str | None = None
    subject: str | None = None


class Mail(msgspec.Struct, frozen=True):
    """A stored mail without its document.

    `version` grows with every write of the row, `revision` with every edit of the document.
    `message_token` is what its Message-ID is made of: kept over all attempts until the mail was
    sent or its fields changed. `timed` is the revision of the timer that it was served by, 0 where
    there is none.
    """

    seq: int
    id: str
    account: str
    priority: int
    created_at: int
    revision: int
    version: int
    on_unknown: str
    links: Links
    delivery: Delivery
    message_token: str
    remainder_of: str | None = None
    hold: Standing | None = None
    timed: int = 0


class Stored(msgspec.Struct, frozen=True):
    """A mail with its document's JSON, and the timer that it was served by, without its data."""

    mail: Mail
    document: msgspec.Raw
    timer: Timer | None = None


class Claimed(msgspec.Struct, frozen=True):
    """A mail under a lease. A remainder's `document` is its envelope, and `content` its bytes.

    `pauses` counts the sending limits that its account met in a row; `probe`: it is the one mail
    that is tried after a pause. `address` is the account's own: the mail's default From.
    """

    mail: Mail
    document: msgspec.Raw
    content: bytes | None = None
    pauses: int = 0
    probe: bool = False
    address: str | None = None

    @property
    def lease(self) -> Lease:
        return Lease(self.mail.seq, self.mail.delivery.epoch)


class Change(msgspec.Struct, frozen=True):
    """What to write for one mail id: insert it, change its row or document, or remove it.

    `document` and what is made of it (`search`, `recipient`, `subject`) replace the stored ones;
    `drop_remainders` deletes recipients that still wait from an earlier round. What is None stays.
    A `quiet` one is not read again and answered: of many mails at once that would be all documents.
    `asked` is a person's new round, as `core/lifecycle` tells of it; `at` is when it is deleted.
    """

    insert: NewMail | None = None
    delivery: Delivery | None = None
    document: msgspec.Raw | None = None
    search: str | None = None
    account: str | None = None
    priority: int | None = None
    recipients: int | None = None
    on_unknown: str | None = None
    links: Links | None = None
    message_token: str | None = None
    drop_remainders: bool = False
    delete: bool = False
    quiet: bool = False
    timed: int | None = None
    timer: TimerChange | None = None
    event: Event | None = None
    recipient: str | None = None
    subject: str | None = None
    asked: str | None = None
    at: int = 0


class Once(msgspec.Struct, frozen=True):
    """An Idempotency-Key: `scope` is the credential and the route, `fingerprint` the body's.

    `answer` makes the bytes to keep from the call's result, inside its transaction.
    """

    scope: str
    key: str
    fingerprint: str
    at: int
    answer: Callable[[Any], bytes]


class Replay(msgspec.Struct, frozen=True):
    """The first answer under an Idempotency-Key; nothing was done again."""

    answer: bytes


class Filter(msgspec.Struct, frozen=True):
    """Which mails to list. `q` is matched by word prefix; `after` is the last `seq` seen."""

    state: str | None = None
    category: str | None = None
    account: str | None = None
    touchpoint: str | None = None
    q: str | None = None
    after: int | None = None


class StoredEvent(msgspec.Struct, frozen=True):
    """An event as listeners get it: `seq` grows in the order of commits."""

    seq: int
    id: str
    kind: str
    mail: str
    occurred_at: int
    body: dict[str, Any]
    touchpoint_id: str | None = None
    sequence: int | None = None


class Counts(msgspec.Struct, frozen=True):
    """How many mails and timers are in each state, how the outbox stands (as `OutboxCounts`), how
    many webhooks are in each state with what all have yet to hear, how the inbox stands (as
    `InboxCounts`), and what is stuck (must be nothing)."""

    states: dict[str, int]
    stuck: list[dict[str, Any]]
    timers: dict[str, int] = {}
    outbox: dict[str, Any] = {}
    webhooks: dict[str, int] = {}
    inbox: dict[str, Any] = {}


class FreshTimer(msgspec.Struct, frozen=True):
    """A timer to insert; `lane` is whom it waits for, `data` JSON."""

    id: str
    callback: Callback
    lane: str
    due_at: int
    created_at: int
    data: msgspec.Raw | None = None


class TimerChange(msgspec.Struct, frozen=True):
    """What to write for one timer, at `now`.

    `replaced` begins a life of `fresh`. `retried` may bring new `data`; `served`: handed over in
    this very transaction, with the change of its mail. `asked` writes when the question was put.
    `mail` is what becomes of its mail. `refuse` is the answer once all that is written.
    """

    does: Literal["replaced", "deleted", "retried", "asked"]
    now: int
    fresh: FreshTimer | None = None
    data: msgspec.Raw | None = None
    served: bool = False
    asked_at: int | None = None
    mail: Change | None = None
    refuse: Exception | None = None


class TimerFilter(msgspec.Struct, frozen=True):
    """Which timers to list: `q` is the beginning of an id, `after` the last `seq` seen. With
    `data` they come with theirs, which may be large."""

    state: str | None = None
    transport: str | None = None
    q: str | None = None
    after: int | None = None
    data: bool = True


class Unserved(msgspec.Struct, frozen=True):
    """A timer that can't be handed over, and why; it has failed."""

    error: str


Decide = Callable[[Stored | None], Change | None]
Lapse = Callable[[Mail], Settlement]
DecideTimer = Callable[[Timer | None, Stored | None], TimerChange | None]
Serve = Callable[[Timer, Stored | None], Change | Unserved]
