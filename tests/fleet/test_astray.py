"""A machine whose clock is far from the database's claims nothing, and says so everywhere."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cli.processes import mailbox
from eventually import eventually
from franking.clock import SystemClock
from franking.stores.outbox import OutboxRows
from franking.stores.postgres import PostgresStore
from franking.stores.timers import TimerRows

from .processes import Part, part
from .test_waking import MAIL, at

OFF_MS = 20_000


class Set(SystemClock):
    """The machine's clock, as a person set it."""

    ahead_ms = OFF_MS

    def now(self) -> int:
        return super().now() + Set.ahead_ms


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("franking.app.sharing.SystemClock", Set)
    monkeypatch.setattr(Set, "ahead_ms", OFF_MS)


@pytest.mark.usefixtures("set_clock")
async def test_it_claims_nothing_until_its_clock_is_right(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        mailbox() as capture,
        part(tmp_path, database, "api") as door,
        part(
            tmp_path, database, "worker,timers,outbox", smtp_connection_uri=at(capture.port)
        ) as worker,
    ):
        assert (await door.http.post("/v1/mail", json=MAIL)).status_code == 201
        assert (await door.http.get("/readyz")).status_code == 200
        told = await worker.http.get("/readyz")
        assert told.status_code == 503
        assert told.json()["detail"] == (
            "This machine's clock is 20.0 s ahead of the database's: nothing is claimed here until"
            " it is set."
        )
        assert await figures(worker) == ["franking_clock_astray 1.0", "franking_clock_off_seconds"]
        assert await figures(door) == ["franking_clock_astray 0.0", "franking_clock_off_seconds"]
        assert (await swept(monkeypatch), len(capture.mails)) == (True, 0)
        monkeypatch.setattr(Set, "ahead_ms", 0)

        async def came() -> bool:
            return len(capture.mails) == 1

        await eventually(came)
        assert (await worker.http.get("/readyz")).status_code == 200


@pytest.mark.usefixtures("set_clock")
async def test_timers_and_events_are_claimed_by_others_too(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    callback = {"transport": "http", "method": "post", "uri": "http://127.0.0.1:1/"}
    async with (
        part(tmp_path, database, "api") as door,
        part(tmp_path, database, "timers,outbox"),
    ):
        asked = Counter[str]()
        for kind in (TimerRows, OutboxRows):
            for call in ("claim", "next_due"):
                count(monkeypatch, kind, call, asked)
        timer = {"timeout": 1, "data": "x", "callback": callback}
        assert (await door.http.post("/timer", json=timer)).status_code == 201
        assert await swept(monkeypatch)
        assert asked == {}
        monkeypatch.setattr(Set, "ahead_ms", 0)

        async def claimed() -> bool:
            return asked["TimerRows.claim"] > 0 and asked["OutboxRows.claim"] > 0

        await eventually(claimed)


@pytest.mark.usefixtures("set_clock")
async def test_what_is_written_down_is_the_databases_time(tmp_path: Path, database: str) -> None:
    async with part(tmp_path, database, "api") as door:
        before = SystemClock().now()
        made = (await door.http.post("/v1/mail", json=MAIL)).json()
        stored = await door.service.office.read(made["id"])
        assert before - 1_000 < (stored.mail.delivery.start_at or 0) < before + 5_000


def count(monkeypatch: pytest.MonkeyPatch, kind: type, call: str, asked: Counter[str]) -> None:
    """Count the calls of a store's part."""
    real = getattr(kind, call)

    async def counted(*given: Any) -> Any:
        asked[f"{kind.__name__}.{call}"] += 1
        return await real(*given)

    monkeypatch.setattr(kind, call, counted)


async def swept(monkeypatch: pytest.MonkeyPatch) -> bool:
    """Wait until everybody has looked around twice; were they at rest meanwhile?"""
    looks, reads = [0], [0]
    look, read = PostgresStore.foreign_commits, PostgresStore.next_due

    async def looked(store: PostgresStore) -> int:
        looks[0] += 1
        return await look(store)

    async def asked(store: PostgresStore) -> int | None:
        reads[0] += 1
        return await read(store)

    monkeypatch.setattr(PostgresStore, "foreign_commits", looked)
    monkeypatch.setattr(PostgresStore, "next_due", asked)

    async def twice() -> bool:
        return looks[0] >= 4

    await eventually(twice)
    return reads[0] == 0


async def figures(process: Part) -> list[str]:
    """What it says of its clock, where off is far off."""
    lines = (await process.http.get("/metrics")).text.splitlines()
    found = sorted(line for line in lines if line.startswith("franking_clock"))
    off = float(found[1].split()[1])
    assert abs(off - OFF_MS / 1000) < 1
    return [found[0], found[1].split()[0]]
