"""One mail: how it stands and what comes next, every attempt at it, and the mail itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import get

from franking.apis.answers import Answer
from franking.apis.calls import Ask, mail_id
from franking.core.attempt import Attempt
from franking.stores.base import Mail, NotFound, Stored
from franking.web import asked, content, pictures, rendered, stands, timeline
from franking.web.content import Content
from franking.web.pages import is_part
from franking.web.rooms import Rooms, Row

ONE = "/mail/{id:str}"
VIEWS = ("html", "text", "source")
# So many of the newest attempts may have left recipients behind that still wait.
MOST_PARTS = 3


class MailPage:
    """The page of one mail, and the frame that shows it."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._office = rooms.office
        self._pages = rooms.pages

    def routes(self) -> list[Row]:
        return [(get, ONE, self.page), (get, f"{ONE}/rendered", self.rendered)]

    async def page(self, request: Ask) -> Answer:
        """GET /mail/{id}."""
        id = mail_id(request)
        view = asked.query(request, {"view": asked.one_of(VIEWS)})["view"]
        try:
            stored = await self._office.read(id)
        except NotFound:
            if is_part(request):
                return self._pages.part(request, "mail_gone", id=id)
            raise
        values = await self._stands(stored)
        if not is_part(request):
            values |= await asyncio.to_thread(_contents, stored, view)
        return self._pages.page(request, "mail", **values)

    async def rendered(self, request: Ask) -> Answer:
        """GET /mail/{id}/rendered: the mail itself, for a frame that may do nothing."""
        stored = await self._office.read(mail_id(request))
        return await asyncio.to_thread(_framed, stored)

    async def _stands(self, stored: Stored) -> dict[str, Any]:
        mail = stored.mail
        attempts = await self._office.timeline(mail.id)
        bounces = await self._office.bounces.of(mail.id)
        expected = await self._office.expected(mail)
        return {
            "m": mail,
            "timer": stored.timer,
            "next": stands.next_of(mail, self._rooms.clock.now(), expected),
            "retry": stands.retry_of(stored),
            "by_hand": stands.by_hand(stored),
            "story": timeline.story(mail, attempts, bounces),
            "parts": await self._parts(mail, attempts),
        }

    async def _parts(self, mail: Mail, attempts: Sequence[Attempt]) -> list[Mail]:
        """The remainders of it that are there: recipients that go on by themselves."""
        info = mail.delivery.info
        if info is None or not info.pending:
            return []
        found = []
        for attempt in [one for one in attempts if one.event == "sent"][-MOST_PARTS:]:
            try:
                part = (await self._office.read(f"{mail.id}~{attempt.epoch}")).mail
            except NotFound:
                continue
            # A client may have given a mail of its own this id.
            if part.remainder_of == mail.id:
                found.append(part)
        return found


def _contents(stored: Stored, view: str | None) -> dict[str, Any]:
    found = _content(stored)
    if stored.mail.remainder_of is not None:
        chosen = "source"
    elif view is None or (view == "html" and not found.html):
        chosen = "html" if found.html else "text" if found.text else "source"
    else:
        chosen = view
    return {
        "c": found,
        "view": chosen,
        "source": content.source(found.document) if chosen == "source" else "",
        "most_text": content.MOST_TEXT,
    }


def _framed(stored: Stored) -> Answer:
    found = _content(stored)
    return rendered.frame(found.html, found.text, pictures.attached(found.document))


def _content(stored: Stored) -> Content:
    return content.of(msgspec.json.decode(stored.document))
