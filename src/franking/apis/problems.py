"""From an exception to what an HTTP caller reads: RFC 9457 problems, and nowhere else.

Policy: `detail` says what is wrong, in the contract's words where it has some; `reason` is a word
for programs; `next` says what to do now; `field` names the part of the request where there is
one. What nobody expected is a 500 that tells nothing of our insides, and is logged with where it
happened; documents and bodies are never logged.
"""

from __future__ import annotations

import re
import traceback
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

from franking.apis.answers import ALWAYS, PROBLEM, Answer, Headers
from franking.core.machine import Refused
from franking.office import Changed, Conflict, Invalid, NoAccount
from franking.office.refusals import NoTemplate, NoUser, NoWebhook, TooLarge
from franking.stores.base import (
    AlreadyExists,
    KeyReused,
    NotFound,
    StoreRefused,
    StoreUnavailable,
    Unsure,
)

RETRY_AFTER_SECONDS = 5

_log = structlog.get_logger("franking.apis")


class Problem(Exception):
    """A request that is refused before the office saw it, or for what HTTP alone knows."""

    def __init__(
        self,
        status: int,
        reason: str,
        detail: str,
        next: str,
        field: str | None = None,
        headers: Headers = (),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.reason = reason
        self.detail = detail
        self.next = next
        self.field = field
        self.headers = headers


def answer(problem: Problem) -> Answer:
    """The problem as bytes."""
    status = HTTPStatus(problem.status)
    members: dict[str, Any] = {
        "type": "about:blank",
        "title": status.phrase,
        "status": problem.status,
        "detail": problem.detail,
        "reason": problem.reason,
        "next": problem.next,
    }
    if problem.field is not None:
        members["field"] = problem.field
    return Answer(problem.status, msgspec.json.encode(members), problem.headers, PROBLEM)


def respond(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Litestar's way to ask for the answer to an exception."""
    found = of(error)
    if found.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        logged(request, error)
    told = answer(found)
    return Response(
        told.body,
        status_code=told.status,
        media_type=told.media_type.decode(),
        headers={n.decode(): value.decode("latin-1") for n, value in (*ALWAYS, *told.headers)},
    )


def of(error: Exception) -> Problem:
    """The problem that an exception stands for."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, Conflict):
        return Problem(409, error.reason, str(error), _CONFLICTS.get(error.reason, _LOOK))
    if isinstance(error, Invalid):
        return invalid(str(error))
    if isinstance(error, HTTPException) and error.status_code < 500:
        return _http(error)
    for known, (status, reason, next) in _KNOWN.items():
        if isinstance(error, known):
            return Problem(status, reason, str(error), next, headers=_later(status))
    return Problem(500, "unexpected", "Something went wrong inside franking.", _UNEXPECTED)


def invalid(text: str) -> Problem:
    """422 for a document, with the field that the contract's text names."""
    return Problem(
        422, "invalid_document", text, "Correct the document and send it again.", field(text)
    )


def field(text: str) -> str | None:
    """The first field that one of the contract's texts names."""
    named = _FIELD.search(text)
    return named.group(1) if named else None


def _later(status: int) -> Headers:
    return ((b"retry-after", b"%d" % RETRY_AFTER_SECONDS),) if status == 503 else ()


def _http(error: HTTPException) -> Problem:
    headers = tuple((n.encode(), str(v).encode()) for n, v in (error.headers or {}).items())
    if error.status_code == 404:
        return Problem(404, "unknown_path", "There is nothing at this path.", _PATHS)
    if error.status_code == 405:
        allowed = (error.headers or {}).get("allow", "")
        detail = "This path does not take this method."
        return Problem(405, "unknown_method", detail, f"It takes: {allowed}.", headers=headers)
    return Problem(error.status_code, "bad_request", str(error.detail), _LOOK, headers=headers)


def logged(request: Request[Any, Any, Any], error: Exception) -> None:
    """Log what nobody expected."""
    # Where it happened and no more: an error's text or variables could hold a document.
    _log.error(
        "unexpected",
        method=request.method,
        path=request.scope.get("path_template", request.scope["path"]),
        error=type(error).__name__,
        trace="".join(traceback.format_tb(error.__traceback__)),
    )


_LOOK = "Read the mail with GET to see how it stands."
_SAME_AGAIN = (
    "Ask again with the same id, or under the same Idempotency-Key: what was written is then found"
    " and not written twice. Else look with GET first."
)
_PATHS = "GET /openapi.json lists every path."
_UNEXPECTED = "Try again; if it happens again, franking's log tells where it went wrong."
_CONFLICTS = {
    "already_sent": 'Nothing need be done; to send it once more, retry with {"force": true}.',
    "outcome_unknown": 'Ask the recipient, or retry with {"force": true}.',
    "processing": "Wait until the attempt has ended, which takes a minute at most, and try again.",
    "scheduled": "Nothing need be done: it goes when it is due.",
    "being_sent": "Wait until the attempt has ended, which takes a minute at most, and try again.",
    "tried_again": "Nothing need be done: it goes by itself.",
    "send_limit": "Nothing need be done: it goes by itself when the limit allows.",
    "touchpoint": "Delete the touchpoint instead.",
    "manual": "Complete the touchpoint again in the CRM.",
    "secret_lost": "Look at FRANKING_SECRET_KEY and at what `franking serve` may write.",
    "no_outfit": "Ask a `franking serve`.",
    "too_many_webhooks": "Remove one that is no more needed.",
    "not_rendered_here": "Ask a `franking serve` whose TEMPLATES_COLLECTION is on.",
    "full": "Remove templates that are not used any more.",
}
_KNOWN: dict[type[Exception], tuple[int, str, str]] = {
    NoWebhook: (404, "unknown_webhook", "Check the id; GET /v1/webhooks lists them."),
    NoAccount: (404, "unknown_account", "Check the id; GET /v1/accounts lists them."),
    NoTemplate: (404, "unknown_template", "Check the id; GET /v1/templates lists them."),
    NoUser: (404, "unknown_user", "Check the id; GET /v1/users lists them."),
    NotFound: (404, "unknown_mail", "Check the id; GET /v1/mail lists the mails there are."),
    TooLarge: (413, "too_large", "Make it smaller; images may be named by their addresses."),
    Changed: (412, "changed", "Read it again, and repeat the write with its new ETag."),
    Refused: (409, "state", _LOOK),
    AlreadyExists: (409, "already_exists", "Use another id, or PUT to replace the document."),
    KeyReused: (409, "key_reused", "Send the first body again, or use a new Idempotency-Key."),
    Unsure: (503, "store_unsure", _SAME_AGAIN),
    StoreUnavailable: (503, "store_unavailable", "Nothing was written. Try again a little later."),
    StoreRefused: (503, "store_unavailable", "Nothing was written. `franking doctor` says why."),
}
_FIELD = re.compile(r"Field '([^']+)'")
