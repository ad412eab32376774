"""GET /v1/events: what happens, as it happens (server-sent events, resumed by Last-Event-ID).

Policy: a listener starts after the event that it names, else at the newest. It hears the events
that the CRM is told of, or those that `types` names: the seven of Trigger Email too, as the
CloudEvents that webhooks get. Those are written only while a webhook or somebody who listens wants
them, so they begin when the stream does, and who comes back within ten minutes misses none. All
listeners share one look at the store every POLL_SECONDS, and there is none while nobody listens. A
stream that meets trouble ends: the browser comes back by itself and misses nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from litestar.response import Stream
from litestar.types import ASGIApp

from franking.apis import wire
from franking.apis.calls import Ask, bare
from franking.apis.listing import query
from franking.apis.problems import Problem
from franking.clock import Clock
from franking.core.lifecycle import Told
from franking.office import Office
from franking.stores.base import StoredEvent, StoreUnavailable

MAX_LISTENERS = 100
EVENTS_AT_ONCE = 100
POLL_SECONDS = 0.25
HEARTBEAT_SECONDS = 15.0
RETRY_MS = 2000
# So often it is written down that somebody listens still.
RENEW_MS = 3 * 60_000
USUAL = ("email_Sent", "email_Error", "email_Rate_Limited", "email_Bounced")
SEVEN = frozenset(Told)
KINDS = (*USUAL, *Told)


class Live:
    """The handler of `/v1/events`, and who listens."""

    def __init__(
        self, office: Office, clock: Clock, heartbeat_seconds: float = HEARTBEAT_SECONDS
    ) -> None:
        self._office = office
        self._clock = clock
        self._heartbeat_seconds = heartbeat_seconds
        self._listeners = 0
        self._newest = 0
        self._news = asyncio.Event()
        self._stopped = False
        self._poll: asyncio.Task[None] | None = None

    async def listen(self, request: Ask) -> ASGIApp:
        """GET /v1/events."""
        if self._stopped or self._listeners >= MAX_LISTENERS:
            detail = f"No more than {MAX_LISTENERS} can listen at once."
            retry = ((b"retry-after", b"5"),)
            raise Problem(503, "too_many", detail, "Try again a little later.", headers=retry)
        wanted = query(request.scope["query_string"], _PARAMETERS).get("types", frozenset(USUAL))
        seven = [kind for kind in Told if kind in wanted]
        if seven:
            await self._office.webhooks.listen(seven)
        after = await self._start(bare(request).text(b"last-event-id"))
        stream = Stream(
            self._stream(after, wanted, seven),
            media_type="text/event-stream",
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )
        return stream.to_asgi_response(None, request)

    def stop(self) -> None:
        """End every stream, so that the server can stop."""
        self._stopped = True
        self._ring()

    async def _start(self, last: str | None) -> int:
        newest = await self._office.last_event()
        if not last:
            return newest
        if not (last.isascii() and last.isdigit() and len(last) < 19):
            detail = "Last-Event-ID must be the id of an event."
            raise Problem(400, "bad_event_id", detail, "Leave it out.", "Last-Event-ID")
        return min(int(last), newest)

    async def _stream(
        self, after: int, wanted: frozenset[str], seven: Sequence[Told]
    ) -> AsyncIterator[bytes]:
        self._listeners += 1
        self._watch()
        renew_at = self._clock.steady_ms() + RENEW_MS
        try:
            yield b"retry: %d\n\n" % RETRY_MS
            while not self._stopped:
                if seven and self._clock.steady_ms() >= renew_at:
                    renew_at = self._clock.steady_ms() + RENEW_MS
                    await self._office.webhooks.listen(seven)
                news = self._news
                events = await self._office.events(after, EVENTS_AT_ONCE)
                for event in events:
                    after = event.seq
                    if event.kind in wanted and (frame := await self._frame(event)):
                        yield frame
                if not events and not await self._rung(news):
                    yield b": still here\n\n"
        except StoreUnavailable:
            return
        finally:
            self._listeners -= 1

    def _watch(self) -> None:
        if self._poll is None or self._poll.done():
            self._poll = asyncio.create_task(self._look())

    async def _look(self) -> None:
        """Ring when there is news, for as long as somebody listens."""
        while self._listeners and not self._stopped:
            try:
                newest = await self._office.last_event()
            except StoreUnavailable:
                newest = self._newest
            if newest != self._newest:
                self._newest = newest
                self._ring()
            await asyncio.sleep(POLL_SECONDS)

    def _ring(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def _frame(self, event: StoredEvent) -> bytes | None:
        """An event as it goes out; nothing for one that was forgotten meanwhile."""
        data: bytes | None = wire.event(event)
        if event.kind in SEVEN:
            data = await self._office.webhooks.letter(event.seq)
        if data is None:
            return None
        return b"id: %d\nevent: %b\ndata: %b\n\n" % (event.seq, event.kind.encode(), data)

    async def _rung(self, news: asyncio.Event) -> bool:
        try:
            async with asyncio.timeout(self._heartbeat_seconds):
                await news.wait()
        except TimeoutError:
            return False
        return True


def _types(value: str) -> frozenset[str]:
    if value == "all":
        return frozenset(KINDS)
    names = value.split(",")
    if all(name in KINDS for name in names):
        return frozenset(names)
    raise ValueError(f"must be all, or one or more of {','.join(KINDS)}")


_PARAMETERS = {"types": _types}
