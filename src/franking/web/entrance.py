"""How people come to the console's pages: signed in, led to the sign-in, or told why not.

Policy. Where no key is shown and one is needed, a browser is led to the sign-in, and from there
back to what it asked for; a script of a page too, unless something was typed there (`console.js`).
Whoever shows a key in `Authorization` is told as any program is. A session counts on the paths of
pages alone, and for what changes something only where a page of ours sent it. What is shown to who
is signed in is not kept by the browser, so that going back shows nothing once they have signed out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from litestar import Request
from litestar.types import ASGIApp, Send

from franking.apis.access import shown
from franking.apis.answers import Answer
from franking.apis.calls import Ask
from franking.apis.console import VIEWER
from franking.apis.guard import SAFE_METHODS
from franking.apis.problems import Problem
from franking.apis.routing import Route
from franking.core.key import Key, Scope
from franking.core.scopes import needed
from franking.office.sessions import Over
from franking.web import asked
from franking.web.pages import Pages, here, is_part
from franking.web.refusals import looks, refused
from franking.web.rendered import frame
from franking.web.show import with_query
from franking.web.viewer import OVER, VISITOR
from franking.web.visitors import Visitor, Visitors, shown_page

SIGN_IN = "/sign-in"
# Said where a page that was shown is no more: whoever looked at it wonders.
NEEDED = "needed"
NO_STORE = (b"cache-control", b"no-store")


class Entrance:
    """`franking.apis.console.Console`: the pages behind `routes`, for who finds `visitors`."""

    def __init__(self, routes: Sequence[Route], visitors: Visitors, pages: Pages) -> None:
        self.routes = routes
        self._visitors = visitors
        self._pages = pages
        self._firsts = {_first(route.path) for route in routes}

    def covers(self, path: str) -> bool:
        """Is it a page's path? By its first part, which no call of an API has."""
        return _first(path) in self._firsts

    async def visitor(self, scope: Any) -> Key | None:
        """The key of who is signed in. Raises `Problem` for what no page of ours sent."""
        state = scope.setdefault("state", {})
        found = await self._visitors.find(scope)
        if not isinstance(found, Visitor):
            state[OVER] = found
            return None
        if scope["method"] not in SAFE_METHODS:
            asked.from_our_page(scope)
        state[VISITOR] = found
        if not looks(Request(scope)):
            state[_RENEWED] = await self._visitors.renewed(found)
        return found.signed.key

    def answering(self, scope: Any, send: Send) -> Send:
        """`send` for the answer to who is signed in: it is not kept, and may renew the session."""
        if scope["state"].get(VISITOR) is None:
            return send
        renewed, part = scope["state"].get(_RENEWED), is_part(Request(scope))

        async def sent(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = [*message["headers"], *([renewed] if renewed else [])]
                if not part:
                    headers = [*(pair for pair in headers if pair[0] != NO_STORE[0]), NO_STORE]
                message = {**message, "headers": headers}
            await send(message)

        return sent

    def turned_away(self, scope: Any, problem: Problem) -> ASGIApp | None:
        """What a browser is told; None where it is not the console's to tell."""
        request: Ask = Request(scope)
        if not self.covers(scope["path"]):
            return self._no_page(request) if _mistyped(scope) else None
        if problem.status == 401 and not shown(scope["headers"]):
            return self._led(request)
        answer = refused(self._pages, request, self._in_words(request, problem))
        told = problem.headers if answer.status == problem.status else ()
        answer.headers = (*answer.headers, *told, NO_STORE)
        return answer

    def _led(self, request: Ask) -> Answer:
        """To the sign-in, and why."""
        headers = dict(request.scope["headers"])
        over: Over | None = request.scope.get("state", {}).get(OVER)
        if headers.get(b"sec-fetch-dest") in _FRAMES:
            return frame(None, "You are not signed in any more. Load the page around this anew.")
        part = is_part(request)
        if part or request.method != "GET":
            address = headers.get(b"hx-current-url" if part else b"referer", b"")
            next, why = shown_page(address.decode("latin-1")), over or NEEDED
        else:
            next, why = here(request), over or ""
        to = with_query(SIGN_IN, {"next": next, "why": why}).encode()
        if part:
            return Answer(200, b"", ((b"hx-redirect", to), NO_STORE))
        return Answer(303, b"", ((b"location", to), NO_STORE))

    def _in_words(self, request: Ask, problem: Problem) -> Problem:
        """What a key's scopes do not allow, to who holds it."""
        if problem.reason != "scope_missing":
            return problem
        need, state = needed(request.method, request.scope["path"]), request.scope["state"]
        what = "This" if is_part(request) or request.method != "GET" else "This page"
        # One that does what theirs does, too, or they would have to change keys to and fro.
        scopes = [need] if need == Scope.ADMIN else [*state[VIEWER].scopes, need]
        options = " ".join(f"--scope {scope}" for scope in scopes)
        then = "sign out, and sign in with that one" if VISITOR in state else "use it"
        return Problem(
            problem.status,
            problem.reason,
            f"{what} needs a key with the scope {need}, which yours has not.",
            f"Whoever runs franking makes one: franking key create {options}. Then {then}.",
        )

    def _no_page(self, request: Ask) -> Answer:
        detail = "There is no page at this address."
        return refused(self._pages, request, Problem(404, "unknown_path", detail, "Check it."))


def _first(path: str) -> str:
    return path.lstrip("/").partition("/")[0]


def _mistyped(scope: Any) -> bool:
    """Does a browser ask for a page where there is nothing?"""
    accepts = dict(scope["headers"]).get(b"accept", b"")
    nothing = scope["method"] == "GET" and needed("GET", scope["path"]) is None
    return nothing and b"text/html" in accepts and not shown(scope["headers"])


_RENEWED = "renewed"
_FRAMES = (b"iframe", b"frame", b"embed", b"object")
