"""What a person does with one mail: try it again, or delete it, each asked first where it matters.

Policy. What may harm is asked before, with the reason; to insist (`force`) is the answer to that
question and never the default. A refusal changes nothing, closes the question and is told in words.
"""

from __future__ import annotations

from litestar import get, post

from franking.apis.answers import Answer
from franking.apis.calls import Ask, mail_id
from franking.core.machine import Refused
from franking.office import Conflict
from franking.stores.base import NotFound
from franking.web import asked, refusals, stands
from franking.web.mail import ONE
from franking.web.pages import is_part
from franking.web.rooms import Rooms, Row

RETRIED = "The email is sent again now."
DELETED = "The email was deleted, with its timeline."
# What to do about a refusal, by its reason.
NEXT = {
    "already_sent": "It need not be retried. “Send again” on its page sends it a second time.",
    stands.OUTCOME_UNKNOWN: "Look whether it arrived, then press Retry and confirm.",
    "processing": "Wait until this attempt has ended.",
    "being_sent": "Wait until this attempt has ended.",
    "scheduled": "It goes when it is due.",
    "tried_again": "It goes by itself.",
    "send_limit": "It goes by itself when the limit allows.",
    "touchpoint": "Delete the touchpoint on its own page.",
}


class MailActions:
    """The buttons of a mail's page, and their questions."""

    def __init__(self, rooms: Rooms) -> None:
        self._office = rooms.office
        self._pages = rooms.pages

    def routes(self) -> list[Row]:
        return [
            (get, f"{ONE}/retry", self.ask_retry),
            (post, f"{ONE}/retry", self.retry),
            (get, f"{ONE}/delete", self.ask_delete),
            (post, f"{ONE}/delete", self.delete),
        ]

    async def ask_retry(self, request: Ask) -> Answer:
        """GET /mail/{id}/retry: what there is to know before it goes again."""
        stored = await self._office.read(mail_id(request))
        return self._pages.part(
            request,
            "mail_retry",
            m=stored.mail,
            retry=stands.retry_of(stored),
            by_hand=stands.by_hand(stored),
        )

    async def retry(self, request: Ask) -> Answer:
        """POST /mail/{id}/retry."""
        id, fields = mail_id(request), await asked.form(request)
        try:
            await self._office.retry(id, force=fields.ticked("force"))
        except (Conflict, Refused, NotFound) as error:
            return self._refused(request, error)
        return refusals.done(self._pages, request, RETRIED)

    async def ask_delete(self, request: Ask) -> Answer:
        """GET /mail/{id}/delete: the question."""
        stored = await self._office.read(mail_id(request))
        return self._pages.part(request, "mail_delete", m=stored.mail, timer=stored.timer)

    async def delete(self, request: Ask) -> Answer:
        """POST /mail/{id}/delete."""
        id, _ = mail_id(request), await asked.form(request)
        try:
            await self._office.delete(id)
        except (Conflict, Refused, NotFound) as error:
            return self._refused(request, error)
        return refusals.done(self._pages, request, DELETED, to="/mail")

    def _refused(self, request: Ask, error: Exception) -> Answer:
        """As a toast that can be seen: a dialog would cover it."""
        if not is_part(request):
            raise error
        problem = refusals.of(error)
        return self._pages.part(
            request,
            "toast",
            headers={"HX-Reswap": "none", "HX-Trigger": "close-dialog, changed"},
            toast={"words": problem.detail, "next": NEXT.get(problem.reason, ""), "tone": "bad"},
        )
