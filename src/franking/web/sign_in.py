"""The sign-in: a key for a session, and the way out of it.

Policy. Whatever is wrong with a key is told alike. Each sign-in begins a new session, and ends the
one that the browser had. A failure is logged with who failed and the id that a key names, which is
no secret; never with the key. Signing out ends the session here, so that no copy of it counts, and
has the browser forget what it keeps of the pages.
"""

from __future__ import annotations

import math

import structlog
from litestar import get, post

from franking.apis.answers import Answer
from franking.apis.calls import Ask
from franking.core import key as keys
from franking.core.scopes import needed
from franking.core.session import LASTS_MS, MOST_MS
from franking.office.sessions import Over, Signed
from franking.web import asked, cookies, tries
from franking.web.entrance import NEEDED, NO_STORE, SIGN_IN
from franking.web.pages import PAGES
from franking.web.rooms import Rooms, Row
from franking.web.tries import Tries
from franking.web.visitors import Visitor, own_path, place

SIGN_OUT = "/sign-out"
SIGNED_OUT = "signed-out"
FORM_BYTES = 8_192
HOURS, DAYS = LASTS_MS // 3_600_000, MOST_MS // 86_400_000
WHY = {
    NEEDED: "To go on, sign in. Your sign-in has ended, or the first key was made meanwhile.",
    SIGNED_OUT: "You are signed out.",
    Over.EXPIRED: "Your sign-in has run out. Sign in to go on where you were.",
    Over.ENDED: "You were signed out, here or in another window. Sign in to go on.",
    Over.REVOKED: "The key that you signed in with was revoked. Sign in with another.",
    Over.UNKNOWN: "What this browser kept of your sign-in does not count here. Sign in anew.",
    Over.TWICE: (
        "This browser sends two sign-ins at once, and neither counts. Remove the cookies of this"
        " address in the browser's settings, then sign in."
    ),
}
NO_KEY = "There is no key yet, so only a browser on the machine where franking runs is served."
WRONG = "This key does not open the console."
WRONG_NEXT = "Look whether it is whole, and whether it was revoked; or make another."

_log = structlog.get_logger("franking.web")


class SignInPages:
    """The page with the form, and what becomes of it."""

    def __init__(self, rooms: Rooms) -> None:
        self._keys = rooms.office.keys
        self._sessions = rooms.office.sessions
        self._visitors = rooms.visitors
        self._pages = rooms.pages
        self._tries = Tries(rooms.clock)

    def routes(self) -> list[Row]:
        return [
            (get, SIGN_IN, self.page),
            (post, SIGN_IN, self.sign_in),
            (post, SIGN_OUT, self.sign_out),
        ]

    async def page(self, request: Ask) -> Answer:
        """GET /sign-in: the form, or back to where they were for who needs none."""
        wanted = asked.query(request, {"next": str, "why": str})
        next, why = own_path(wanted["next"]), WHY.get(wanted["why"] or "", "")
        found = await self._visitors.find(request.scope)
        if isinstance(found, Visitor):
            return _to(place(next, found.signed.key))
        if not await self._keys.made():
            if cookies.here(request.scope):
                return _to(next)
            why = NO_KEY
        elif found == Over.TWICE:
            why = WHY[found]
        return self._form(request, next, why=why, good=wanted["why"] == SIGNED_OUT)

    async def sign_in(self, request: Ask) -> Answer:
        """POST /sign-in."""
        fields = await asked.form(request, FORM_BYTES)
        next, scope = own_path(fields.get("next")), request.scope
        cookie = cookies.fit(scope)
        if cookie is None:
            return self._form(request, next, status=403)
        peer = tries.peer(scope)
        wait_ms = self._tries.begin(peer)
        if wait_ms:
            return self._too_often(request, next, math.ceil(wait_ms / 1000))
        text = fields.get("key", "").strip()
        signed = await self._sessions.sign_in(text)
        if signed is None:
            presented = keys.parsed(text)
            _log.warning("sign_in_refused", peer=peer, key=presented and presented.id)
            return self._form(request, next, status=403, wrong=WRONG, step=WRONG_NEXT)
        self._tries.succeeded(peer)
        await self._visitors.sign_out(scope)
        return await self._signed_in(signed, cookie, next, peer)

    async def sign_out(self, request: Ask) -> Answer:
        """POST /sign-out."""
        await asked.form(request, FORM_BYTES)
        await self._visitors.sign_out(request.scope)
        forgotten = map(cookies.forgotten, (cookies.SECURE, cookies.PLAIN))
        return _to(f"{SIGN_IN}?why={SIGNED_OUT}", *forgotten, (b"clear-site-data", b'"cache"'))

    async def _signed_in(self, signed: Signed, cookie: str, next: str, peer: str) -> Answer:
        _log.info("signed_in", peer=peer, key=signed.key.id)
        other = cookies.PLAIN if cookie == cookies.SECURE else cookies.SECURE
        kept = await self._visitors.kept(cookie, signed.session)
        return _to(place(next, signed.key), cookies.forgotten(other), kept)

    def _too_often(self, request: Ask, next: str, seconds: int) -> Answer:
        wrong = "Somebody at your address failed to sign in too often."
        step = f"Try again in {seconds} s."
        answer = self._form(request, next, status=429, wrong=wrong, step=step)
        answer.headers = (*answer.headers, (b"retry-after", b"%d" % seconds))
        return answer

    def _form(
        self,
        request: Ask,
        next: str,
        *,
        status: int = 200,
        why: str = "",
        good: bool = False,
        wrong: str = "",
        step: str = "",
    ) -> Answer:
        answer = self._pages.part(
            request,
            "sign_in",
            status=status,
            next=next,
            why=why,
            good=good,
            wrong=wrong,
            step=step,
            fit=cookies.fit(request.scope) is not None,
            hours=HOURS,
            days=DAYS,
            opens=_OPENS,
        )
        answer.headers = (*answer.headers, NO_STORE)
        return answer


def _opens() -> list[tuple[str, str]]:
    """Each scope with the pages that it opens."""
    found: dict[str, list[str]] = {}
    for path, name in PAGES:
        found.setdefault(str(needed("GET", path)), []).append(name)
    return [(scope, ", ".join(names)) for scope, names in found.items()]


def _to(path: str, *headers: tuple[bytes, bytes]) -> Answer:
    return Answer(303, b"", ((b"location", path.encode()), NO_STORE, *headers))


_OPENS = _opens()
