"""What the keys ask of the console: which paths are its pages, who is signed in, who is led where.

The console stands to the right of this layer and brings its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from litestar.types import ASGIApp, Send

from franking.apis.problems import Problem
from franking.apis.routing import Route
from franking.core.key import Key

# Where a request's state has the key that a page is shown to; absent where none is needed.
VIEWER = "viewer"


class Console(Protocol):
    """The console's pages, and how people come to them in a browser."""

    @property
    def routes(self) -> Sequence[Route]:
        """Every page."""

    def covers(self, path: str) -> bool:
        """Is it the path of a page? Only there does a session count."""

    async def visitor(self, scope: Any) -> Key | None:
        """The key of who is signed in. Raises `Problem` for what no page of ours sent."""

    def answering(self, scope: Any, send: Send) -> Send:
        """`send` for the answer to a visitor."""

    def turned_away(self, scope: Any, problem: Problem) -> ASGIApp | None:
        """What a browser is told; None where it is not the console's to tell."""
