"""Templates: the list, one to be edited with what it comes to beside it, saved and deleted.

Policy. Whoever saves says which version they had before them. Where it is another one meanwhile,
nothing is written, nothing that they typed is lost, and they are asked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from litestar import get, post

from franking.apis.answers import Answer
from franking.apis.calls import Ask, checked_id
from franking.apis.problems import Problem
from franking.core.ids import unfit
from franking.core.key import Scope, allows
from franking.office import Changed
from franking.office.documents import Document, etag
from franking.stores.base import Kept, NotFound
from franking.web import asked, template_fields
from franking.web.dialogs import closing
from franking.web.pages import is_part
from franking.web.refusals import done
from franking.web.rooms import Rooms, Row
from franking.web.show import segment
from franking.web.template_heads import heads
from franking.web.template_previews import TemplatePreviews
from franking.web.viewer import viewer

AT_ONCE = 50
ONE = "/templates/{id:str}"
DELETED = "The template was deleted."


def after(value: str) -> str:
    """A reader of where an earlier page ended. Raises ValueError."""
    if len(value) <= asked.MOST_CHARACTERS:
        return value
    raise ValueError("must be where an earlier page ended")


PARAMETERS: dict[str, Callable[[str], Any]] = {"q": asked.words, "after": after}


class TemplatePages:
    """The list of templates, and each of them."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._templates = rooms.office.templates
        self._pages = rooms.pages

    def routes(self) -> list[Row]:
        """Those of previews too."""
        return [
            (get, "/templates", self.page),
            (post, "/templates", self.begin),
            (get, ONE, self.one),
            (post, ONE, self.save),
            (get, f"{ONE}/delete", self.ask_to_delete),
            (post, f"{ONE}/delete", closing(self._pages, self.delete)),
            *TemplatePreviews(self._rooms).routes(),
        ]

    async def page(self, request: Ask) -> Answer:
        """GET /templates; with `new` the dialog that asks for the id of a new one."""
        wanted = asked.query(request, {**PARAMETERS, "new": asked.words})
        if wanted.pop("new") and is_part(request):
            return self._pages.part(request, "template_new")
        found, next = await heads(self._templates, wanted["after"] or "", wanted["q"], AT_ONCE)
        return self._pages.page(
            request,
            "templates",
            wanted=wanted,
            found=found,
            next=next,
            may_change=may_change(request),
        )

    async def begin(self, request: Ask) -> Answer:
        """POST /templates: to the page on which a new one is written. Nothing is kept yet."""
        id = (await asked.form(request)).words("id") or ""
        detail = unfit(id, "A template", ()) if id else "A template needs an id."
        if detail is None and await self._kept(id) is not None:
            detail = f"There is a template with id {id} already."
        if detail is not None:
            raise Problem(400, "bad_id", detail, "Use another id.", "id")
        return Answer(200, b"", ((b"hx-redirect", f"{path_of(id)}?new=1".encode()),))

    async def one(self, request: Ask) -> Answer:
        """GET /templates/{id}: to be edited; with `new` one that is not there yet."""
        id = id_of(request)
        new = asked.query(request, {"new": asked.words})["new"]
        kept = await self._kept(id) if new else await self._templates.read(id)
        document = _document(kept)
        return self._pages.page(
            request,
            "template",
            id=id,
            kept=kept,
            tag=_tag(kept),
            fields=template_fields.shown(document),
            partial=document.get("partial") is True,
            may_change=may_change(request),
        )

    async def save(self, request: Ask) -> Answer:
        """POST /templates/{id}."""
        id, fields = id_of(request), await asked.form(request)
        match = fields.words("match")
        # Of another version than theirs it may be; then it is refused below.
        before = await self._kept(id)
        document = template_fields.typed(fields, _document(before))
        try:
            kept, _ = await self._templates.set(id, document, match, absent=match is None)
        except Changed:
            return await self._conflict(request, id)
        headers = {
            "HX-Reswap": "none",
            "HX-Trigger": "close-dialog, saved",
            "HX-Replace-Url": path_of(id),
        }
        return self._pages.part(
            request, "template_saved", headers=headers, id=id, kept=kept, tag=etag(kept)
        )

    async def ask_to_delete(self, request: Ask) -> Answer:
        """GET /templates/{id}/delete: the question."""
        kept = await self._templates.read(id_of(request))
        partial = _document(kept).get("partial") is True
        return self._pages.part(
            request, "template_delete", id=kept.id, tag=etag(kept), partial=partial
        )

    async def delete(self, request: Ask) -> Answer:
        """POST /templates/{id}/delete."""
        match = (await asked.form(request)).words("match")
        try:
            await self._templates.delete(id_of(request), match)
        except Changed as changed:
            raise Problem(412, "changed", str(changed), "Look at it again first.") from None
        return done(self._pages, request, DELETED, to="/templates")

    async def _conflict(self, request: Ask, id: str) -> Answer:
        kept = await self._kept(id)
        return self._pages.part(
            request,
            "template_conflict",
            headers={"HX-Retarget": "#dialog", "HX-Reswap": "innerHTML"},
            id=id,
            kept=kept,
            match=msgspec.json.encode({"match": _tag(kept) or ""}).decode(),
        )

    async def _kept(self, id: str) -> Kept | None:
        try:
            return await self._templates.read(id)
        except NotFound:
            return None


def id_of(request: Ask) -> str:
    """The template's id in the path. Raises `Problem`."""
    return checked_id(request, "A template", ())


def path_of(id: str) -> str:
    """Where a template's page is."""
    return f"/templates/{segment(id)}"


def may_change(request: Ask) -> bool:
    """May who looks change templates, and try them out?"""
    key = viewer(request).key
    return key is None or allows(key.scopes, Scope.MAIL_WRITE)


def _document(kept: Kept | None) -> Document:
    return {} if kept is None else msgspec.json.decode(kept.document)


def _tag(kept: Kept | None) -> str | None:
    return None if kept is None else etag(kept)
