"""A manual email, written and completed by a person, with what went wrong before kept in sight."""

from __future__ import annotations

import asyncio

import msgspec
from litestar import get, post

from franking.apis.answers import Answer
from franking.apis.calls import Ask
from franking.core.message.options import DEFAULT_ACCOUNT
from franking.core.timer.retry import OUTCOME_UNKNOWN
from franking.outlets.base import Refused
from franking.web import asked, letters, rendered
from franking.web.letters import Letter
from franking.web.refusals import done
from franking.web.rooms import Rooms, Row
from franking.web.touchpoints import ONE, id_of, last_mail

MOST_ACCOUNTS = 100
ACCEPTED = "The email was handed in and is being sent."


class CompletingPages:
    """The page on which a manual email is written."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._package = rooms.package
        self._pages = rooms.pages

    def routes(self) -> list[Row]:
        return [
            (get, f"{ONE}/complete", self.write),
            (post, f"{ONE}/complete", self.complete),
            (post, f"{ONE}/preview", self.preview),
        ]

    async def write(self, request: Ask) -> Answer:
        """GET /touchpoints/{id}/complete."""
        shown = await self._package.read(id_of(request))
        stored = await last_mail(self._rooms, shown.touchpoint)
        document = {} if stored is None else msgspec.json.decode(stored.document)
        accounts = await self._rooms.office.accounts.page("", MOST_ACCOUNTS)
        account = document.get("account") or DEFAULT_ACCOUNT
        return self._pages.page(
            request,
            "complete",
            t=shown.touchpoint,
            last=shown.children[0] if shown.children else None,
            mail=stored,
            letter=letters.of(document),
            account=account,
            accounts=dict.fromkeys((DEFAULT_ACCOUNT, *(one.id for one in accounts), account)),
        )

    async def complete(self, request: Ask) -> Answer:
        """POST /touchpoints/{id}/complete."""
        fields = await asked.form(request)
        id, letter = id_of(request), letters.typed(fields)
        mail = letters.document(letter)
        if account := fields.words("account"):
            mail["account"] = account
        try:
            await self._package.complete(id, mail, fields.ticked("force"))
        except Refused as refused:
            if refused.reason != OUTCOME_UNKNOWN:
                raise
            return self._pages.part(
                request,
                "complete_doubt",
                headers={"HX-Retarget": "#dialog", "HX-Reswap": "innerHTML"},
                id=id,
                words=str(refused),
                letter=letter,
                account=mail.get("account"),
            )
        return done(self._pages, request, ACCEPTED)

    async def preview(self, request: Ask) -> Answer:
        """POST /touchpoints/{id}/preview: the email as it would look, for a sandboxed frame."""
        letter = letters.typed(await asked.form(request))
        return await asyncio.to_thread(_framed, letter)


def _framed(letter: Letter) -> Answer:
    return rendered.frame(letter.html, letter.text)
