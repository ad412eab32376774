"""Another try for all mails that a filter names, batch after batch, while somebody watches.

Policy. A filter is required. What was sent, or may have been, is left out: that is asked for one by
one. Each batch is one transaction; the page asks for the next one, so that to stop is to ask no
more. What became of those before travels with the page, for it is only shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from litestar import get, post

from franking.apis.answers import Answer
from franking.apis.calls import Ask
from franking.apis.problems import Problem
from franking.core.delivery import State
from franking.core.rules import SENTENCES
from franking.office.retries import Tally
from franking.stores.base import Filter
from franking.web import asked, show
from franking.web.asked import Fields
from franking.web.rooms import Rooms, Row

_LABELS = {
    "state": "state",
    "category": "reason",
    "account": "account",
    "touchpoint": "touchpoint",
    "q": "words",
}
NAMES = tuple(_LABELS)
MOST_COUNTED = 1_000
MOST_REASONS = 20
PARAMETERS: dict[str, Callable[[str], Any]] = {
    "state": asked.one_of(State),
    "category": asked.one_of(SENTENCES),
    **dict.fromkeys(("account", "touchpoint", "q"), asked.words),
    "after": asked.seq,
}


class Reason(msgspec.Struct, frozen=True):
    """Why some were not retried: words, one of them, and how many."""

    detail: str
    mail: str
    count: int


class Progress(msgspec.Struct, frozen=True):
    """What became of those so far."""

    total: int = 0
    retried: int = 0
    left_out: int = 0
    refused: int = 0
    why: tuple[Reason, ...] = ()

    @property
    def looked(self) -> int:
        return self.retried + self.left_out + self.refused

    @property
    def json(self) -> str:
        """For the next batch's form."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def read(cls, fields: Fields) -> Progress:
        """As the batch before left it; what can't be read begins anew, for it is only shown."""
        try:
            return msgspec.json.decode(fields.get("progress", "{}"), type=cls)
        except msgspec.DecodeError:
            return cls()

    def with_batch(self, tally: Tally) -> Progress:
        """With what became of one more batch."""
        counted = {why.detail: why for why in self.why}
        for found in tally.why.values():
            before = counted.get(found.detail, Reason(found.detail, found.mail, 0))
            counted[found.detail] = Reason(before.detail, before.mail, before.count + found.count)
        return Progress(
            total=self.total,
            retried=self.retried + tally.retried,
            left_out=self.left_out + tally.left_out,
            refused=self.refused + tally.refused,
            why=tuple(sorted(counted.values(), key=lambda why: -why.count)[:MOST_REASONS]),
        )


class MailRetries:
    """The dialog of retrying all."""

    def __init__(self, rooms: Rooms) -> None:
        self._office = rooms.office
        self._pages = rooms.pages

    def routes(self) -> list[Row]:
        return [(get, "/mail/retry", self.ask), (post, "/mail/retry", self.retry)]

    async def ask(self, request: Ask) -> Answer:
        """GET /mail/retry: how many a filter names."""
        wanted = _filter(asked.query(request, PARAMETERS))
        looked = await self._office.look.mails(Filter(**wanted), MOST_COUNTED)
        count = len(looked.lines)
        return self._pages.part(
            request,
            "mails_retry",
            wanted=wanted,
            named=[(_LABELS[name], _words(name, wanted[name])) for name in NAMES if wanted[name]],
            count=count,
            more=looked.next is not None,
            progress=Progress(total=count),
        )

    async def retry(self, request: Ask) -> Answer:
        """POST /mail/retry: the next batch, and how far it is; or its end, where one stops it."""
        fields = await asked.form(request)
        wanted = _filter(_read(fields))
        progress, next = Progress.read(fields), None
        if not fields.ticked("stop"):
            tally = await self._office.retry_many(Filter(**wanted))
            assert isinstance(tally, Tally)
            progress, next = progress.with_batch(tally), tally.next
        return self._pages.part(
            request,
            "mails_retry_progress",
            headers={"HX-Trigger": "changed"} if next is None else None,
            wanted=wanted | {"after": next},
            progress=progress,
            over=next is None,
            stopped=fields.ticked("stop"),
        )


def _read(fields: Fields) -> dict[str, Any]:
    found = {}
    for name, read in PARAMETERS.items():
        value = fields.words(name)
        try:
            found[name] = None if value is None else read(value)
        except ValueError as error:
            detail = f"'{name}' {error}."
            raise Problem(400, "bad_filter", detail, "Load the page again.", name) from None
    return found


def _filter(wanted: Mapping[str, Any]) -> dict[str, Any]:
    if not any(wanted[name] for name in NAMES):
        detail = "To retry all there are, a filter must say which."
        raise Problem(422, "no_filter", detail, "Choose a state or a reason first.")
    return dict(wanted)


def _words(name: str, value: str) -> str:
    return show.category(value) if name == "category" else show.STATES.get(value, value)
