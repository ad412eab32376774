"""Killed at every step, and at random: nothing is lost, nothing comes twice, doubt is told."""

from __future__ import annotations

import os
import random
from itertools import islice
from pathlib import Path

import pytest

from kill.campaign import Campaign, Strike, by_chance, every_point
from kill.process import Process
from kill.session import Point
from kill.sink import Sink

SEED = int(os.environ.get("FRANKING_KILLS_SEED", "1"))
ALL = os.environ.get("FRANKING_KILLS") == "all"
CHAINS = 10
KILLS_IN_CHAIN = 20
SAMPLE = 3
# Where the promises would break first.
VITAL = [
    Strike(disk="submit:after"),
    Strike(disk="transmitting:before"),
    Strike(disk="transmitting:after"),
    Strike(disk="settle:before"),
    Strike(wire=Point.DOT),
]

pytestmark = pytest.mark.kill


def chains() -> list[list[Strike]]:
    """All: each step of the way, then 200 by chance. In CI the five that matter most, and three."""
    if not ALL:
        return [[*VITAL, *islice(by_chance(random.Random(SEED)), SAMPLE)]]
    drawn = [by_chance(random.Random(f"{SEED}.{chain}")) for chain in range(CHAINS)]
    return [every_point(), *(list(islice(strikes, KILLS_IN_CHAIN)) for strikes in drawn)]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("strikes", chains(), ids=lambda strikes: f"{len(strikes)} kills")
async def test_what_was_accepted_ends_once_and_truly(
    tmp_path: Path, strikes: list[Strike], capsys: pytest.CaptureFixture[str]
) -> None:
    """20 more mails before each kill, all on one database; every promise is kept after them."""
    async with Sink() as sink, Process(tmp_path, sink.port) as process:
        campaign = Campaign(process, sink, random.Random(SEED))
        await campaign.prepare()
        for strike in strikes:
            await campaign.strike(strike)
        ledger = await campaign.end()
        with capsys.disabled():
            print("\n" + campaign.summary(ledger))
        assert campaign.broken(ledger) == []
        assert strikes != every_point() or campaign.missed == []
