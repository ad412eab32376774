"""Templates rendered: by the newest of them, for a mail that goes or for who writes one.

Policy. The templates are held in memory and looked at again when somebody needs them, once a second
at most, so that a change is seen everywhere within two, and at once by the process that made it;
only what changed is read. Where nobody needs a template nothing is looked at. One that can't be
read, which a later franking may have written, is as if it were not there, and the log tells of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import structlog

from franking.clock import Clock
from franking.compose.envelope import Unsendable
from franking.compose.templates import Rendered, Renderer
from franking.core import template
from franking.core.template import Book, Template
from franking.stores.base import Kept, Shelf, TemplateCollection

LOOK_MS = 1_000
NOTHING = template.book(0, ())

_document = msgspec.json.Decoder(dict[str, Any])
_log = structlog.get_logger("franking.office")


class Rendering:
    """Renders by the templates of a store, which it sees as they were a moment ago.

    `close` closes its renderer. Who tries templates out has one of its own, so that what is tried
    holds up no mail.
    """

    def __init__(self, rows: TemplateCollection, clock: Clock, renderer: Renderer) -> None:
        self._rows = rows
        self._clock = clock
        self._renderer = renderer
        self._looking = asyncio.Lock()
        self._known: dict[str, Template] = {}
        self._book = NOTHING
        self._seen = -1
        self._until = -1
        self._drafts = 0

    async def render(self, name: str, data: Mapping[str, Any]) -> Rendered | Unsendable:
        """A template by the name that mails call it by. Raises `StoreUnavailable`."""
        return await self._renderer.render(await self._newest(), name, data)

    async def close(self) -> None:
        """End what renders."""
        await self._renderer.close()

    async def try_out(self, draft: Template, data: Mapping[str, Any]) -> Rendered | Unsendable:
        """A template that may not be kept, among those that are. Raises `StoreUnavailable`."""
        await self._newest()
        # A book of its own, which no other has the version of.
        self._drafts -= 1
        others = [one for one in self._known.values() if one.id != draft.id]
        book = template.book(self._drafts, [*others, draft])
        return await self._renderer.render(book, draft.key, data)

    async def _newest(self) -> Book:
        if not self._fresh():
            async with self._looking:
                if not self._fresh():
                    await self._look()
        return self._book

    def _fresh(self) -> bool:
        return self._rows.changes == self._seen and self._clock.steady_ms() < self._until

    async def _look(self) -> None:
        seen, at = self._rows.changes, self._clock.steady_ms()
        if await self._rows.version() != self._book.version:
            shelf = await self._rows.since(self._book.version)
            # There may be many.
            self._known = await asyncio.to_thread(_reshelved, self._known, shelf)
            self._book = template.book(shelf.version, self._known.values())
        self._seen, self._until = seen, at + LOOK_MS


def _reshelved(known: Mapping[str, Template], shelf: Shelf) -> dict[str, Template]:
    """The templates by their ids, in the order of these."""
    changed = dict(_read(shelf.changed))
    found = {id: changed.get(id, known.get(id)) for id in sorted(shelf.ids)}
    unread = {kept.id for kept in shelf.changed} - changed.keys()
    return {id: one for id, one in found.items() if one is not None and id not in unread}


def _read(changed: Iterable[Kept]) -> Iterable[tuple[str, Template]]:
    for kept in changed:
        try:
            yield kept.id, template.read(kept.id, _document.decode(kept.document))
        except (ValueError, msgspec.DecodeError) as error:
            _log.error("a template can't be read", template=kept.id, why=str(error))
