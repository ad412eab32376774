"""Tellers and the package killed: no event lost, none applied twice, none out of order."""

from __future__ import annotations

import random
from itertools import islice
from pathlib import Path

import pytest

from kill.campaign import Strike
from kill.outbox_campaign import CLAIM_MS, OutboxCampaign
from kill.outbox_strikes import VITAL, by_chance, every_point
from kill.process import Process
from kill.sink import Sink
from kill.test_kills import ALL, SEED

TOUCHPOINTS = 24
CHAINS = 4
KILLS_IN_CHAIN = 20
SAMPLE = 1

pytestmark = pytest.mark.kill


def chains() -> list[list[Strike]]:
    """All: a kill at each step of the way, then 80 by chance."""
    if not ALL:
        return [[*VITAL, *islice(by_chance(random.Random(SEED)), SAMPLE)]]
    drawn = [by_chance(random.Random(f"{SEED}.{chain}")) for chain in range(CHAINS)]
    return [every_point(), *(list(islice(strikes, KILLS_IN_CHAIN)) for strikes in drawn)]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("strikes", chains(), ids=lambda strikes: f"{len(strikes)} kills")
async def test_what_happened_is_told_once_and_in_order(
    tmp_path: Path, strikes: list[Strike], capsys: pytest.CaptureFixture[str]
) -> None:
    """24 more touchpoints before each kill, on one database; every promise is kept after them."""
    async with (
        Sink() as sink,
        Process(tmp_path, sink.port, claim_ms=CLAIM_MS, transient_attempts=2) as process,
    ):
        campaign = OutboxCampaign(process, sink, random.Random(SEED))
        await campaign.prepare()
        for strike in strikes:
            await campaign.strike(strike, TOUCHPOINTS)
        ledger = await campaign.end()
        with capsys.disabled():
            print("\n" + campaign.summary(ledger))
        assert campaign.broken(ledger) == []
        if strikes == every_point():
            assert campaign.missed == []
