"""Who looks at a page, as its frame shows it: their name, what they may see, and their way out."""

from __future__ import annotations

from typing import Any

import msgspec

from franking.apis.calls import Ask
from franking.apis.console import VIEWER
from franking.core.key import Key, allows
from franking.core.scopes import OPEN, needed

# Where a request's state has who is signed in (`visitors.Visitor`), and why nobody is any more.
VISITOR = "visitor"
OVER = "over"


class Viewer(msgspec.Struct, frozen=True):
    """The key that a page is shown to, if any is needed; `signed_in` where it is a session's."""

    key: Key | None = None
    signed_in: bool = False

    @property
    def name(self) -> str:
        """What they are called by: the name of their key, else its id."""
        return "" if self.key is None else self.key.name or self.key.id

    def sees(self, path: str) -> bool:
        """May the page at a path be shown to them?"""
        return sees(self.key, path)


def viewer(request: Ask) -> Viewer:
    """Who looks."""
    state: dict[str, Any] = request.scope.get("state") or {}
    return Viewer(state.get(VIEWER), state.get(VISITOR) is not None)


def sees(key: Key | None, path: str) -> bool:
    """May a page be shown to who holds a key? Where none is needed, every page may."""
    need = needed("GET", path)
    return key is None or need == OPEN or (need is not None and allows(key.scopes, need))
