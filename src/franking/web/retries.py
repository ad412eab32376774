"""Retry: of one touchpoint, mended or as it is, and of all that match a filter.

Policy. A refusal is told in the words of Retry Timer and changes nothing. Where a retry may do harm
a person is asked first, with the reason; where nobody knows whether the email arrived, the second
press is the answer to that question. All of a filter go in batches, newest first, and those that a
person should be asked about one by one are left out.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from litestar import get, post

from franking.apis.answers import Answer
from franking.apis.calls import Ask
from franking.core.rules.asking import ASKING
from franking.core.timer.retry import OUTCOME_UNKNOWN
from franking.core.touchpoint import Status
from franking.outlets.base import MOST_LOOKED, Refused, RetriedMany, Shown
from franking.web import asked, letters
from franking.web.asked import Fields
from franking.web.letters import Letter
from franking.web.refusals import done
from franking.web.rooms import Rooms, Row
from franking.web.touchpoints import FILTER, ONE, PARAMETERS, id_of, last_mail

AT_ONCE = 25
MOST_REASONS = 20
ACCEPTED = "Retry was accepted. The email will be sent again."


class RetryPages:
    """The buttons and dialogs of Retry."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._package = rooms.package
        self._pages = rooms.pages

    def routes(self) -> list[Row]:
        return [
            (get, f"{ONE}/retry", self.ask),
            (post, f"{ONE}/retry", self.retry),
            (get, "/touchpoints/retry", self.ask_all),
            (post, "/touchpoints/retry", self.retry_all),
        ]

    async def ask(self, request: Ask) -> Answer:
        """GET /touchpoints/{id}/retry: what there is to know before a retry, and to mend."""
        shown = await self._package.read(id_of(request))
        return self._dialog(request, shown, await self._letter(shown))

    async def retry(self, request: Ask) -> Answer:
        """POST /touchpoints/{id}/retry."""
        fields = await asked.form(request)
        shown = await self._package.read(id_of(request))
        before = await self._letter(shown)
        after = letters.typed(fields)
        patch = letters.changes(before, after) if "to" in fields or "subject" in fields else {}
        force = fields.ticked("force")
        try:
            await self._package.retry(
                shown.touchpoint.id, patch or None, force, _key(fields, patch, force)
            )
        except Refused as refused:
            in_doubt = refused.reason == OUTCOME_UNKNOWN
            if not in_doubt and not fields.ticked("dialog"):
                raise
            words = None if in_doubt else str(refused)
            filled = after if fields.ticked("dialog") else before
            return self._dialog(request, shown, filled, refused=words, doubt=in_doubt)
        return done(self._pages, request, ACCEPTED)

    async def ask_all(self, request: Ask) -> Answer:
        """GET /touchpoints/retry: how many a filter names."""
        wanted = asked.query(request, PARAMETERS) | {"after": None, "status": Status.ERROR.value}
        count = await self._package.count(wanted)
        return self._pages.part(
            request,
            "retry_all",
            wanted=wanted,
            count=count,
            most=MOST_LOOKED,
            progress=_Progress(total=count),
        )

    async def retry_all(self, request: Ask) -> Answer:
        """POST /touchpoints/retry: the next batch, and how far it is."""
        fields = await asked.form(request)
        wanted = {name: fields.words(name) for name in (*FILTER, "after")}
        given = {name: value for name, value in wanted.items() if value is not None}
        tally = await self._package.retry_many(given, AT_ONCE)
        so_far = _Progress.read(fields).with_batch(tally)
        over = {"HX-Trigger": "changed"} if tally.next is None else None
        return self._pages.part(
            request,
            "retry_all_progress",
            headers=over,
            wanted=wanted | {"after": tally.next},
            progress=so_far,
            over=tally.next is None,
        )

    async def _letter(self, shown: Shown) -> Letter:
        stored = await last_mail(self._rooms, shown.touchpoint)
        return Letter() if stored is None else letters.of(msgspec.json.decode(stored.document))

    def _dialog(
        self,
        request: Ask,
        shown: Shown,
        letter: Letter,
        refused: str | None = None,
        doubt: bool = False,
    ) -> Answer:
        category = OUTCOME_UNKNOWN if doubt else shown.touchpoint.error_category
        return self._pages.part(
            request,
            "retry",
            headers={"HX-Retarget": "#dialog", "HX-Reswap": "innerHTML"},
            t=shown.touchpoint,
            last=shown.children[0] if shown.children else None,
            letter=letter,
            asking=ASKING.get(category or ""),
            doubt=category == OUTCOME_UNKNOWN,
            refused=refused,
        )


class _Progress(msgspec.Struct, frozen=True):
    """What became of those so far; `why` is reason, words, how many."""

    total: int = 0
    accepted: int = 0
    left_out: int = 0
    refused: int = 0
    why: tuple[tuple[str, str, int], ...] = ()

    @property
    def looked(self) -> int:
        return self.accepted + self.left_out + self.refused

    @property
    def json(self) -> str:
        """For the next batch's form."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def read(cls, fields: Fields) -> _Progress:
        """As the batch before left it; what can't be read begins anew, for it is only shown."""
        try:
            return msgspec.json.decode(fields.get("progress", "{}"), type=cls)
        except msgspec.DecodeError:
            return cls()

    def with_batch(self, tally: RetriedMany) -> _Progress:
        counted: dict[tuple[str, str], int] = {}
        for reason, text, count in (*self.why, *tally.why):
            counted[reason, text] = counted.get((reason, text), 0) + count
        most = sorted(counted.items(), key=lambda pair: -pair[1])[:MOST_REASONS]
        return _Progress(
            self.total,
            self.accepted + tally.accepted,
            self.left_out + tally.left_out,
            self.refused + tally.refused,
            tuple((reason, text, count) for (reason, text), count in most),
        )


def _key(fields: Fields, patch: dict[str, Any], force: bool) -> str | None:
    """The same for presses of one button, whose page says how often the email was retried then;
    another one for another retry."""
    retries = fields.words("retries")
    if retries is None or not retries.isascii() or not retries.isdigit():
        return None
    digest = hashlib.sha256(msgspec.json.encode((patch, force))).hexdigest()[:16]
    return f"console.{retries[:9]}.{digest}"
