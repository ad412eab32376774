"""The door to timers in another process: `TimerDoor` over gRPC.

Policy. What the Data API refuses comes back as the exception that it was refused with there, in
the same words. Whatever else goes wrong on the way is `Unreachable`, also where nobody knows
whether the call was done: an Idempotency-Key makes it safe to repeat. A connection that breaks is
made again by itself, within a second of the Data API's return.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import grpc
import msgspec
import structlog
from google.protobuf.message import Message

from franking.apis.problems import Problem
from franking.apis.rpc import callers, data_api_pb2_grpc, refusals, requests, timers
from franking.apis.rpc import data_api_pb2 as pb
from franking.apis.rpc.server import MESSAGE_BYTES
from franking.core.timer import Timer
from franking.core.timer.request import Asked
from franking.office.timer_door import Key, Listed, NewTimer, TimerFilter, Told, Unreachable

CALL_SECONDS = 10.0
# An answer may hold a batch's data, and what was merged into it.
ANSWER_BYTES = 64 * 1024 * 1024
OUT_OF_REACH = "The Data API is out of reach. Try again in a minute."

OPTIONS = (
    ("grpc.max_send_message_length", -1),  # `_bounded` refuses them, in our words
    ("grpc.max_receive_message_length", ANSWER_BYTES),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # Clients of one process would else share a connection, and its waiting.
    ("grpc.use_local_subchannel_pool", 1),
    # A host that is gone without a word is noticed, also between calls.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
)

A = TypeVar("A")

_log = structlog.get_logger("franking.apis")


class Trust(msgspec.Struct, frozen=True):
    """TLS towards the Data API: whose certificates count, as PEM; None for the public roots."""

    roots: Path | None = None


class RemoteTimers:
    """The timers of the Data API at `target`, as "data.example.com:50052"; `tls` None is without.

    To be made in the loop that it is used in. Its first call connects.
    """

    def __init__(self, target: str, tls: Trust | None = None) -> None:
        if tls is None:
            self._channel = grpc.aio.insecure_channel(target, options=OPTIONS)
        else:
            roots = None if tls.roots is None else tls.roots.read_bytes()
            credentials = grpc.ssl_channel_credentials(roots)
            self._channel = grpc.aio.secure_channel(target, credentials, options=OPTIONS)
        self._calls: Any = data_api_pb2_grpc.DataApiStub(self._channel)
        self._reached = True

    async def close(self) -> None:
        """End the connection, and what is under way on it."""
        await self._channel.close()

    async def create(
        self, timers: Sequence[NewTimer], key: Key | None = None, caller: str | None = None
    ) -> list[Timer | Exception]:
        """CreateTimers, also for one: what is wrong with one timer is then told by its answer."""
        request = pb.CreateTimersRequest(timers=map(requests.to_create, timers))
        answer = await self._asked(self._calls.CreateTimers, request, caller, key)
        return list(map(_created, answer.answers))

    async def read(self, id: str, caller: str | None = None) -> Told:
        """GetTimer."""
        request = pb.GetTimerRequest(id=id)
        return timers.told_from(await self._asked(self._calls.GetTimer, request, caller))

    async def page(self, filter: TimerFilter, limit: int, caller: str | None = None) -> Listed:
        """ListTimers; a page may hold fewer than asked for, and go on."""
        request = requests.to_list(filter, limit)
        answer = await self._asked(self._calls.ListTimers, request, caller)
        next = int(answer.next_page_token) if answer.next_page_token else None
        return Listed(tuple(map(timers.timer_from, answer.timers)), next)

    async def replace(
        self, id: str, asked: Asked, key: Key | None = None, caller: str | None = None
    ) -> Timer:
        """ReplaceTimer."""
        request = pb.ReplaceTimerRequest(id=id, spec=requests.to_spec(asked))
        answer = await self._asked(self._calls.ReplaceTimer, request, caller, key)
        return timers.timer_from(answer)

    async def delete(
        self, id: str, caller: str | None = None, touchpoint: str | None = None
    ) -> Timer:
        """DeleteTimer."""
        request = pb.DeleteTimerRequest(id=id, touchpoint_id=touchpoint or "")
        return timers.timer_from(await self._asked(self._calls.DeleteTimer, request, caller))

    async def retry(
        self,
        id: str,
        *,
        force: bool = False,
        mail: Mapping[str, Any] | None = None,
        key: Key | None = None,
        caller: str | None = None,
    ) -> Timer:
        """RetryTimer."""
        request = requests.to_retry(id, force, mail)
        return timers.timer_from(await self._asked(self._calls.RetryTimer, request, caller, key))

    async def _asked(
        self,
        call: Callable[..., Awaitable[A]],
        request: Message,
        caller: str | None,
        key: Key | None = None,
    ) -> A:
        _bounded(request)
        metadata = tuple(callers.metadata(caller, key))
        try:
            answer = await call(request, metadata=metadata, timeout=CALL_SECONDS)
        except grpc.aio.AioRpcError as error:
            raise self._told(error) from None
        self._now(reached=True)
        return answer

    def _told(self, error: grpc.aio.AioRpcError) -> Exception:
        ours = refusals.error(error.details() or "", tuple(error.trailing_metadata() or ()))
        self._now(reached=ours is not None, code=error.code().name, details=error.details())
        return ours or Unreachable(OUT_OF_REACH)

    def _now(self, *, reached: bool, **why: str | None) -> None:
        """Log that it went out of reach, or came back; once, and not for every call between."""
        if reached is not self._reached:
            self._reached = reached
            if reached:
                _log.info("data_api_reached")
            else:
                _log.warning("data_api_out_of_reach", **why)


def _bounded(request: Message) -> None:
    size = request.ByteSize()
    if size > MESSAGE_BYTES:
        detail = f"The request has more than {MESSAGE_BYTES} bytes, the most that is taken here."
        next = "Make the data smaller, or create fewer timers at once."
        raise Problem(413, "too_large", detail, next)


def _created(answer: pb.Created) -> Timer | Exception:
    if answer.WhichOneof("answer") == "refusal":
        return refusals.read(answer.refusal)
    return timers.timer_from(answer.timer)
