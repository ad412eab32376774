"""A process keeps the database's time, and claims nothing while its own clock is far off."""

from __future__ import annotations

import pytest

from franking.clock import Clock, FollowingClock, HandClock, Sighting
from franking.engine.following import ASK_MS, Follower
from franking.stores.base import StoreUnavailable

QUARTER_MS = 15_000


class There:
    """A database's clock; what asks it takes `took_ms`."""

    def __init__(self, hand: HandClock, ahead_ms: int = 0) -> None:
        self.hand = hand
        self.ahead_ms = ahead_ms
        self.took_ms = 0
        self.asked = 0
        self.connects = 1
        self.away = False
        self.right = 0

    async def __call__(self, clock: Clock) -> Sighting:
        self.asked += 1
        if self.away:
            raise StoreUnavailable("away")
        before = clock.steady_ms()
        self.hand.advance(self.took_ms)
        there = before + self.took_ms // 2 + self.ahead_ms
        return Sighting(before, there, clock.steady_ms())

    def heard(self) -> None:
        self.right += 1


@pytest.fixture
def hand() -> HandClock:
    return HandClock()


def followed(
    hand: HandClock, there: There, most_off_ms: int | None = QUARTER_MS
) -> tuple[FollowingClock, Follower]:
    clock = FollowingClock(hand, most_off_ms)
    return clock, Follower(clock, there, lambda: there.connects, there.heard)


async def test_it_goes_by_its_own_clock_until_it_has_asked(hand: HandClock) -> None:
    clock, follower = followed(hand, there := There(hand, 5_000))
    assert (clock.now(), clock.off_ms(), clock.astray()) == (hand.now(), 0, False)
    await follower.look()
    assert (clock.now() - hand.now(), clock.off_ms(), there.asked) == (5_000, -5_000, 1)


async def test_what_asking_took_is_allowed_for(hand: HandClock) -> None:
    clock, follower = followed(hand, there := There(hand, 700))
    there.took_ms = 400
    await follower.look()
    assert clock.now() - hand.now() == 700


async def test_an_answer_that_took_too_long_says_nothing(hand: HandClock) -> None:
    clock, follower = followed(hand, there := There(hand, 700))
    there.took_ms = 1_001
    await follower.look()
    assert clock.off_ms() == 0
    there.took_ms = 1_000
    await follower.look()
    assert (clock.off_ms(), there.asked) == (-700, 2)


async def test_who_sets_this_machines_clock_changes_nothing_that_is_written(
    hand: HandClock,
) -> None:
    clock, follower = followed(hand, There(hand))
    await follower.look()
    before = clock.now()
    hand.set_ahead(-9_000)
    assert (clock.now(), clock.off_ms()) == (before, -9_000)
    hand.advance(50)
    assert clock.now() == before + 50


@pytest.mark.parametrize(
    ("off_ms", "astray"),
    [(0, False), (15_000, False), (15_001, True), (-15_000, False), (-15_001, True)],
)
async def test_further_off_than_a_quarter_of_a_lease_is_astray(
    hand: HandClock, off_ms: int, astray: bool
) -> None:
    clock, follower = followed(hand, There(hand, -off_ms))
    await follower.look()
    assert (clock.off_ms(), clock.astray()) == (off_ms, astray)


async def test_who_claims_nothing_is_never_astray(hand: HandClock) -> None:
    clock, follower = followed(hand, There(hand, 3_600_000), None)
    await follower.look()
    assert (clock.off_ms(), clock.astray()) == (-3_600_000, False)


async def test_it_asks_once_a_minute(hand: HandClock) -> None:
    _, follower = followed(hand, there := There(hand))
    for _ in range(3):
        await follower.look()
    hand.advance(ASK_MS - 1)
    await follower.look()
    assert there.asked == 1
    hand.advance(1)
    await follower.look()
    assert there.asked == 2


async def test_it_asks_again_where_the_connection_was_made_anew(hand: HandClock) -> None:
    clock, follower = followed(hand, there := There(hand))
    await follower.look()
    there.connects, there.ahead_ms = 2, 20_000
    await follower.look()
    assert (there.asked, clock.off_ms()) == (2, -20_000)


async def test_a_database_that_is_away_is_asked_again(hand: HandClock) -> None:
    clock, follower = followed(hand, there := There(hand, 300))
    there.away = True
    with pytest.raises(StoreUnavailable):
        await follower.look()
    there.away = False
    await follower.look()
    assert clock.off_ms() == -300


async def test_it_is_told_when_it_goes_astray_and_when_it_is_right_again(
    hand: HandClock, capsys: pytest.CaptureFixture[str]
) -> None:
    _, follower = followed(hand, there := There(hand))
    await follower.look()
    hand.set_ahead(20_000)
    for _ in range(2):
        await follower.look()
    said = capsys.readouterr().out
    assert said.count("nothing is claimed here") == 1
    assert "20.0" in said
    assert there.right == 0
    hand.set_ahead(0)
    await follower.look()
    assert "the clock is right again" in capsys.readouterr().out
    assert there.right == 1


async def test_new_ids_have_the_time_that_is_followed(hand: HandClock) -> None:
    clock, follower = followed(hand, There(hand, 86_400_000))
    await follower.look()
    ahead = HandClock(start_ms=clock.now())
    assert clock.new_id()[:10] == ahead.new_id()[:10]
    assert len({clock.new_id() for _ in range(100)}) == 100
    assert len(clock.new_id()) == 26
