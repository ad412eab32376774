"""/v1/templates and /v1/users: the extension's two other collections, and templates tried out.

A document is shown as it was written, with its `id` before its fields; what was read can be written
back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import quote

import msgspec

from franking.apis import wire_collected as wire
from franking.apis.answers import Answer
from franking.apis.calls import Ask, Call, bare, checked_id, received
from franking.apis.listing import query
from franking.apis.problems import Problem
from franking.compose.envelope import Unsendable
from franking.office.documents import MOST_DOCUMENT_BYTES, etag
from franking.office.templates import Templates
from franking.stores.base import Kept

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
VALUE_CHARACTERS = 255
PAGE_BYTES = 16 * MOST_DOCUMENT_BYTES
# Documents may be large, so a page is read by and by.
AT_ONCE = 20

_NEXT = 'Send {"data": {…}}, and "document" for one that is not kept.'


class Door(Protocol):
    """The door to a collection, as `franking.office.templates` and `users` are."""

    async def set(
        self, id: str, document: dict[str, Any], match: str | None = None
    ) -> tuple[Kept, bool]: ...

    async def read(self, id: str) -> Kept: ...

    async def page(self, after: str, q: str | None, limit: int) -> list[Kept]: ...

    async def delete(self, id: str, match: str | None = None) -> None: ...


class CollectionCalls:
    """The calls of one collection, which lives at `place`; `whose` begins a sentence on its ids."""

    def __init__(self, door: Door, place: str, whose: str) -> None:
        self._door = door
        self._place = place
        self._whose = whose

    async def put(self, request: Ask) -> Answer:
        """PUT of a document: it is this from now on."""
        id, call = self._id(request), await received(request)
        document = call.document()
        if document.get("id") == id:
            del document["id"]
        kept, created = await self._door.set(id, document, call.text(b"if-match"))
        if not created:
            return _shown(kept)
        location = (b"location", f"{self._place}/{quote(id, safe='')}".encode())
        answer = _shown(kept)
        return Answer(201, answer.body, (*answer.headers, location))

    async def read(self, request: Ask) -> Answer:
        """GET of a document."""
        kept = await self._door.read(self._id(request))
        known = bare(request).text(b"if-none-match") or ""
        tags = {tag.strip().removeprefix("W/") for tag in known.split(",")}
        if tags & {"*", etag(kept)}:
            return Answer(304, headers=_tagged(kept))
        return _shown(kept)

    async def delete(self, request: Ask) -> Answer:
        """DELETE of a document."""
        await self._door.delete(self._id(request), bare(request).text(b"if-match"))
        return Answer(204)

    async def page(self, request: Ask) -> Answer:
        """GET of the collection, by id."""
        wanted = query(request.scope["query_string"], _PARAMETERS)
        items, next = await self._read(
            wanted.get("after", ""), wanted.get("q"), wanted.get("limit", DEFAULT_LIMIT)
        )
        return Answer(200, wire.page(items, next))

    async def _read(self, after: str, q: str | None, limit: int) -> tuple[list[bytes], str | None]:
        """The page's documents, and the last one's id where there are more."""
        items: list[bytes] = []
        size = 0
        while True:
            wanted = min(AT_ONCE, limit - len(items))
            found = await self._door.page(after, q, wanted + 1)
            for kept in found[:wanted]:
                items.append(wire.document(kept))
                size += len(items[-1])
                after = kept.id
                if size >= PAGE_BYTES:
                    break
            if not found or after == found[-1].id:
                return items, None
            if len(items) == limit or size >= PAGE_BYTES:
                return items, after

    def _id(self, request: Ask) -> str:
        return checked_id(request, self._whose, ())


class TemplateCalls(CollectionCalls):
    """The calls of `/v1/templates`."""

    def __init__(self, templates: Templates) -> None:
        super().__init__(templates, "/v1/templates", "A template")
        self._templates = templates

    async def render(self, request: Ask) -> Answer:
        """POST /v1/templates/{id}/render: what it comes to, with nothing sent or kept."""
        id, call = self._id(request), await received(request)
        given = _asked(call)
        data, document = given.get("data"), given.get("document")
        found = await self._templates.try_out(id, data or {}, document)
        if isinstance(found, Unsendable):
            next = "Correct the template, or the data."
            raise Problem(422, "not_rendered", found.error, next)
        return Answer(200, msgspec.json.encode(wire.rendered(found)))


def _asked(call: Call) -> Mapping[str, Any]:
    given = call.document() if call.body else {}
    for name, value in given.items():
        if name not in ("data", "document"):
            raise Problem(422, "bad_field", f"Field '{name}' is not known here.", _NEXT, name)
        if value is not None and not isinstance(value, dict):
            raise Problem(422, "bad_field", f"Field '{name}' must be a map.", _NEXT, name)
    return given


def _shown(kept: Kept) -> Answer:
    return Answer(200, wire.document(kept), _tagged(kept))


def _tagged(kept: Kept) -> tuple[tuple[bytes, bytes], ...]:
    return ((b"etag", etag(kept).encode()),)


def _limit(value: str) -> int:
    if value.isascii() and value.isdigit() and len(value) < 4 and 1 <= int(value) <= MAX_LIMIT:
        return int(value)
    raise ValueError(f"must be a whole number from 1 to {MAX_LIMIT}")


def _after(value: str) -> str:
    if len(value) <= VALUE_CHARACTERS:
        return value
    raise ValueError("must be the 'next' of an earlier page")


def _words(value: str) -> str:
    if 0 < len(value) <= VALUE_CHARACTERS and value.isprintable():
        return value
    raise ValueError(f"must have 1 to {VALUE_CHARACTERS} printable characters")


_PARAMETERS = {"after": _after, "limit": _limit, "q": _words}
