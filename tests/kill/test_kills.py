"""Killed at every step, and at random: nothing is lost, nothing comes twice, doubt is told."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from kill.campaign import Campaign, Strike, by_chance, every_point
from kill.process import Process
from kill.sink import Sink

SEED = int(os.environ.get("FRANKING_KILLS_SEED", "1"))
ALL = os.environ.get("FRANKING_KILLS") == "all"
CHAINS = 10
KILLS_IN_CHAIN = 20
SAMPLE = 5

pytestmark = pytest.mark.kill


def chains() -> Iterator[list[Strike]]:
    """All: each step of the way, then 200 by chance. In CI some of both, in one chain."""
    if not ALL:
        chance = random.Random(SEED)
        points = sorted(chance.sample(range(len(every_point())), SAMPLE))
        steps = [every_point()[place] for place in points]
        yield [*steps, *islice(by_chance(chance), SAMPLE)]
        return
    yield every_point()
    for chain in range(CHAINS):
        yield list(islice(by_chance(random.Random(f"{SEED}.{chain}")), KILLS_IN_CHAIN))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("strikes", list(chains()), ids=lambda strikes: f"{len(strikes)} kills")
async def test_what_was_accepted_ends_once_and_truly(
    tmp_path: Path, strikes: list[Strike], capsys: pytest.CaptureFixture[str]
) -> None:
    """20 more mails before each kill, all on one database; every promise is kept after them."""
    async with Sink() as sink, Process(tmp_path, sink.port) as process:
        campaign = Campaign(process, sink, random.Random(SEED))
        for strike in strikes:
            await campaign.strike(strike)
        ledger = await campaign.end()
        with capsys.disabled():
            print("\n" + campaign.summary(ledger))
        assert campaign.broken(ledger) == []
        assert ALL is False or strikes != every_point() or campaign.missed == []
