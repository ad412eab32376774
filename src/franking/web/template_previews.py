"""What a template that is being written comes to with its sample data, or what is wrong with it.

Policy. It is rendered as it stands in the form, among the partials that are kept; nothing is kept
or sent. The engine says what is wrong, not where: so the parts are tried one by one until one
fails. Its HTML is shown in a sandboxed frame of its own, which is only asked to show anew what
rendered well, so that a slip of the pen leaves the last good view in place.
"""

from __future__ import annotations

import asyncio
import json

import msgspec
from litestar import post

from franking.apis.answers import Answer
from franking.apis.calls import Ask, checked_id
from franking.compose.envelope import Unsendable
from franking.compose.templates import Rendered
from franking.office.documents import Document
from franking.web import asked, rendered, template_fields
from franking.web.content import MOST_SOURCE, MOST_TEXT
from franking.web.refusals import of
from franking.web.rooms import Rooms, Row

ONE = "/templates/{id:str}"
LABELS = {"subject": "Subject", "text": "Text", "html": "HTML", "amp": "AMP"}
# The order in which the engine renders them; the attachments come last.
ORDER = ("subject", "html", "text", "amp")


class TemplatePreviews:
    """The preview beside a template's form."""

    def __init__(self, rooms: Rooms) -> None:
        self._templates = rooms.office.templates
        self._pages = rooms.pages

    def routes(self) -> list[Row]:
        return [(post, f"{ONE}/preview", self.preview), (post, f"{ONE}/rendered", self.rendered)]

    async def preview(self, request: Ask) -> Answer:
        """POST /templates/{id}/preview: subject, text and the rest in words, or what is wrong."""
        try:
            found = await self._tried(request)
        except Exception as error:
            problem = of(error)
            if problem.status in (403, 500):
                raise
            return self._trouble(request, problem.detail)
        if isinstance(found, str):
            return self._trouble(request, found)
        event = json.dumps({"previewed": {"html": found.html is not None}})
        return self._pages.part(
            request,
            "template_result",
            headers={"HX-Trigger-After-Settle": event},
            found=found,
            attached=_source(found),
            most=MOST_TEXT,
        )

    async def rendered(self, request: Ask) -> Answer:
        """POST /templates/{id}/rendered: the HTML for a sandboxed frame, which stays as it is
        (204) where there is none."""
        found = await self._tried(request)
        if isinstance(found, str) or found.html is None:
            return Answer(204)
        return await asyncio.to_thread(rendered.frame, found.html, None)

    def _trouble(self, request: Ask, words: str) -> Answer:
        return self._pages.part(request, "template_trouble", words=words)

    async def _tried(self, request: Ask) -> Rendered | str:
        """What was rendered, or in words what is wrong. Raises what `try_out` does."""
        id = checked_id(request, "A template", ())
        document = template_fields.typed(await asked.form(request), {})
        data = template_fields.sample(document)
        # A partial is looked at as what it is for whom it is part of.
        document.pop("partial", None)
        found = await self._templates.try_out(id, data, document)
        if not isinstance(found, Unsendable):
            return found
        where = await self._where(id, data, document)
        return f"{where}: {found.error}" if where else found.error

    async def _where(self, id: str, data: Document, document: Document) -> str | None:
        """The label of the part that can't be rendered: the only one, or the first that fails."""
        parts = [part for part in ORDER if part in document]
        attached = bool(document.get("attachments"))
        if len(parts) == 1 and not attached:
            return LABELS[parts[0]]
        for part in parts:
            found = await self._templates.try_out(id, data, {part: document[part]})
            if isinstance(found, Unsendable):
                return LABELS[part]
        return "Attachments" if attached else None


def _source(found: Rendered) -> str | None:
    if not found.attachments:
        return None
    written = msgspec.json.format(msgspec.json.encode(found.attachments), indent=2)
    return written.decode()[:MOST_SOURCE]
