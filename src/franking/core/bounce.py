"""What comes back after a mail left: reports, and what is kept of them and written for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from franking.core.delivery import Delivery
from franking.core.event import Event, Links
from franking.core.suppression import Suppression

FAILED, DELAYED = "failed", "delayed"
RECEIPTS = ("delivered", "relayed", "expanded")


class Notice(msgspec.Struct, frozen=True):
    """What a report says of one recipient: the fields of RFC 3464, section 2.3.

    `original` is whom the mail was sent to, `final` where it ended up; `text` the peer's words.
    """

    action: str
    final: str
    original: str | None = None
    status: str | None = None
    text: str = ""
    remote: str | None = None


class Report(msgspec.Struct, frozen=True):
    """A report as read: the Message-IDs that its mail may have had, the surest first."""

    message_ids: tuple[str, ...]
    notices: tuple[Notice, ...]


class Bounce(msgspec.Struct, frozen=True):
    """One entry on a mail's timeline; `category` and `cause` where it is no receipt."""

    fingerprint: str
    mail: str
    recipient: str
    action: str
    status: str | None
    received_at: int
    category: str | None
    cause: str | None
    text: str


class Fields(msgspec.Struct, frozen=True):
    """The address fields of a document; a remainder has `recipients`, its envelope's."""

    to: Any = None
    cc: Any = None
    bcc: Any = None
    recipients: list[str] | None = None


class Candidate(msgspec.Struct, frozen=True):
    """A mail, or a remainder of one, that has the Message-ID.

    `in_doubt`: one of its attempts with that Message-ID is in doubt. `recipients` are read from
    `fields` by who can read addresses.
    """

    seq: int
    id: str
    remainder_of: str | None
    delivery: Delivery
    links: Links
    in_doubt: bool
    fields: Fields = Fields()
    recipients: tuple[str, ...] = ()

    @property
    def root(self) -> str:
        return self.remainder_of or self.id


class Proof(msgspec.Struct, frozen=True):
    """A doubt that is over: the row, its next delivery, and what is told of it."""

    seq: int
    delivery: Delivery
    event: Event | None


class Filing(msgspec.Struct, frozen=True):
    """What is written for one report; `repeated` are the entries that are there already."""

    fresh: tuple[Bounce, ...] = ()
    repeated: tuple[Bounce, ...] = ()
    proofs: tuple[Proof, ...] = ()
    events: tuple[Event, ...] = ()
    suppressions: tuple[Suppression, ...] = ()
    unknown: tuple[str, ...] = ()


Known = Callable[[Sequence[str]], set[str]]
Decide = Callable[[str, Sequence[Candidate], Known], Filing]
