"""The door to templates: set, read, listed, removed, and tried out before a mail goes with one.

What is wrong with a template's fields is told here, by name; what is wrong with its language where
it is rendered. Those that are kept fit in memory; one that would not is refused.
"""

from __future__ import annotations

from typing import Any

import msgspec

from franking.clock import Clock
from franking.compose.envelope import Unsendable
from franking.compose.templates import Rendered
from franking.core import template
from franking.core.template import Template
from franking.office.documents import Document, Documents
from franking.office.refusals import Conflict, Invalid, NoTemplate
from franking.office.rendering import Rendering
from franking.stores.base import Kept, Store

NOT_RENDERED = "Templates are not rendered here."

_document = msgspec.json.Decoder(dict[str, Any])


class Templates(Documents):
    """The door to a store's templates; without `rendering` none can be tried out."""

    def __init__(self, store: Store, clock: Clock, rendering: Rendering | None) -> None:
        super().__init__(store.templates, clock, "template", NoTemplate)
        self._rendering = rendering

    async def set(
        self, id: str, document: Document, match: str | None = None, *, absent: bool = False
    ) -> tuple[Kept, bool]:
        """Keep a template; was there none before? It counts for every mail composed from now on.

        With `absent` only where there is none. Raises `Invalid`, which names the field, `TooLarge`,
        `Changed`, or `Conflict`: all full.
        """
        name = _read(id, document).name
        return await self.keep(id, document, name, match, absent=absent)

    async def try_out(
        self, id: str, data: Document, document: Document | None = None
    ) -> Rendered | Unsendable:
        """What a template comes to among the partials that are kept, or what is wrong with it.

        It is the one that is kept, or `document` in its place, which need not be kept. Raises
        `NotFound`, `Invalid`, `TooLarge`, `Conflict`.
        """
        if self._rendering is None:
            raise Conflict(NOT_RENDERED, "not_rendered_here")
        if document is None:
            document = _document.decode((await self.read(id)).document)
        self.fitting(document)
        return await self._rendering.try_out(_read(id, document), data)


def _read(id: str, document: Document) -> Template:
    try:
        return template.read(id, document)
    except ValueError as error:
        raise Invalid(str(error)) from None
