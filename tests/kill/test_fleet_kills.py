"""An API and three workers on PostgreSQL, all of them killed, and their database crashed: nothing
that was answered is lost, nothing comes twice, and nothing is stuck.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from kill import campaign, outbox_strikes, timer_strikes
from kill.campaign import Campaign, Strike
from kill.fleet import Fleet
from kill.fleet_strikes import MAILS, TIMERS, TOUCHPOINTS, among, crashes, losses, mixed
from kill.outbox_campaign import CLAIM_MS, OutboxCampaign
from kill.sink import Sink
from kill.test_kills import ALL, SEED
from kill.timer_campaign import WAITS_MS, TimerCampaign
from kill.webhooks import Receiver
from postgres import SAFE, Cluster, new_cluster

# Longer than a database takes to come back.
LEASE_SECONDS = 3
# They follow the database's clock, and it may take a while to ask that.
CLOCK_MS = 100
BATCHES = 12
TIMERS_EACH = 60
TOUCHPOINTS_EACH = 24
CHAINS = 3
KILLS_IN_CHAIN = 20
SAMPLE = 1

Drawn = Callable[[random.Random], Iterator[Strike]]

pytestmark = [pytest.mark.kill, pytest.mark.timeout(900)]


class Chain(NamedTuple):
    """Strikes in a row on one database; `all_met`: each of the points must be reached."""

    strikes: list[Strike]
    all_met: bool = False

    def __str__(self) -> str:
        return f"{len(self.strikes)} strikes"


def chains(
    vital: list[Strike], every: list[Strike], points: tuple[str, ...], drawn: Drawn
) -> list[Chain]:
    """All: a kill, a crash and a loss at each step of the way, then 60 by chance."""
    if not ALL:
        return [Chain([*vital, *_by_chance("ci", drawn, SAMPLE)])]
    named = [Chain(among(every), all_met=True), Chain(crashes(points)), Chain(losses(points))]
    return [*named, *(Chain(_by_chance(n, drawn, KILLS_IN_CHAIN)) for n in range(CHAINS))]


def _by_chance(of: object, drawn: Drawn, count: int) -> list[Strike]:
    chance = random.Random(f"{SEED}.{of}")
    return list(islice(mixed(chance, drawn(chance)), count))


@pytest.fixture(scope="module")
def mortal() -> Iterator[Cluster]:
    """A cluster that writes as an installation's does."""
    made = new_cluster(SAFE)
    yield made
    made.remove()


@pytest.mark.parametrize(
    "chain",
    chains(MAILS, campaign.every_point(), campaign.DISK, campaign.by_chance),
    ids=str,
)
async def test_what_was_accepted_ends_once_and_truly(
    tmp_path: Path, mortal: Cluster, chain: Chain, capsys: pytest.CaptureFixture[str]
) -> None:
    """60 more mails before each strike, all on one database; every promise is kept after them."""
    async with (
        Sink() as sink,
        Fleet(tmp_path, sink.port, mortal, drawing(), lease_seconds=LEASE_SECONDS) as fleet,
    ):
        struck = Campaign(fleet, sink, drawing(), BATCHES)
        await struck.prepare()
        for strike in chain.strikes:
            await struck.strike(strike)
        ledger = await struck.end()
        summary = struck.summary(ledger)
        judge(chain, fleet, summary, struck.broken(ledger), struck.missed, capsys)


@pytest.mark.parametrize(
    "chain",
    chains(TIMERS, timer_strikes.every_point(), timer_strikes.DISK, timer_strikes.by_chance),
    ids=str,
)
async def test_timers_are_served_once_or_say_why_not(
    tmp_path: Path, mortal: Cluster, chain: Chain, capsys: pytest.CaptureFixture[str]
) -> None:
    async with (
        Sink() as sink,
        Receiver(tmp_path) as receiver,
        Fleet(
            tmp_path, sink.port, mortal, drawing(), WAITS_MS, lease_seconds=LEASE_SECONDS
        ) as fleet,
    ):
        struck = TimerCampaign(fleet, sink, receiver, drawing())
        for strike in chain.strikes:
            await struck.strike(strike, TIMERS_EACH)
        ledger = await struck.end()
        calls = struck.calls(LEASE_SECONDS * 1000, CLOCK_MS)
        broken, summary = struck.broken(ledger, calls), struck.summary(ledger, calls)
        judge(chain, fleet, summary, broken, struck.missed, capsys)


@pytest.mark.parametrize(
    "chain",
    chains(
        TOUCHPOINTS, outbox_strikes.every_point(), outbox_strikes.DISK, outbox_strikes.by_chance
    ),
    ids=str,
)
async def test_what_happened_is_told_once_and_in_order(
    tmp_path: Path, mortal: Cluster, chain: Chain, capsys: pytest.CaptureFixture[str]
) -> None:
    given: dict[str, Any] = {"lease_seconds": LEASE_SECONDS, "transient_attempts": 2}
    async with (
        Sink() as sink,
        Fleet(tmp_path, sink.port, mortal, drawing(), claim_ms=CLAIM_MS, **given) as fleet,
    ):
        struck = OutboxCampaign(fleet, sink, drawing())
        await struck.prepare()
        for strike in chain.strikes:
            await struck.strike(strike, TOUCHPOINTS_EACH)
        ledger = await struck.end()
        summary = struck.summary(ledger)
        judge(chain, fleet, summary, struck.broken(ledger), struck.missed, capsys)


def judge(
    chain: Chain,
    fleet: Fleet,
    summary: str,
    broken: list[str],
    missed: list[Strike],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every promise was kept, and each point met that must be."""
    with capsys.disabled():
        print("", f"{summary}; {fleet.summary}", *broken, sep="\n")
    assert broken == []
    assert not chain.all_met or missed == []


def drawing() -> random.Random:
    return random.Random(SEED)
