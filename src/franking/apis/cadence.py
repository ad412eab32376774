"""The embedded package's calls, and the endpoint that events are told to.

Policy. A refusal of the rep's calls is `{"error_message": …, "reason": …}`, for a toast shows just
that; one of the endpoint is an array as Apex REST answers it. An `Idempotency-Key` on a retry is
handed on to Retry Timer, so that a repeat gets its first answer. On a completion it changes
nothing: completions are counted, and one that is repeated is told that the email is being sent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from litestar import delete, get, post

from franking.apis import problems, wire_cadence
from franking.apis.answers import Answer
from franking.apis.calls import KEY_CHARACTERS, Ask, Call, checked_id, received
from franking.apis.listing import DEFAULT_LIMIT, PARAMETERS, query
from franking.apis.problems import RETRY_AFTER_SECONDS, Problem
from franking.apis.routing import Route
from franking.core.ids import MOST_CHARACTERS, RESERVED
from franking.outlets.base import BadEvent, Package, Refused
from franking.stores.base import StoreRefused, StoreUnavailable

APEXREST = "/services/apexrest/DS_Packages/DialSourceCadenceServices"
TOUCHPOINTS = "/cadence/touchpoints"
ONE = f"{TOUCHPOINTS}/{{id:str}}"
RETRIED_AT_ONCE = 500

Answering = Callable[[Ask], Awaitable[Answer]]


def cadence_routes(package: Package) -> list[Route]:
    """Every call of the package with its description."""
    calls = CadenceCalls(package)
    table = (
        (post, TOUCHPOINTS, calls.create, "createTouchpoint"),
        (get, TOUCHPOINTS, calls.page, "listTouchpoints"),
        (get, ONE, calls.read, "readTouchpoint"),
        (delete, ONE, calls.delete, "deleteTouchpoint"),
        (post, f"{ONE}/complete", calls.complete, "completeTouchpoint"),
        (post, f"{ONE}/retry", calls.retry, "retryTouchpoint"),
        (post, f"{TOUCHPOINTS}/retry", calls.retry_many, "retryTouchpoints"),
        (get, "/cadence/errors", calls.errors, "listConquerErrors"),
    )
    of_rep = [Route(method, path, _rep(call), name) for method, path, call, name in table]
    return [*of_rep, Route(post, APEXREST, _apex(calls.take), "tell")]


class CadenceCalls:
    """The calls on touchpoints; what they refuse is raised."""

    def __init__(self, package: Package) -> None:
        self._package = package

    async def create(self, request: Ask) -> Answer:
        """POST /cadence/touchpoints."""
        given = (await received(request)).document()
        id = given.get("id")
        if id is not None and not isinstance(id, str):
            raise _wrong("id", "must be a string")
        shown = await self._package.create(given, id)
        location = f"{TOUCHPOINTS}/{quote(shown.touchpoint.id, safe='')}".encode()
        return Answer(201, wire_cadence.shown(shown), ((b"location", location),))

    async def page(self, request: Ask) -> Answer:
        """GET /cadence/touchpoints."""
        wanted = query(request.scope["query_string"], _PAGED)
        limit = wanted.pop("limit", DEFAULT_LIMIT)
        found = await self._package.page(wanted, limit + 1)
        more = len(found) > limit
        next = found[limit - 1].touchpoint.seq if more else None
        return Answer(200, wire_cadence.page(found[:limit], next))

    async def read(self, request: Ask) -> Answer:
        """GET /cadence/touchpoints/{id}."""
        return Answer(200, wire_cadence.shown(await self._package.read(_id(request))))

    async def complete(self, request: Ask) -> Answer:
        """POST /cadence/touchpoints/{id}/complete."""
        id, call = _id(request), await received(request)
        _key(call)
        force, mail = _asked(call)
        if mail is None:
            raise _wrong("mail", "is required: the mail document")
        return Answer(202, wire_cadence.shown(await self._package.complete(id, mail, force)))

    async def retry(self, request: Ask) -> Answer:
        """POST /cadence/touchpoints/{id}/retry."""
        id, call = _id(request), await received(request)
        key = _key(call)
        force, mail = _asked(call)
        return Answer(200, wire_cadence.shown(await self._package.retry(id, mail, force, key)))

    async def retry_many(self, request: Ask) -> Answer:
        """POST /cadence/touchpoints/retry."""
        call = await received(request)
        tally = await self._package.retry_many(call.document(), RETRIED_AT_ONCE)
        return Answer(200, wire_cadence.retried(tally))

    async def delete(self, request: Ask) -> Answer:
        """DELETE /cadence/touchpoints/{id}."""
        await self._package.delete(_id(request))
        return Answer(204)

    async def errors(self, request: Ask) -> Answer:
        """GET /cadence/errors."""
        wanted = query(request.scope["query_string"], _ERRORS)
        limit = wanted.pop("limit", DEFAULT_LIMIT)
        found = await self._package.errors(wanted, limit + 1)
        next = found[limit - 1][0] if len(found) > limit else None
        return Answer(200, wire_cadence.errors(found[:limit], next))

    async def take(self, request: Ask) -> Answer:
        """POST to the package's endpoint."""
        event = (await received(request)).document()
        return Answer(200, wire_cadence.taken(await self._package.take(event)))


def _rep(call: Answering) -> Answering:
    """The call, its refusals told in words for a rep."""

    async def told(request: Ask) -> Answer:
        try:
            return await call(request)
        except Refused as refused:
            return _refusal(refused.status, str(refused), refused.reason)
        except (Problem, StoreUnavailable, StoreRefused) as error:
            problem = problems.of(error)
            return _refusal(problem.status, problem.detail, problem.reason)

    return told


def _apex(call: Answering) -> Answering:
    """The call, its refusals told as Apex REST does."""

    async def told(request: Ask) -> Answer:
        try:
            return await call(request)
        except BadEvent as error:
            return Answer(400, wire_cadence.apex(error))
        except Refused as refused:
            told = BadEvent(refused.reason.upper(), str(refused))
            return Answer(refused.status, wire_cadence.apex(told))
        except (Problem, StoreUnavailable, StoreRefused) as error:
            problem = problems.of(error)
            code = _CODES.get(problem.status, problem.reason.upper())
            return Answer(problem.status, wire_cadence.apex(BadEvent(code, problem.detail)))

    return told


def _refusal(status: int, text: str, reason: str) -> Answer:
    later = ((b"retry-after", b"%d" % RETRY_AFTER_SECONDS),) if status == 503 else ()
    return Answer(status, wire_cadence.refused(text, reason), later)


def _id(request: Ask) -> str:
    return checked_id(request, "A touchpoint", RESERVED)


def _asked(call: Call) -> tuple[bool, dict[str, Any] | None]:
    """`force` and `mail` of a body, which may be absent."""
    given = call.document() if call.body else {}
    for name in given:
        if name not in ("force", "mail"):
            raise _wrong(name[:50], "is not known here; there are force and mail")
    force, mail = given.get("force", False), given.get("mail")
    if not isinstance(force, bool):
        raise _wrong("force", "must be true or false")
    if mail is not None and not isinstance(mail, dict):
        raise _wrong("mail", "must be an object: the mail document, or fields of it")
    return force, mail


def _key(call: Call) -> str | None:
    key = call.text(b"idempotency-key")
    if key is None or (0 < len(key) <= KEY_CHARACTERS and key.isascii() and key.isprintable()):
        return key
    raise Refused(
        400, f"An Idempotency-Key has 1 to {KEY_CHARACTERS} printable ASCII characters.", "bad_key"
    )


def _wrong(name: str, what: str) -> Refused:
    return Refused(400, f"Field '{name}' {what}.", "bad_field")


def _words(value: str) -> str:
    if 0 < len(value) <= MOST_CHARACTERS and value.isprintable() and value.strip():
        return value
    raise ValueError(f"must have 1 to {MOST_CHARACTERS} printable characters")


def _cursor(value: str) -> str:
    return str(PARAMETERS["after"](value))


_CODES = {400: "JSON_PARSER_ERROR", 415: "UNSUPPORTED_MEDIA_TYPE", 503: "SERVER_UNAVAILABLE"}
_PAGED: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("status", "category", "member", "q"), _words),
    "after": _cursor,
    "limit": PARAMETERS["limit"],
}
_ERRORS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("touchpoint", "status"), _words),
    "after": _cursor,
    "limit": PARAMETERS["limit"],
}
