"""/metrics: its endings first, read by prometheus-client's own parser, bounded in labels."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from eventually import eventually
from franking.apis.metrics import FIGURES
from franking.clock import HandClock
from franking.core.attempt import Attempt, Lease, Settlement
from franking.core.delivery import Bounds, Delivery, Outcome, Stage, State
from franking.core.rules import SENTENCES
from franking.engine.meter import BOUNDS, OTHER, STAGES, Meter
from franking.office.watching import ASKED_MS, Watching
from franking.stores.base import Store, StoreUnavailable
from installation import Installation

Found = dict[tuple[str, tuple[tuple[str, str], ...]], float]
DOCUMENT = {"to": "ada@example.com", "message": {"subject": "s3cret", "text": "b0dy"}}


def read(answer: httpx.Response) -> Found:
    """Every sample by its name and labels; the parser refuses what Prometheus would."""
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(found: Found, name: str, **labels: str) -> float:
    return found[name, tuple(sorted(labels.items()))]


async def test_a_store_out_of_reach_is_told_and_the_rest_is_there(
    client: httpx.AsyncClient, store: Store, clock: HandClock, monkeypatch: Any
) -> None:
    async def gone(now: int) -> None:
        raise StoreUnavailable("gone")

    with monkeypatch.context() as patch:
        patch.setattr(store.watch, "watched", gone)
        found = read(await client.get("/metrics"))
        assert value(found, "franking_store_up") == 0
        assert value(found, "franking_leases_ended_total", how="lost") == 0
        assert not [name for name, _ in found if name.startswith(("franking_mails", "franking_q"))]
    clock.advance(ASKED_MS)
    assert value(read(await client.get("/metrics")), "franking_store_up") == 1


async def test_every_figure_is_there_from_the_first_moment(client: httpx.AsyncClient) -> None:
    answer = await client.get("/metrics")
    told = {family.name for family in text_string_to_metric_families(answer.text)}
    assert {figure.name for figure in FIGURES} <= told
    assert {name for name in told if not name.startswith("process_")} == {f.name for f in FIGURES}


async def test_openmetrics_is_spoken_where_it_is_asked_for(client: httpx.AsyncClient) -> None:
    accept = {"accept": "application/openmetrics-text; version=1.0.0"}
    answer = await client.get("/metrics", headers=accept)
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert {figure.name for figure in FIGURES} <= {f.name for f in openmetrics(answer.text)}  # type: ignore[no-untyped-call]


async def test_the_age_of_what_waits_is_from_when_it_was_due(
    client: httpx.AsyncClient, clock: HandClock
) -> None:
    await client.post("/v1/mail", json=DOCUMENT)
    found = read(await client.get("/metrics"))
    assert value(found, "franking_mails", state="PENDING") == 1
    assert value(found, "franking_queue_oldest_free_seconds") == 0
    clock.advance(90_000)
    found = read(await client.get("/metrics"))
    assert value(found, "franking_queue_oldest_free_seconds") == 90
    assert value(found, "franking_queue_oldest_due_seconds") == 90


async def test_who_asks_again_at_once_costs_nothing(
    client: httpx.AsyncClient, clock: HandClock, store: Store
) -> None:
    watching, asked = Watching(store, clock), []
    watched = store.watch.watched

    async def counted(now: int) -> Any:
        asked.append(now)
        return await watched(now)

    store.watch.watched = counted  # type: ignore[method-assign]
    first = await watching.standing()
    clock.advance(ASKED_MS - 1)
    assert await watching.standing() is first
    assert len(asked) == 1
    clock.advance(1)
    assert await watching.standing() is not first
    assert len(asked) == 2


async def test_what_was_sent_is_counted_by_stage_and_hour(
    client: httpx.AsyncClient, clock: HandClock, send_next: Callable[[], Awaitable[str]]
) -> None:
    await client.post("/v1/mail", json=DOCUMENT)
    await send_next()
    found = read(await client.get("/metrics"))
    assert value(found, "franking_mails", state="SUCCESS") == 1


async def test_a_mail_that_went_and_one_that_failed_are_counted(tmp_path: Path) -> None:
    async with Installation(tmp_path) as it:
        it.box.rcpt["no@example.com"] = ["550 5.1.1 no such user no@example.com"]
        await it.http.put("/v1/mail/m1", json=DOCUMENT)
        await it.http.put("/v1/mail/m2", json={**DOCUMENT, "to": "no@example.com"})
        await it.ended("m1")
        await it.ended("m2")

        async def settled() -> Found | None:
            now = read(await it.http.get("/metrics"))
            done = now.get(("franking_stage_seconds_count", (("stage", "settling"),)), 0)
            fresh = now.get(("franking_mails", (("state", "ERROR"),)), 0)
            return now if done == 2 and fresh == 1 else None

        found = await eventually(settled)
        text = (await it.http.get("/metrics")).text
    assert value(found, "franking_attempts_total", event="sent", category="") == 1
    failed = {"event": "failed", "category": "recipient_not_found"}
    assert value(found, "franking_attempts_total", **failed) == 1
    assert value(found, "franking_mails_failing", category="recipient_not_found") == 1
    last = {"what": "failed", "category": "recipient_not_found"}
    assert value(found, "franking_mails_last_hour", **last) == 1
    assert value(found, "franking_mails_last_hour", what="sent", category="") == 1
    for stage in STAGES:
        assert value(found, "franking_stage_seconds_count", stage=stage) >= 1
    assert value(found, "franking_store_commits_total") > 0
    for hidden in ("example.com", "m1", "s3cret", "b0dy", "default"):
        assert hidden not in text


async def test_a_limit_is_a_pause_and_its_account_is_held(tmp_path: Path) -> None:
    async with Installation(tmp_path, bounds=Bounds()) as it:
        it.box.data = ["550 5.4.5 Daily user sending limit exceeded."]
        await it.http.put("/v1/mail/m1", json={**DOCUMENT, "account": "rep-7"})
        await it.reached("RETRY")

        async def held() -> Found | None:
            now = read(await it.http.get("/metrics"))
            return now if now["franking_accounts_held", (("why", "paused"),)] else None

        found = await eventually(held)
        assert "rep-7" not in (await it.http.get("/metrics")).text
    assert value(found, "franking_account_pauses_total", why="limited") == 1
    assert value(found, "franking_account_pauses_total", why="disconnected") == 0
    assert value(found, "franking_queue_oldest_free_seconds") == 0


async def test_a_lease_that_ran_out_is_counted_once(tmp_path: Path) -> None:
    clock = HandClock()
    async with Installation(tmp_path, clock=clock, started=False) as it:
        await it.http.put("/v1/mail/m1", json=DOCUMENT)
        await it.http.put("/v1/mail/m2", json=DOCUMENT)
        claimed = await it.store.claim(clock.now(), 2, 60_000)
        assert await it.store.transmitting([claimed[0].lease], clock.now()) == [True]
        clock.advance(60_001)
        await it.engine.sweeper.sweep()
        await it.engine.sweeper.sweep()
        found = read(await it.http.get("/metrics"))
    assert value(found, "franking_leases_ended_total", how="expired") == 1
    assert value(found, "franking_leases_ended_total", how="released") == 1


@pytest.mark.parametrize(
    ("milliseconds", "bucket"), [(-5, 0), (0, 0), (5, 0), (6, 1), (300_000, 13), (300_001, 14)]
)
def test_a_duration_is_in_the_bucket_of_its_upper_end(milliseconds: int, bucket: int) -> None:
    meter = Meter()
    meter.told("told", milliseconds)
    assert meter.telling.buckets.index(1) == bucket
    assert len(meter.telling.buckets) == len(BOUNDS) + 1
    assert meter.telling.seconds == max(milliseconds, 0) / 1000


def settlement(category: str | None) -> Settlement:
    delivery = Delivery(state=State.ERROR, due_at=0)
    common: Any = {"mail": "m", "epoch": 1, "number": 1, "revision": 1, "event": "failed"}
    times: Any = {"stage": Stage.CLAIMED, "outcome": Outcome.NOT_SENT, "started_at": 0}
    attempt = Attempt(**common, **times, ended_at=9, category=category)
    return Settlement(Lease(1, 1), delivery, attempt)


def test_categories_have_no_end_but_ours() -> None:
    meter = Meter()
    for number in range(1000):
        meter.settled(settlement(f"theirs {number}"), [], 0)
    for category in (None, *SENTENCES):
        meter.settled(settlement(category), [], 0)
    assert meter.attempts["failed", OTHER] == 1000
    assert len(meter.attempts) == len(SENTENCES) + 2


def test_each_stage_lasts_until_the_next() -> None:
    meter = Meter()
    steps = [
        {"stage": "claimed", "at": 1_000},
        {"recipient": "a@example.com", "text": "no", "at": 1_500},
        {"stage": "composed", "at": 3_000},
        {"stage": "transmitting", "at": 7_000},
    ]
    meter.settled(settlement(None), steps, 500)
    seconds = {stage: seen.seconds for stage, seen in meter.stages.items() if seen.seconds}
    # The last one began after the attempt's end: a clock that was set back counts as nothing.
    assert seconds == {"waiting": 0.5, "claimed": 2.0, "composed": 4.0}
    assert sum(meter.stages["transmitting"].buckets) == 1
