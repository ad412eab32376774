"""What is asked for between the messages of the Data API and what the office's door takes.

A spec becomes the members of the JSON object that REST would have read, so that both are checked
by the same function, in the same words. Nobody here computes when a timer is due.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from franking.apis import bodies
from franking.apis.problems import Problem
from franking.apis.rpc import data_api_pb2 as pb
from franking.apis.rpc import timers
from franking.apis.rpc.moments import moment, read
from franking.core import times
from franking.core.timer.request import Asked, BadTimer, Fields, asked, checked_id
from franking.office.timer_door import NewTimer, TimerFilter

BATCH_MOST = 1_000
PAGE_USUAL = 50
PAGE_MOST = 200
TOKEN_DIGITS = 18
NO_MAIL = "mail must be an object: the fields to merge into the document"


def new_timer(request: pb.CreateTimerRequest) -> NewTimer:
    """A timer to create. Raises `BadTimer`."""
    id = checked_id(request.id) if request.HasField("id") else None
    return NewTimer(spec(request.spec), id)


def new_timers(request: pb.CreateTimersRequest) -> list[NewTimer | BadTimer]:
    """The timers of a batch, each with what is wrong with it. Raises `BadTimer` for too many."""
    if len(request.timers) > BATCH_MOST:
        had = len(request.timers)
        raise BadTimer(f"The batch has {had} timers; {BATCH_MOST} are the most.")
    return [_judged(one) for one in request.timers]


def _judged(request: pb.CreateTimerRequest) -> NewTimer | BadTimer:
    try:
        return new_timer(request)
    except BadTimer as error:
        return error


def spec(message: pb.TimerSpec) -> Asked:
    """What a timer is to be. Raises `BadTimer`."""
    return asked(_fields(message))


def _fields(message: pb.TimerSpec) -> Fields:
    fields: dict[str, bytes | msgspec.Raw] = {}
    data = timers.data_from(message)
    if data is not None:
        fields["data"] = data
    if message.HasField("callback"):
        set = {field.name: value for field, value in message.callback.ListFields()}
        fields["callback"] = msgspec.json.encode(set)
    if message.WhichOneof("when") == "due_time":
        fields["dueAt"] = msgspec.json.encode(times.text(read(message.due_time, "due_time")))
    elif message.HasField("timeout_ms"):
        fields["timeout"] = b"%d" % message.timeout_ms
    if message.HasField("created_ms"):
        fields["created"] = b"%d" % message.created_ms
    return fields


def merged(request: pb.RetryTimerRequest) -> dict[str, Any] | None:
    """What a retry merges into the mail's document. Raises `BadTimer`, `Problem`."""
    if not request.HasField("mail_json"):
        return None
    try:
        return bodies.one(None, request.mail_json.encode())
    except Problem as problem:
        if problem.reason == "too_deep":
            raise
        raise BadTimer(NO_MAIL) from None


def page(request: pb.ListTimersRequest) -> tuple[TimerFilter, int]:
    """Which timers to list, and how many. Raises `Problem`."""
    if not 0 <= request.page_size <= PAGE_MOST:
        raise _bad_query("page_size", f"must be a whole number from 1 to {PAGE_MOST}")
    return (
        TimerFilter(
            state=_state(request.state) if request.state else None,
            transport=request.transport or None,
            q=request.id_prefix or None,
            after=_after(request.page_token),
        ),
        request.page_size or PAGE_USUAL,
    )


def _state(number: pb.Timer.State) -> str:
    try:
        return timers.state_from(number)
    except ValueError:
        raise _bad_query("state", "must be a state of a timer") from None


def _after(token: str) -> int | None:
    if not token:
        return None
    if not token.isascii() or not token.isdigit() or len(token) > TOKEN_DIGITS:
        raise _bad_query("page_token", "must be the next_page_token of the page before")
    return int(token)


def _bad_query(field: str, what: str) -> Problem:
    return Problem(400, "bad_query", f"Field '{field}' {what}.", "Correct it.", field)


def to_create(new: NewTimer) -> pb.CreateTimerRequest:
    """The message that asks for a new timer."""
    return pb.CreateTimerRequest(id=new.id, spec=to_spec(new.asked))


def to_spec(asked: Asked) -> pb.TimerSpec:
    """The message that says what a timer is to be."""
    when: dict[str, Any] = {"timeout_ms": asked.timeout_ms}
    if asked.timeout_ms is None and asked.due_at is not None:
        when = {"due_time": moment(asked.due_at)}
    return pb.TimerSpec(
        callback=timers.callback(asked.callback),
        created_ms=asked.created_ms,
        **when,
        **timers.data(asked.data),
    )


def to_list(filter: TimerFilter, limit: int) -> pb.ListTimersRequest:
    """The message that asks for a page."""
    return pb.ListTimersRequest(
        state=None if filter.state is None else timers.state(filter.state),
        transport=filter.transport,
        id_prefix=filter.q,
        page_size=min(limit, PAGE_MOST),
        page_token=None if filter.after is None else str(filter.after),
    )


def to_retry(id: str, force: bool, mail: Mapping[str, Any] | None) -> pb.RetryTimerRequest:
    """The message that asks for a retry."""
    merge = None if mail is None else msgspec.json.encode(mail).decode()
    return pb.RetryTimerRequest(id=id, force=force, mail_json=merge)
