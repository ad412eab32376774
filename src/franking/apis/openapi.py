"""What `/openapi.json` says: each call with its parameters, bodies, and every status it answers.

The handlers take and give bytes, so nothing here can be read off their signatures: a test holds
this against the routes, and another against what is really answered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, cast

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Operation

import franking
from franking.apis.answers import Answer
from franking.apis.calls import Ask
from franking.apis.listing import DEFAULT_LIMIT, MAX_LIMIT
from franking.apis.routing import Route
from franking.apis.schemas import SCHEMAS, Schema, ref
from franking.apis.schemas_cadence import CADENCE_CALLS, CADENCE_PARAMETERS, CADENCE_REFUSALS
from franking.apis.schemas_collected import COLLECTED_CALLS
from franking.apis.schemas_outbox import OUTBOX_CALLS, OUTBOX_PARAMETERS
from franking.apis.schemas_returns import RETURN_CALLS, RETURN_PARAMETERS
from franking.apis.schemas_timers import TIMER_CALLS, TIMER_PARAMETERS
from franking.apis.schemas_webhooks import WEBHOOK_CALLS, WEBHOOK_PARAMETERS
from franking.core.delivery import State
from franking.core.rules import SENTENCES

PROBLEMS = {
    400: "The request can't be read, or a parameter is wrong; `field` names it.",
    401: "A key is needed, or the one that was sent is none.",
    403: "The key lacks the scope, or the request comes from a page of another site.",
    404: "There is no such thing.",
    408: "The body did not come in time.",
    409: "The mail's state does not allow it, or the Idempotency-Key came with another body.",
    412: "It is not the one that If-Match names.",
    413: "The body is too large.",
    415: "The body is not of a type that the call takes.",
    421: "This server does not serve that Host.",
    422: "The body is invalid; `detail` says why, for a document in the contract's text.",
    429: "The key's calls of this minute are used up; `Retry-After` tells when there are more.",
    500: "Something went wrong inside franking; its log tells where.",
    502: "The email service did not take the call, or is out of reach; nothing was changed.",
    503: "The store can't be used now; nothing was written.",
}
_CONFIG = OpenAPIConfig(
    title="franking",
    version=franking.__version__,
    description="An email service that never leaves anyone guessing.",
)
_ANY = (400, 421, 500, 503)
_KEYED = (401, 403, 429)
_WITHOUT_KEY = ("healthz", "readyz")
_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key, as `fk_…`."},
    "basic": {"type": "http", "scheme": "basic", "description": "A key as the password."},
}
_BODY = (403, 408, 413, 415)


class Description:
    """The handler of `/openapi.json`; the document is made when it is first asked for."""

    def __init__(self, table: Sequence[Route]) -> None:
        self._table = table

    async def show(self, request: Ask) -> Answer:
        """GET /openapi.json."""
        return Answer(200, self._document)

    @cached_property
    def _document(self) -> bytes:
        # An app of its own: in the serving one Litestar would add pages of its making.
        described = [_described(route) for route in self._table]
        app = Litestar(described, openapi_config=_CONFIG, logging_config=None)
        document = app.openapi_schema.to_schema()
        document["components"] = {"schemas": SCHEMAS, "securitySchemes": _SCHEMES}
        # As long as no key was made, a caller on the same machine needs none.
        document["security"] = [{"bearer": []}, {"basic": []}, {}]
        return msgspec.json.encode(document)


def _described(route: Route) -> HTTPRouteHandler:
    operation = operations()[cast(str, route.operation)]
    return route.method(
        route.path, operation_id=route.operation, operation_class=operation, status_code=200
    )(route.call)


@cache
def operations() -> Mapping[str, type[Operation]]:
    """The description of each call by its operation id; they are made once."""
    return {
        name: _operation(
            *described, keyed=name not in _WITHOUT_KEY, refusal=CADENCE_REFUSALS.get(name)
        )
        for name, described in _CALLS.items()
    }


def _operation(
    summary: str,
    body: str | None,
    parameters: Sequence[str],
    good: Mapping[int, str],
    bad: Sequence[int],
    *,
    keyed: bool,
    refusal: str | None,
) -> type[Operation]:
    always = (*_ANY, *_KEYED) if keyed else _ANY
    responses = {str(status): _good(status, name) for status, name in good.items()}
    responses |= {str(status): _bad(status, refusal) for status in sorted({*bad, *always})}

    @dataclass
    class Described(Operation):
        def __post_init__(self) -> None:
            self.summary = summary
            self.parameters = cast(Any, [_PARAMETERS[name] for name in parameters] or None)
            self.request_body = cast(Any, None if body is None else _body(body))
            self.responses = cast(Any, responses)

    return Described


_OPTIONAL = (
    *("RetryRequest", "PauseRequest", "SuppressionReason", "RetryTouchpoint", "RepairPage"),
    "RenderRequest",
)
_TYPES = {"MailPatch": "application/merge-patch+json", "DeliveryReport": "message/rfc822"}


def _body(name: str) -> Schema:
    media_type = _TYPES.get(name, "application/json")
    return {"required": name not in _OPTIONAL, "content": {media_type: {"schema": ref(name)}}}


def _good(status: int, name: str) -> Schema:
    if not name:
        return {"description": _MEANINGS[status]}
    media_type, schema = "application/json", ref(name)
    if name == "events":
        media_type, schema = "text/event-stream", {"type": "string"}
    if name == "metrics":
        media_type, schema = "text/plain", {"type": "string"}
    return {"description": _MEANINGS[status], "content": {media_type: {"schema": schema}}}


def _bad(status: int, refusal: str | None) -> Schema:
    content = {"application/problem+json": {"schema": ref("Problem")}}
    if refusal is not None:
        content["application/json"] = {"schema": ref(refusal)}
    return {"description": PROBLEMS[status], "content": content}


def _parameter(place: str, name: str, description: str, schema: Schema) -> Schema:
    return {
        "in": place,
        "name": name,
        "description": description,
        "required": place == "path",
        "schema": schema,
    }


_WORDS: Schema = {"type": "string", "minLength": 1, "maxLength": 255}
_TOKEN: Schema = {**_WORDS, "pattern": "^[!-~]+$"}
_PARAMETERS: dict[str, Schema] = {
    parameter["name"]: parameter
    for parameter in (
        _parameter("path", "id", "The id of what is meant.", _WORDS),
        _parameter("header", "Idempotency-Key", "A repeat gets the first answer.", _TOKEN),
        _parameter("header", "If-Match", "Write only if it still has this ETag.", _TOKEN),
        _parameter("header", "If-None-Match", "304 if it still has this ETag.", _TOKEN),
        _parameter("header", "Prefer", "`handling=lenient` stores invalid ones too.", _TOKEN),
        _parameter("header", "Last-Event-ID", "Go on after this event.", {"type": "integer"}),
        _parameter("query", "state", "Only in this state.", {"enum": [str(s) for s in State]}),
        _parameter("query", "category", "Only of this category.", {"enum": sorted(SENTENCES)}),
        _parameter("query", "account", "Only of this account.", _WORDS),
        _parameter("query", "touchpoint", "Only of this touchpoint.", _WORDS),
        _parameter("query", "q", "Words of recipients or subject, by prefix.", _WORDS),
        _parameter("query", "after", "The `next` of the page before.", {"type": "string"}),
        _parameter(
            "query",
            "limit",
            "How many at most.",
            {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
        ),
    )
}
_GIVEN = RETURN_PARAMETERS | TIMER_PARAMETERS | CADENCE_PARAMETERS | OUTBOX_PARAMETERS
_GIVEN |= WEBHOOK_PARAMETERS
_PARAMETERS |= {name: _parameter(*given) for name, given in _GIVEN.items()}
_MEANINGS = {
    200: "Done.",
    201: "Stored, on disk.",
    202: "Taken.",
    204: "Removed.",
    304: "Unchanged.",
}
_WRITE = ("id", "If-Match", "Idempotency-Key")
_LIST = ("state", "category", "account", "touchpoint", "q", "after", "limit")
_MAKE = (*_BODY, 422)
_NEW = ("Prefer", "Idempotency-Key")
_CALLS: dict[str, tuple[str, str | None, Sequence[str], Mapping[int, str], Sequence[int]]] = {
    "submitMail": ("Submit a mail", "MailDocument", _NEW, {201: "Mail"}, (*_BODY, 409, 422)),
    "submitBatch": (
        "Submit up to 1,000 mails; an answer for each, in order",
        "MailDocuments",
        _NEW,
        {200: "BatchAnswer"},
        (*_BODY, 409),
    ),
    "listMail": ("List mails, newest first", None, _LIST, {200: "MailPage"}, ()),
    "readMail": ("Read a mail", None, ("id", "If-None-Match"), {200: "Mail", 304: ""}, (404,)),
    "putMail": (
        "Write a document as into the collection",
        "MailDocument",
        _WRITE,
        {200: "Mail", 201: "Mail"},
        (*_BODY, 409, 412),
    ),
    "patchMail": (
        "Merge fields, or send again",
        "MailPatch",
        _WRITE,
        {200: "Mail"},
        (*_BODY, 404, 409, 412, 422),
    ),
    "deleteMail": ("Remove a mail", None, ("id", "If-Match"), {204: ""}, (403, 404, 409, 412)),
    "readTimeline": ("Read every attempt", None, ("id",), {200: "Timeline"}, (404,)),
    "retryMail": (
        "Send a mail again",
        "RetryRequest",
        ("id", "Idempotency-Key"),
        {200: "Mail"},
        (*_BODY, 404, 409, 422),
    ),
    "retryMany": (
        "Send all mails again that match, a bounded number of them",
        "RetryFilter",
        ("Idempotency-Key",),
        {200: "RetryTally"},
        (*_BODY, 409, 422),
    ),
    "listAccounts": ("List accounts, by id", None, ("after", "limit"), {200: "AccountPage"}, ()),
    "putAccount": (
        "Set a sender's mailbox",
        "NewAccount",
        ("id",),
        {200: "Account", 201: "Account"},
        (*_BODY, 409, 422),
    ),
    "readAccount": ("Read an account", None, ("id",), {200: "Account"}, (404,)),
    "deleteAccount": ("Forget an account and its secret", None, ("id",), {204: ""}, (404,)),
    "pauseAccount": (
        "Send nothing from it for a while",
        "PauseRequest",
        ("id",),
        {200: "Account"},
        (*_BODY, 404, 422),
    ),
    "resumeAccount": ("Send from it again", None, ("id",), {200: "Account"}, (*_BODY, 404, 422)),
    "testAccount": (
        "Sign in and send nothing",
        None,
        ("id",),
        {200: "SignIn"},
        (*_BODY, 404, 409, 422),
    ),
    "rekeyAccounts": (
        "Put every secret under the newest key",
        None,
        (),
        {200: "Rekeyed"},
        (*_BODY, 409, 422),
    ),
    "listen": ("Hear events as they happen", None, ("types", "Last-Event-ID"), {200: "events"}, ()),
    "createKey": ("Make a key; only this answer shows it", "NewKey", (), {201: "MadeKey"}, _MAKE),
    "listKeys": ("List the keys, newest first", None, (), {200: "Keys"}, ()),
    "revokeKey": ("Revoke a key", None, ("id",), {204: ""}, (404,)),
    **COLLECTED_CALLS,
    **RETURN_CALLS,
    **TIMER_CALLS,
    **CADENCE_CALLS,
    **OUTBOX_CALLS,
    **WEBHOOK_CALLS,
    "healthz": ("Is the process alive?", None, (), {200: "Health"}, ()),
    "readyz": ("Can it read its store?", None, (), {200: "Health"}, ()),
    "metrics": ("How it stands and what it did, for Prometheus", None, (), {200: "metrics"}, ()),
}
