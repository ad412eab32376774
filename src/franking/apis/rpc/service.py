"""The calls of `franking.data.v1.DataApi` on a door to timers.

Policy. Who calls is asked first. A call whose deadline is over, or that was cancelled, before its
work begins does nothing; work that was begun is finished, whatever becomes of the call.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from google.protobuf.message import Message
from grpc.aio import ServicerContext

from franking.apis.access import Access
from franking.apis.rpc import callers, refusals, requests, timers
from franking.apis.rpc import data_api_pb2 as pb
from franking.apis.rpc.callers import Caller
from franking.apis.rpc.under_way import UnderWay
from franking.core.timer import Timer
from franking.core.timer.request import checked_id
from franking.office.timer_door import Listed, NewTimer, TimerDoor

NAME: str = pb.DESCRIPTOR.services_by_name["DataApi"].full_name
# A page ends with the timer that makes it this large: clients take 4 MiB where they aren't told.
PAGE_BYTES = 3 * 1024 * 1024

R = TypeVar("R", bound=Message)
A = TypeVar("A")
Context = ServicerContext[Any, Any]
Work = Callable[["DataApi", R, Caller], Coroutine[Any, Any, A]]
Call = Callable[["DataApi", R, Context], Coroutine[Any, Any, A]]


def answered(work: Work[R, A]) -> Call[R, A]:
    """A call as gRPC makes it: what its work comes to, or the status that it is refused with."""

    @functools.wraps(work)
    async def call(self: DataApi, request: R, context: Context) -> A:
        try:
            caller = await callers.admitted(self.access, context)
            if (left := context.time_remaining()) is not None and left <= 0:
                raise refusals.Late("The deadline was over before anything was done.")
            return await self.under_way.finished(work(self, request, caller))
        except Exception as error:
            end = refusals.ending(error, work.__name__)
            await context.abort(end.code, end.text, end.metadata)
            raise  # never: `abort` has raised

    return call


class DataApi:
    """What gRPC calls by the names in the `.proto`; `under_way` is waited for at a stop."""

    def __init__(self, door: TimerDoor, access: Access) -> None:
        self._door = door
        self.access = access
        self.under_way = UnderWay()

    @answered
    async def CreateTimer(self, request: pb.CreateTimerRequest, caller: Caller) -> pb.Timer:
        new = requests.new_timer(request)
        key = caller.key("CreateTimer", request)
        [answer] = await self._door.create([new], key, caller.authorization)
        return timers.timer(_unless_refused(answer))

    @answered
    async def CreateTimers(
        self, request: pb.CreateTimersRequest, caller: Caller
    ) -> pb.CreateTimersResponse:
        asked = requests.new_timers(request)
        # Those that are well asked for go through the door at once.
        well = [one for one in asked if isinstance(one, NewTimer)]
        key = caller.key("CreateTimers", request)
        made = iter(await self._door.create(well, key, caller.authorization) if well else ())
        answers = (one if isinstance(one, Exception) else next(made) for one in asked)
        return pb.CreateTimersResponse(answers=map(_created, answers))

    @answered
    async def GetTimer(self, request: pb.GetTimerRequest, caller: Caller) -> pb.Timer:
        id = checked_id(request.id)
        return timers.told(await self._door.read(id, caller.authorization))

    @answered
    async def ListTimers(
        self, request: pb.ListTimersRequest, caller: Caller
    ) -> pb.ListTimersResponse:
        filter, limit = requests.page(request)
        return _listed(await self._door.page(filter, limit, caller.authorization))

    @answered
    async def ReplaceTimer(self, request: pb.ReplaceTimerRequest, caller: Caller) -> pb.Timer:
        id, asked = checked_id(request.id), requests.spec(request.spec)
        key = caller.key(f"ReplaceTimer {id}", request)
        return timers.timer(await self._door.replace(id, asked, key, caller.authorization))

    @answered
    async def DeleteTimer(self, request: pb.DeleteTimerRequest, caller: Caller) -> pb.Timer:
        id = checked_id(request.id)
        touchpoint = request.touchpoint_id or None
        return timers.timer(await self._door.delete(id, caller.authorization, touchpoint))

    @answered
    async def RetryTimer(self, request: pb.RetryTimerRequest, caller: Caller) -> pb.Timer:
        id, mail = checked_id(request.id), requests.merged(request)
        key = caller.key(f"RetryTimer {id}", request)
        shown = caller.authorization
        retried = self._door.retry(id, force=request.force, mail=mail, key=key, caller=shown)
        return timers.timer(await retried)


def _unless_refused(answer: Timer | Exception) -> Timer:
    if isinstance(answer, Exception):
        raise answer
    return answer


def _created(answer: Timer | Exception) -> pb.Created:
    if isinstance(answer, Exception):
        return pb.Created(refusal=refusals.written(refusals.ending(answer, "CreateTimers")))
    return pb.Created(timer=timers.timer(answer))


def _listed(found: Listed) -> pb.ListTimersResponse:
    page = pb.ListTimersResponse()
    size = 0
    for number, timer in enumerate(found.timers, 1):
        page.timers.append(timers.timer(timer))
        size += page.timers[-1].ByteSize()
        if size >= PAGE_BYTES and number < len(found.timers):
            page.next_page_token = str(timer.seq)
            return page
    page.next_page_token = "" if found.next is None else str(found.next)
    return page
