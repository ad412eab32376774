"""Templates as a list shows them: their names and which parts they have, without the parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from franking.core.template import PARTS
from franking.office.templates import Templates
from franking.stores.base import Kept

# Documents may be large, so a list is read by and by, and ends where it has read so many bytes.
READ_AT_ONCE = 20
MOST_BYTES = 16 * 1024 * 1024
NAMED = (*PARTS, "attachments")


class Head(msgspec.Struct, frozen=True):
    """One template; `parts` are those of NAMED that it has, `changed_at` is in milliseconds."""

    id: str
    name: str | None
    partial: bool
    parts: tuple[str, ...]
    changed_at: int

    @property
    def key(self) -> str:
        """What mails call it by."""
        return self.name or self.id


def every(head: Head) -> bool:
    """All of them are wanted."""
    return True


async def heads(
    templates: Templates,
    after: str,
    q: str | None,
    most: int,
    wanted: Callable[[Head], bool] = every,
) -> tuple[list[Head], str | None]:
    """At most so many of the wanted ones after an id, by id, and after which one there are more."""
    found: list[Head] = []
    size = 0
    while True:
        page = await templates.page(after, q, READ_AT_ONCE + 1)
        for kept in page[:READ_AT_ONCE]:
            if len(found) == most or size >= MOST_BYTES:
                return found, after
            after, head = kept.id, of(kept)
            size += len(bytes(kept.document))
            if wanted(head):
                found.append(head)
        if len(page) <= READ_AT_ONCE:
            return found, None


def of(kept: Kept) -> Head:
    """The head of a template; it may hold what a later franking wrote."""
    document: dict[str, Any] = msgspec.json.decode(kept.document)
    name = document.get("name")
    return Head(
        kept.id,
        name if isinstance(name, str) else None,
        document.get("partial") is True,
        tuple(part for part in NAMED if document.get(part)),
        kept.updated_at,
    )
