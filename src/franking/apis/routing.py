"""Which call answers a request: Litestar finds it, by a table that is put up once in a process.

An app of Litestar's takes a tenth of a second to put up, and a process needs several that differ
only in who answers. So its handlers know their places in the table alone, and find in the request's
scope who stands there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Receive, Scope, Send

from franking.apis import problems
from franking.apis.calls import Ask

_CALLS = "franking.calls"


class Route(NamedTuple):
    """A method of HTTP (Litestar's `get`, `post`, …), a path, who answers, and the operation's id
    in the description; None where it is not described."""

    method: Callable[..., HTTPRouteHandler]
    path: str
    call: Callable[[Ask], Awaitable[ASGIApp]]
    operation: str | None = None


class Routed:
    """The ASGI app of a table."""

    def __init__(self, table: Sequence[Route]) -> None:
        self.table = table
        self._calls = [route.call for route in table]
        self._app = _app(tuple((route.method, route.path) for route in table))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        known: Any = scope
        known[_CALLS] = self._calls
        await self._app(scope, receive, send)


@cache
def _app(table: tuple[tuple[Callable[..., HTTPRouteHandler], str], ...]) -> ASGIApp:
    return Litestar(
        [_standing(place, *row) for place, row in enumerate(table)],
        openapi_config=None,
        exception_handlers={Exception: problems.respond},
        logging_config=None,
        request_max_body_size=None,
    )


def _standing(place: int, method: Callable[..., HTTPRouteHandler], path: str) -> HTTPRouteHandler:
    async def answer(request: Ask) -> ASGIApp:
        known: Any = request.scope
        answer: ASGIApp = await known[_CALLS][place](request)
        return answer

    # An answer carries its own status; Litestar only wants one that may have a body.
    return method(path, status_code=200)(answer)
