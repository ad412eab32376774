"""Timers whose workers are killed: none is lost, and what comes twice has a reason."""

from __future__ import annotations

import random
from itertools import islice
from pathlib import Path

import pytest

from kill.campaign import Strike
from kill.process import Process
from kill.sink import Sink
from kill.test_kills import ALL, SEED
from kill.timer_campaign import LEASE_SECONDS, WAITS_MS, TimerCampaign
from kill.timer_strikes import VITAL, by_chance, every_point
from kill.webhooks import Receiver

TIMERS = 1_080
CHAINS = 4
KILLS_IN_CHAIN = 25
SAMPLE = 2
SAMPLE_TIMERS = 280

pytestmark = pytest.mark.kill


def chains() -> list[tuple[int, list[Strike]]]:
    """All: 1,080 timers killed at each step of the way, and four times as many by chance."""
    if not ALL:
        return [(SAMPLE_TIMERS, [*VITAL, *islice(by_chance(random.Random(SEED)), SAMPLE)])]
    drawn = [by_chance(random.Random(f"{SEED}.{chain}")) for chain in range(CHAINS)]
    found = [every_point(), *(list(islice(strikes, KILLS_IN_CHAIN)) for strikes in drawn)]
    return [(TIMERS, strikes) for strikes in found]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("timers", "strikes"),
    chains(),
    ids=lambda of: of if isinstance(of, int) else f"{len(of)} kills",
)
async def test_what_was_accepted_is_served_once_or_says_why_not(
    tmp_path: Path, timers: int, strikes: list[Strike], capsys: pytest.CaptureFixture[str]
) -> None:
    """Some more timers before each kill, all on one database; every promise is kept after them."""
    async with (
        Sink() as sink,
        Receiver(tmp_path) as receiver,
        Process(tmp_path, sink.port, WAITS_MS, lease_seconds=LEASE_SECONDS) as process,
    ):
        campaign = TimerCampaign(process, sink, receiver, random.Random(f"{SEED}.{timers}"))
        for number, strike in enumerate(strikes):
            share = timers * (number + 1) // len(strikes) - timers * number // len(strikes)
            await campaign.strike(strike, share)
        ledger = await campaign.end()
        calls = campaign.calls()
        broken = campaign.broken(ledger, calls)
        with capsys.disabled():
            print("\n" + campaign.summary(ledger, calls))
        assert broken == []
        if strikes == every_point():
            assert campaign.missed == []
