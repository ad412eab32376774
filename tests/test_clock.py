"""New ids: in the shapes that the outside knows, and the same again from the same seed."""

from __future__ import annotations

import uuid

import pytest

from franking.clock import Clock, HandClock, SystemClock, uuid4


@pytest.mark.parametrize("clock", [SystemClock(), HandClock()], ids=["system", "hand"])
def test_a_new_uuid_is_random_and_says_so(clock: Clock) -> None:
    made = [clock.new_uuid() for _ in range(1_000)]
    assert len({*made}) == 1_000
    for text in made:
        found = uuid.UUID(text)
        assert str(found) == text
        assert (found.version, found.variant) == (4, uuid.RFC_4122)


@pytest.mark.parametrize(
    ("chance", "text"),
    [
        (0, "00000000-0000-4000-8000-000000000000"),
        ((1 << 128) - 1, "ffffffff-ffff-4fff-bfff-ffffffffffff"),
        (1, "00000000-0000-4000-8000-000000000001"),
        (1 << 127, "80000000-0000-4000-8000-000000000000"),
    ],
)
def test_all_bits_but_six_are_chance(chance: int, text: str) -> None:
    assert uuid4(chance) == text


def test_two_hands_with_one_seed_draw_the_same() -> None:
    assert HandClock().new_uuid() == HandClock().new_uuid()
    assert HandClock(seed=2).new_uuid() != HandClock().new_uuid()
