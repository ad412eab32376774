"""Mails: the newest of them by a filter, and what each waits for or why it failed."""

from __future__ import annotations

from litestar import get

from franking.apis.answers import Answer
from franking.apis.calls import Ask
from franking.core.delivery import State
from franking.office.looking import MOST_LOOKED
from franking.stores.base import Filter
from franking.web import asked, stands
from franking.web.mail import MailPage
from franking.web.mail_actions import MailActions
from franking.web.mail_retries import PARAMETERS, MailRetries
from franking.web.rooms import Rooms, Row
from franking.web.show import CATEGORIES, STATES

AT_ONCE = 50
# For a choice: each with its words.
_STATES = [(state.value, STATES[state]) for state in State]


class MailPages:
    """The list, and with it all pages of mails."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._pages = rooms.pages

    def routes(self) -> list[Row]:
        """Those of single mails too."""
        return [
            (get, "/mail", self.page),
            *MailRetries(self._rooms).routes(),
            *MailPage(self._rooms).routes(),
            *MailActions(self._rooms).routes(),
        ]

    async def page(self, request: Ask) -> Answer:
        """GET /mail."""
        wanted = asked.query(request, PARAMETERS)
        looked = await self._rooms.office.look.mails(Filter(**wanted), AT_ONCE)
        now = self._rooms.clock.now()
        return self._pages.page(
            request,
            "mails",
            wanted=wanted,
            rows=[(line, stands.next_of(line.mail, now)) for line in looked.lines],
            next=looked.next,
            ended=looked.next is not None and len(looked.lines) < AT_ONCE,
            looked_through=MOST_LOOKED,
            filtered=any(value for name, value in wanted.items() if name != "after"),
            states=_STATES,
            categories=CATEGORIES,
        )
