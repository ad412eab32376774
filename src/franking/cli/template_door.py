"""The calls on templates, over a command's door."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlencode

from franking.cli.door import Document, Door, segment

PLACE = "/v1/templates"


class TemplateDoor:
    """Documents are as REST shows them. Each call raises `Declined`, `Ended`."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def set(self, id: str, document: Document) -> Document:
        """Keep a template."""
        return await self._door.ask("PUT", _path(id), document)

    async def read(self, id: str) -> Document:
        """One template."""
        return await self._door.ask("GET", _path(id))

    async def all(self, q: str | None) -> AsyncIterator[Document]:
        """Every template whose id begins with `q`, or whose name it is, by id."""
        after: str | None = ""
        while after is not None:
            given = {"q": q, "after": after}
            query = urlencode({name: value for name, value in given.items() if value})
            found = await self._door.ask("GET", f"{PLACE}?{query}")
            for template in found["items"]:
                yield template
            after = found["next"]

    async def delete(self, id: str) -> None:
        """Remove a template."""
        await self._door.ask("DELETE", _path(id))

    async def render(self, id: str, data: Document | None, document: Document | None) -> Document:
        """What it comes to; `document` stands in its place."""
        given = {"data": data, "document": document}
        wanted = {name: value for name, value in given.items() if value is not None}
        return await self._door.ask("POST", f"{_path(id)}/render", wanted)


def _path(id: str) -> str:
    return f"{PLACE}/{segment(id)}"
