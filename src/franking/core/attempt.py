"""One try at one mail, as it is written down, and what settles it."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from franking.core.delivery import Delivery, Outcome, Stage
from franking.core.event import Event


class Lease(msgspec.Struct, frozen=True):
    """A claim on a mail for a while: `seq` is the mail's row, `epoch` only ever grows."""

    seq: int
    epoch: int


class Attempt(msgspec.Struct, frozen=True):
    """One try: `event` is how it ended along the machine, `stage` how far it got.

    `number` is `delivery.attempts` after it. `revision` is the document's revision that it sent.
    `text` keeps the peer's words verbatim; `steps` when each stage was reached and, for each
    recipient, what the server said. `late` is what its worker reported after its lease was lost.
    `message_id` is the mail's, where its content went out: what comes back is known by it.
    Times are milliseconds since 1970 UTC.
    """

    mail: str
    epoch: int
    number: int
    revision: int
    event: str
    stage: Stage
    outcome: Outcome
    started_at: int
    ended_at: int
    error: str | None = None
    category: str | None = None
    code: str | None = None
    text: str | None = None
    response: str | None = None
    worker: str = ""
    steps: list[dict[str, Any]] = []
    late: dict[str, Any] | None = None
    message_id: str | None = None


class Remainder(msgspec.Struct, frozen=True):
    """Recipients refused for now: a mail of its own with the first attempt's bytes.

    `envelope` is what the transport needs to send `content` again to just these recipients.
    """

    id: str
    parent: str
    delivery: Delivery
    envelope: dict[str, Any]
    content: bytes


class AccountNews(msgspec.Struct, frozen=True):
    """What an attempt's end says of the account that it was sent from.

    `limited`: its sending limit, until `until`; `disconnected`: its credentials were rejected;
    `went`: a probe was answered by anything else; `unreachable`: a probe met a connection fault;
    `unused`: nothing went after all, so that its limits get back what was taken.
    """

    account: str
    kind: Literal["limited", "disconnected", "went", "unreachable", "unused"]
    reason: str = ""
    until: int | None = None


class Settlement(msgspec.Struct, frozen=True):
    """The end of an attempt: the next delivery, the attempt, and what goes with them.

    `parent` is the id of the mail whose remainder this is: it is told the end. `news` is what the
    attempt says of the mail's account. `unknown` are the peer's words that no rule knows. A mail
    that was `timed` tells the timer that it was served by.
    """

    lease: Lease
    delivery: Delivery
    attempt: Attempt
    event: Event | None = None
    remainder: Remainder | None = None
    parent: str | None = None
    news: AccountNews | None = None
    unknown: tuple[str, ...] = ()
    timed: bool = False
