"""The outbox: what the CRM has yet to hear."""

from __future__ import annotations

import msgspec
from litestar import get, post

from franking.apis.answers import Answer
from franking.apis.calls import Ask
from franking.apis.outbox import LAST_SEQ, STATES
from franking.apis.problems import Problem
from franking.core import parked
from franking.stores.base import Unheard
from franking.web import asked
from franking.web.asked import Fields
from franking.web.dialogs import closing
from franking.web.needs import MOST
from franking.web.pretty import Laid, pretty
from franking.web.refusals import done
from franking.web.rooms import Rooms, Row
from franking.web.show import count

AT_ONCE = 50
AGAIN = "then send it again with Resend."
GONE = "Nothing was sent again, for nothing of that is parked any more."
_PARAMETERS = {
    "state": asked.one_of(STATES),
    "touchpoint": asked.words,
    "after": asked.seq,
}


class OutboxPages:
    """What waits and is parked, and sending it again."""

    def __init__(self, rooms: Rooms) -> None:
        self._outbox = rooms.office.outbox
        self._clock = rooms.clock
        self._pages = rooms.pages

    def routes(self) -> list[Row]:
        return [
            (get, "/outbox", self.page),
            (get, "/outbox/resend", self.ask_to_resend),
            (post, "/outbox/resend", closing(self._pages, self.resend)),
        ]

    async def page(self, request: Ask) -> Answer:
        """GET /outbox."""
        wanted = asked.query(request, _PARAMETERS)
        state, touchpoint, after = wanted["state"], wanted["touchpoint"], wanted["after"]
        events, next = await self._outbox.page(state, touchpoint, after, AT_ONCE)
        return self._pages.page(
            request,
            "outbox",
            wanted=wanted,
            narrowed=any(value is not None for value in wanted.values()),
            events=events,
            next=next,
            counts=await self._outbox.counts(),
            most=MOST,
            now=self._clock.now(),
            states=[(name, name.capitalize()) for name in STATES],
            advice=advice,
            body=body,
        )

    async def ask_to_resend(self, request: Ask) -> Answer:
        """GET /outbox/resend: how many are parked, before all of them are sent again."""
        counts = await self._outbox.counts()
        return self._pages.part(request, "outbox_resend", counts=counts, most=MOST)

    async def resend(self, request: Ask) -> Answer:
        """POST /outbox/resend: one event, those of a touchpoint, or all."""
        seq, touchpoint = _which(await asked.form(request))
        resent = await self._outbox.resend(seq, touchpoint)
        if not resent:
            raise Problem(409, "not_parked", GONE, "")
        are = "1 event is" if resent == 1 else f"{count(resent)} events are"
        return done(self._pages, request, f"{are} sent again, in order.")


def advice(event: Unheard) -> str:
    """What to do about an event that was not heard."""
    return parked.advice(event.error, AGAIN) if event.state == "parked" else parked.WAITS


def body(event: Unheard) -> Laid:
    """What the CRM is told, laid out."""
    return pretty(msgspec.json.encode(event.body))


def _which(fields: Fields) -> tuple[int | None, str | None]:
    """The one event or touchpoint that is named; neither where all are. Raises `Problem`."""
    if len(fields) == 1:
        if fields.ticked("all"):
            return None, None
        if touchpoint := fields.get("touchpoint"):
            return None, touchpoint
        seq = fields.get("seq", "")
        if seq.isascii() and seq.isdigit() and len(seq) < 20 and 0 < int(seq) <= LAST_SEQ:
            return int(seq), None
    detail = "Exactly one of seq, touchpoint and all is required."
    raise Problem(422, "bad_field", detail, "Load the page again and press the button there.")
