"""All of Cadence on one store, its parts called one by one, and troubles between them.

The package reaches the office through `Way`, which may be cut; the mail server is a script. The
clock is moved by hand, so that what happens follows from what is asked alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from franking.apis.http import build
from franking.app.inside import Inside
from franking.clock import HandClock
from franking.compose.envelope import Envelope, Form
from franking.core.delivery import CONNECTION_LOST, Bounds
from franking.core.fault import Failure
from franking.engine import outbox as engine_outbox
from franking.engine.loop import Engine, EngineSettings
from franking.office import Office
from franking.outlets.base import Answered, BadEvent, OutOfReach, Refused, Services
from franking.outlets.package import EmbeddedPackage
from franking.outlets.package.telling import EmbeddedOutlet
from franking.stores.base import StoredEvent, StoreUnavailable
from franking.transports.base import Answer, Doubt, Gate, Receipt, Rejected, Withheld
from stored import new_store
from stores.contract import MEMORY

from .side import Died

LEASE_MS = 60_000
UNKNOWN = ("550 5.1.1 No such user", 550, "5.1.1")
LIMITED = ("550 5.4.5 Daily user sending limit exceeded.", 550, "5.4.5")
BUSY = ("451 4.3.0 Try again later", 451, "4.3.0")
REPLIES = {"unknown": UNKNOWN, "limited": LIMITED, "busy": BUSY}
DOUBT = "doubt"

engine_outbox.STORE_PAUSE_SECONDS = 0.0


class Way:
    """`franking.outlets.base.Services` over another, with what happens to its next calls:
    `gone` before it, `lost` or `forbidden` after it, `died` or `died after` of the caller."""

    def __init__(self, services: Services) -> None:
        self.troubles: deque[str] = deque()
        self._services = services

    async def __call__(
        self, method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]
    ) -> Answered:
        trouble = self.troubles.popleft() if self.troubles else ""
        if trouble == "gone":
            raise OutOfReach("connection refused")
        if trouble == "died":
            raise Died
        if trouble == "forbidden":
            return Answered(403, b"{}")
        found = await self._services(method, path, body, headers)
        if trouble == "lost":
            raise OutOfReach("the answer is lost")
        if trouble == "died after":
            raise Died
        return found


class Server:
    """`Transport` and `Routes`: answers by `script`, then takes. `taken` counts by touchpoint,
    which is the address's local part up to a plus sign."""

    wants: Form = "mime"

    def __init__(self) -> None:
        self.script: deque[str] = deque()
        self.taken: Counter[str] = Counter()

    async def route(self, account: str) -> Server:
        return self

    async def send(self, envelope: Envelope, gate: Gate) -> Answer:
        reply = self.script.popleft() if self.script else ""
        if reply in REPLIES:
            text, code, enhanced = REPLIES[reply]
            error = f"Error: {text}"
            return Rejected(Failure("mail", text, error, reply_code=code, enhanced=enhanced))
        if not await gate.transmitting():
            return Withheld()
        if reply == DOUBT:
            return Doubt(Failure("data", "closed", CONNECTION_LOST, kind="closed"))
        [to] = envelope.recipients
        self.taken[to.partition("@")[0].partition("+")[0]] += 1
        return Receipt((to,), (), "250 Accepted")

    async def close(self) -> None:
        """There is nothing to hang up."""


class World:
    """`package` is what a rep works with; `died` makes it anew, as a restart does."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(dir=MEMORY)
        self.clock = HandClock()
        self.server = Server()
        self.store_troubles: deque[str] = deque()
        self.store = new_store(Path(self.folder.name))

    async def open(self) -> None:
        await self.store.open()
        rows: Any
        for rows in (self.store.outbox, self.store.cadence):
            rows._write = self._troubled(rows._write)
        self.inside = Inside()
        self.services, self.endpoint = Way(self.inside), Way(self.inside)
        self.engine = Engine(
            self.store,
            self.server,
            self.clock,
            EngineSettings(
                default_from="d@example.com", lease_ms=LEASE_MS, bounds=Bounds(transient_attempts=2)
            ),
            {},
            EmbeddedOutlet(self.endpoint),
        )
        self.office = Office(self.store, self.clock, lambda: None)
        self.died()

    async def close(self) -> None:
        await self.store.close()
        self.folder.cleanup()

    def died(self) -> None:
        """The package's process is gone, and another one begins."""
        self.package = EmbeddedPackage(self.store.cadence, self.clock, self.services)
        self.inside.app = build(self.office, self.clock, trusted=True, package=self.package)

    async def asked(self, *calls: Awaitable[Any]) -> list[Any]:
        """What calls of the package came to, all at the same moment."""
        found = await asyncio.gather(*calls, return_exceptions=True)
        for one in found:
            if isinstance(one, BaseException) and not isinstance(one, EXPECTED):
                raise one
        if any(isinstance(one, Died) for one in found):
            self.died()
        return found

    async def finished(self) -> None:
        """A round of what is unfinished."""
        await self.asked(self.package.finish_unfinished())

    async def served(self) -> None:
        """Timers that are due are mails now."""
        await self.engine.timer_mails._serve()

    async def delivered(self) -> None:
        """Mails that are due were tried once."""
        deliveries = self.engine.deliveries
        deliveries.expect_suspects()
        while await deliveries._claim():
            await asyncio.gather(*deliveries._under_way)

    async def swept(self) -> None:
        await self.engine.sweeper.sweep()

    async def worker_died(self, at_the_dot: bool) -> None:
        """Another worker claimed what is due, and is gone."""
        found = await self.store.claim(self.clock.now(), 1, LEASE_MS)
        if at_the_dot and found:
            await self.store.transmitting([one.lease for one in found], self.clock.now())

    async def told(self) -> None:
        """What is due in the outbox was told once."""
        outbox = self.engine.outbox
        assert outbox is not None
        try:
            await outbox._claim(50)
        except StoreUnavailable:
            return
        await asyncio.gather(*outbox._tellers)

    async def teller_died(self) -> None:
        """Another teller claimed what is due, told its first event, and is gone."""
        now = self.clock.now()
        until = now + engine_outbox.CLAIM_MS
        with contextlib.suppress(StoreUnavailable):
            for one in (await self.store.outbox.claim(now, 1, 20, until))[:1]:
                await self.again(one.event)

    async def again(self, event: StoredEvent) -> None:
        """An event is told past the outbox: late, early, or once more."""
        body = msgspec.json.decode(msgspec.json.encode(event.body))
        await self.asked(self.package.take(body))

    async def events(self, id: str) -> list[StoredEvent]:
        return await self.store.outbox.events_of(id, 1_000)

    def up(self) -> None:
        """Every trouble is over."""
        self.store_troubles.clear()
        self.services.troubles.clear()
        self.endpoint.troubles.clear()
        self.server.script.clear()

    def _troubled(self, write: Callable[..., Any]) -> Callable[..., Any]:
        async def troubled(*given: Any) -> Any:
            trouble = self.store_troubles.popleft() if self.store_troubles else ""
            if trouble == "away":
                raise StoreUnavailable("the disk is away")
            found = await write(*given)
            if trouble == "written":
                raise StoreUnavailable("the disk is away, and it was written")
            return found

        return troubled


EXPECTED = (Refused, StoreUnavailable, Died, BadEvent, OutOfReach)
