"""A timer between the core's value and the message `Timer`.

What only the store's own workers need stays behind: the epoch, and when a person was asked.
"""

from __future__ import annotations

from typing import Any

import msgspec
from google.protobuf.timestamp_pb2 import Timestamp

from franking.apis.rpc import data_api_pb2 as pb
from franking.apis.rpc.moments import moment, perhaps, read
from franking.core.timer import Callback, Life, Timer, TimerState, Try
from franking.office.timer_door import Told


def told(told: Told) -> pb.Timer:
    """A timer with its earlier lives, as GetTimer answers."""
    message = timer(told.timer)
    message.lives.extend(_life(life) for life in told.lives)
    return message


def timer(found: Timer) -> pb.Timer:
    """A timer as every other call answers."""
    return pb.Timer(
        id=found.id,
        state=state(found.state),
        due_time=moment(found.due_at),
        callback=callback(found.callback),
        created_time=moment(found.created_at),
        served_time=perhaps(found.served_at),
        executed_time=perhaps(found.executed_at),
        deleted_time=perhaps(found.deleted_at),
        error=found.error,
        previous_served_time=perhaps(found.previous_served_at),
        previous_executed_time=perhaps(found.previous_executed_at),
        previous_deleted_time=perhaps(found.previous_deleted_at),
        previous_error=found.previous_error,
        retry_count=found.retry_count,
        attempt=found.attempt,
        tries=[pb.Try(attempt=t.attempt, time=moment(t.at), error=t.error) for t in found.tries],
        revision=found.revision,
        next_time=perhaps(found.next_at),
        sequence=found.seq,
        **data(found.data),
    )


def state(named: str) -> str:
    """A state as the `.proto` spells it; ValueError for what is none."""
    return TimerState(named).name


def callback(found: Callback) -> pb.Callback:
    """Whom to hand the data to."""
    return pb.Callback(transport=found.transport, method=found.method, uri=found.uri)


def data(raw: msgspec.Raw | None) -> dict[str, Any]:
    """The member of the oneof `data` that holds what is handed over; none where nothing is."""
    if raw is None:
        return {}
    json = bytes(raw)
    if json.startswith(b'"'):
        return {"text": msgspec.json.decode(json)}
    return {"json": json.decode()}


def _life(life: Life) -> pb.Life:
    return pb.Life(
        ended_by=life.ended_by,
        due_time=moment(life.due_at),
        created_time=moment(life.created_at),
        served_time=perhaps(life.served_at),
        executed_time=perhaps(life.executed_at),
        deleted_time=perhaps(life.deleted_at),
        error=life.error,
        retry_count=life.retry_count,
    )


def told_from(message: pb.Timer) -> Told:
    """What GetTimer answered."""
    return Told(timer_from(message), tuple(map(_life_from, message.lives)))


def timer_from(message: pb.Timer) -> Timer:
    """What every other call answered."""
    sent = message.callback
    return Timer(
        id=message.id,
        state=state_from(message.state),
        callback=Callback(sent.transport, sent.method, sent.uri),
        due_at=_at(message.due_time),
        created_at=_at(message.created_time),
        data=data_from(message),
        served_at=_time(message, "served_time"),
        executed_at=_time(message, "executed_time"),
        deleted_at=_time(message, "deleted_time"),
        error=_text(message, "error"),
        previous_served_at=_time(message, "previous_served_time"),
        previous_executed_at=_time(message, "previous_executed_time"),
        previous_deleted_at=_time(message, "previous_deleted_time"),
        previous_error=_text(message, "previous_error"),
        retry_count=message.retry_count,
        revision=message.revision,
        attempt=message.attempt,
        tries=tuple(Try(t.attempt, _at(t.time), t.error) for t in message.tries),
        next_at=_time(message, "next_time"),
        seq=message.sequence,
    )


def state_from(number: pb.Timer.State) -> TimerState:
    """The state of a number in `Timer.State`; ValueError where there is none."""
    return TimerState(pb.Timer.State.Name(number).lower())


def data_from(message: pb.Timer | pb.TimerSpec) -> msgspec.Raw | None:
    """The JSON of what is handed over. White space is no part of it, as in a request to REST."""
    kind = message.WhichOneof("data")
    if kind is None:
        return None
    if kind == "text":
        return msgspec.Raw(msgspec.json.encode(message.text))
    return msgspec.Raw(message.json.strip(" \t\r\n").encode())


def _life_from(message: pb.Life) -> Life:
    return Life(
        ended_by=message.ended_by,
        due_at=_at(message.due_time),
        created_at=_at(message.created_time),
        served_at=_time(message, "served_time"),
        executed_at=_time(message, "executed_time"),
        deleted_at=_time(message, "deleted_time"),
        error=_text(message, "error"),
        retry_count=message.retry_count,
    )


def _at(at: Timestamp) -> int:
    return read(at, "a time")


def _time(message: pb.Timer | pb.Life, name: str) -> int | None:
    return _at(getattr(message, name)) if message.HasField(name) else None


def _text(message: pb.Timer | pb.Life, name: str) -> str | None:
    return getattr(message, name) if message.HasField(name) else None
