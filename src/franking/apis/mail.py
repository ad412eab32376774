"""The calls on one mail, and on a batch of new ones: from the request to the office and back."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any
from urllib.parse import quote

import msgspec

from franking.apis import bodies, wire, wire_returns
from franking.apis.answers import Answer
from franking.apis.calls import Ask, Call, answered, bare, mail_id, received
from franking.apis.problems import Problem, field
from franking.clock import Clock
from franking.core.delivery import State
from franking.core.prediction import Expectation
from franking.core.trace import carrying, valid
from franking.engine.tracing import Tracer
from franking.office import Invalid, Office, Written, etag
from franking.office.contents import without_own_id
from franking.stores.base import Stored

_APPLIED = (b"preference-applied", b"handling=lenient")


class Mails:
    """The handlers of `/v1/mail`; `office` does the work. `most_bytes` is a document's limit."""

    def __init__(
        self,
        office: Office,
        clock: Clock,
        most_bytes: int = bodies.MAX_DOCUMENT_BYTES,
        tracer: Tracer | None = None,
    ) -> None:
        self._tracer = tracer
        self._office = office
        self._clock = clock
        self._most_bytes = most_bytes

    async def submit(self, request: Ask) -> Answer:
        """POST /v1/mail."""
        call = await received(request)
        lenient = call.lenient
        render = _created_leniently if lenient else _created
        with self._traced(call, "POST /v1/mail") as trace:
            result = await self._office.submit(
                [carrying(call.document(), trace)],
                lenient=lenient,
                once=call.once(self._clock.now(), render),
            )
        return answered(result, render)

    async def submit_batch(self, request: Ask) -> Answer:
        """POST /v1/mail/batch."""
        call = await received(request)
        lenient = call.lenient
        render = _entries_leniently if lenient else _entries
        with self._traced(call, "POST /v1/mail/batch") as trace:
            given = call.documents(self._most_bytes)
            result = await self._office.submit(
                given if trace is None else [_carrying(document, trace) for document in given],
                lenient=lenient,
                once=call.once(self._clock.now(), render),
            )
        return answered(result, render)

    async def put(self, request: Ask) -> Answer:
        """PUT /v1/mail/{id}."""
        id, call = mail_id(request), await received(request)
        with self._traced(call, "PUT /v1/mail/{id}") as trace:
            result = await self._office.put(
                id,
                carrying(without_own_id(id, call.document()), trace),
                match=call.text(b"if-match"),
                once=call.once(self._clock.now(), _written),
            )
        return answered(result, _written)

    async def patch(self, request: Ask) -> Answer:
        """PATCH /v1/mail/{id}."""
        id, call = mail_id(request), await received(request)
        result = await self._office.patch(
            id,
            without_own_id(id, call.document()),
            match=call.text(b"if-match"),
            once=call.once(self._clock.now(), _shown),
        )
        return answered(result, _shown)

    async def read(self, request: Ask) -> Answer:
        """GET /v1/mail/{id}."""
        stored = await self._office.read(mail_id(request))
        expected = await self._office.expected(stored.mail)
        tag = etag(stored.mail)
        moving = expected is not None and expected.because is not None
        if not moving and _unchanged(bare(request).text(b"if-none-match"), tag):
            return Answer(304, headers=((b"etag", tag.encode()),))
        return _shown(stored, expected)

    async def delete(self, request: Ask) -> Answer:
        """DELETE /v1/mail/{id}."""
        call = bare(request)
        touchpoint = call.text(b"x-touchpoint-id")
        match = call.text(b"if-match")
        await self._office.delete(mail_id(request), match=match, touchpoint=touchpoint)
        return Answer(204)

    async def timeline(self, request: Ask) -> Answer:
        """GET /v1/mail/{id}/timeline."""
        id = mail_id(request)
        attempts = wire.timeline(id, await self._office.timeline(id))
        bounces = await self._office.bounces.of(id)
        return Answer(200, wire_returns.timeline(attempts, bounces))

    async def retry(self, request: Ask) -> Answer:
        """POST /v1/mail/{id}/retry."""
        id, call = mail_id(request), await received(request)
        result = await self._office.retry(
            id, force=_force(call), once=call.once(self._clock.now(), _shown)
        )
        return answered(result, _shown)

    def _traced(self, call: Call, route: str) -> AbstractContextManager[str | None]:
        """The trace that documents of a call carry on; None where there is no tracer."""
        if self._tracer is None:
            return nullcontext()
        return self._tracer.taken(valid(call.text(b"traceparent")), route)


def _carrying(document: Any, trace: str) -> Any:
    return carrying(document, trace) if isinstance(document, dict) else document


def _created(results: list[Stored | Invalid]) -> Answer:
    [result] = results
    if isinstance(result, Invalid):
        raise result
    location = f"/v1/mail/{quote(result.mail.id, safe='')}".encode()
    headers = ((b"location", location), (b"etag", etag(result.mail).encode()))
    return Answer(201, wire.mail(result), headers)


def _created_leniently(results: list[Stored | Invalid]) -> Answer:
    answer = _created(results)
    return Answer(answer.status, answer.body, (*answer.headers, _APPLIED))


def _entries(results: list[Stored | Invalid]) -> Answer:
    return Answer(200, b"[%b]" % b",".join([_entry(result) for result in results]))


def _entries_leniently(results: list[Stored | Invalid]) -> Answer:
    return Answer(200, _entries(results).body, (_APPLIED,))


def _entry(result: Stored | Invalid) -> bytes:
    """One line of a batch's answer; short, for there may be a thousand."""
    if isinstance(result, Invalid):
        text = str(result)
        named = field(text)
        told = {"status": 422, "error": text} | ({"field": named} if named else {})
        return msgspec.json.encode(told)
    mail = result.mail
    # Its id is a ULID of ours, which needs no escaping.
    if mail.delivery.state is State.PENDING:
        return b'{"status":201,"id":"%b","delivery":{"state":"PENDING"}}' % mail.id.encode()
    delivery = {"state": mail.delivery.state, "error": mail.delivery.error}
    return msgspec.json.encode({"status": 201, "id": mail.id, "delivery": delivery})


def _written(stored: Written) -> Answer:
    return _created([stored]) if stored.created else _shown(stored)


def _shown(stored: Stored, expected: Expectation | None = None) -> Answer:
    return Answer(200, wire.mail(stored, expected), ((b"etag", etag(stored.mail).encode()),))


def _unchanged(if_none_match: str | None, tag: str) -> bool:
    """RFC 9110, section 13.1.2: compared weakly."""
    if if_none_match is None:
        return False
    tags = [given.strip().removeprefix("W/") for given in if_none_match.split(",")]
    return tag in tags or "*" in tags


def _force(call: Call) -> bool:
    given = call.document() if call.body else {}
    for name in given:
        if name != "force":
            raise _no_retry(f"Field '{name}' is not known here", name)
    force = given.get("force", False)
    if not isinstance(force, bool):
        raise _no_retry("Field 'force' must be true or false", "force")
    return force


def _no_retry(detail: str, name: str) -> Problem:
    return Problem(422, "bad_field", detail, 'Send {"force": true}, or no body.', name)
