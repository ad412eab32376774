"""A manual email begun with a template: it is chosen, and its parts are put into the form.

Policy. It is rendered once, with what is known of the touchpoint; what is not known comes out
empty, for the rep to fill in. What was typed already is not replaced before they were asked. The
sample data never gets into an email.
"""

from __future__ import annotations

import msgspec
from litestar import get, post

from franking.apis.answers import Answer
from franking.apis.calls import Ask
from franking.apis.problems import Problem
from franking.compose.envelope import Unsendable
from franking.compose.templates import Rendered
from franking.core.touchpoint import Touchpoint
from franking.web import asked, letters
from franking.web.letters import Letter
from franking.web.rooms import Rooms, Row
from franking.web.template_heads import Head, heads
from franking.web.touchpoints import ONE, id_of

MOST = 200
PARTS = ("subject", "text", "html")
REPLACE, EMPTY = "replace", "empty"


class TemplateChoice:
    """The choice on the page on which a manual email is written."""

    def __init__(self, rooms: Rooms) -> None:
        self._templates = rooms.office.templates
        self._package = rooms.package
        self._pages = rooms.pages

    def routes(self) -> list[Row]:
        return [
            (get, f"{ONE}/templates", self.choose),
            (post, f"{ONE}/templates", self.fill),
        ]

    async def choose(self, request: Ask) -> Answer:
        """GET /touchpoints/{id}/templates: the dialog, or with `q` what is found."""
        id = id_of(request)
        searched = b"q=" in request.scope["query_string"]
        q = asked.query(request, {"q": asked.words})["q"]
        found, more = await heads(self._templates, "", q, MOST, _whole)
        name = "complete_found" if searched else "complete_templates"
        rows = [(head, _vals(head)) for head in found]
        return self._pages.part(request, name, id=id, q=q, found=rows, more=more)

    async def fill(self, request: Ask) -> Answer:
        """POST /touchpoints/{id}/templates: what goes into the form, or the question."""
        id, fields = id_of(request), await asked.form(request)
        letter, how = letters.typed(fields), fields.words("how")
        template = fields.words("template") or ""
        shown = await self._package.read(id)
        if how is None and any(getattr(letter, part) for part in PARTS):
            return self._pages.part(
                request,
                "complete_replace",
                headers={"HX-Retarget": "#dialog", "HX-Reswap": "innerHTML"},
                id=id,
                template=template,
            )
        parts = await self._rendered(template, shown.touchpoint, letter)
        if how == EMPTY:
            parts = {part: text for part, text in parts.items() if not getattr(letter, part)}
        return self._pages.part(
            request,
            "complete_filled",
            headers={"HX-Reswap": "none", "HX-Trigger-After-Settle": "close-dialog, filled"},
            parts=parts,
            toast={"words": _told(parts), "next": "", "tone": "good" if parts else "wait"},
        )

    async def _rendered(self, id: str, touchpoint: Touchpoint, letter: Letter) -> dict[str, str]:
        """The parts that the template has. Raises `Problem`, and what `try_out` does."""
        document = msgspec.json.decode((await self._templates.read(id)).document)
        # Attachments are not written by hand, and AMP is not either.
        plain = {name: value for name, value in document.items() if name in PARTS}
        found = await self._templates.try_out(id, _known(touchpoint, letter), plain)
        if isinstance(found, Unsendable):
            next = "Choose another template, or have this one corrected."
            raise Problem(422, "not_rendered", f"This template can't be used: {found.error}", next)
        return _parts(found)


def _parts(found: Rendered) -> dict[str, str]:
    texts = {part: getattr(found, part) for part in PARTS}
    return {part: text for part, text in texts.items() if text is not None}


def _vals(head: Head) -> str:
    """What its button sends."""
    return msgspec.json.encode({"template": head.id}).decode()


def _whole(head: Head) -> bool:
    return not head.partial


def _known(touchpoint: Touchpoint, letter: Letter) -> dict[str, str]:
    known = {
        "to": (letter.to or "").strip(),
        "touchpointId": touchpoint.id,
        "cadenceMemberId": touchpoint.cadence_member_id,
        "emailMessageId": touchpoint.email_message_id,
    }
    return {name: value for name, value in known.items() if value}


def _told(parts: dict[str, str]) -> str:
    if not parts:
        return "The template has nothing that was to be filled in."
    return "The template was filled in. Read it through before you send it."
