"""Killed at every step, and at random: nothing is lost, nothing comes twice, doubt is told."""

from __future__ import annotations

import os
import random
from itertools import islice
from pathlib import Path

import pytest
from kill.campaign import Campaign, Strike, by_chance, every_point
from kill.process import Process
from kill.sink import Sink

SEED = int(os.environ.get("FRANKING_KILLS_SEED", "1"))
ALL = os.environ.get("FRANKING_KILLS") == "all"
CHAINS = 10 if ALL else 1
KILLS_IN_CHAIN = 20 if ALL else 8
POINTS_IN_SAMPLE = 8

pytestmark = pytest.mark.kill


async def fight(folder: Path, strikes: list[Strike], chance: random.Random) -> Campaign:
    """All of the strikes on one database; every promise is kept after them."""
    async with Sink() as sink, Process(folder, sink.port) as process:
        campaign = Campaign(process, sink, chance)
        for strike in strikes:
            await campaign.strike(strike)
        ledger = await campaign.end()
        print(campaign.summary(ledger), f"missed: {campaign.missed}")
        assert campaign.broken(ledger) == []
    return campaign


@pytest.mark.timeout(300)
async def test_killed_at_each_step_of_the_way(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    points = every_point()
    if not ALL:
        points = chance.sample(points, POINTS_IN_SAMPLE)
    campaign = await fight(tmp_path, points, chance)
    assert campaign.missed == []


@pytest.mark.timeout(300)
@pytest.mark.parametrize("chain", range(CHAINS))
async def test_killed_at_random(tmp_path: Path, chain: int) -> None:
    chance = random.Random(f"{SEED}.{chain}")
    await fight(tmp_path, list(islice(by_chance(chance), KILLS_IN_CHAIN)), chance)
