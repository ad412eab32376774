"""How often somebody may fail to sign in: whose bucket it is, and how many there are."""

from __future__ import annotations

from typing import Any

import pytest

from franking.clock import HandClock
from franking.web.tries import MOST_PEERS, PER_MINUTE, Tries, peer


def asked_by(host: str | None, *forwarded: str) -> Any:
    headers = [(b"x-forwarded-for", text.encode("latin-1")) for text in forwarded]
    return {"client": None if host is None else (host, 5), "headers": headers}


@pytest.mark.parametrize(
    ("scope", "whose"),
    [
        (asked_by("192.0.2.7"), "192.0.2.7"),
        (asked_by("::ffff:192.0.2.7"), "192.0.2.7"),
        (asked_by("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::"),
        (asked_by("127.0.0.1"), "127.0.0.1"),
        (asked_by("127.0.0.1", "192.0.2.7"), "192.0.2.7"),
        # The proxy writes its caller's address last, whatever the caller wrote before it.
        (asked_by("127.0.0.1", "198.51.100.1, 192.0.2.7"), "192.0.2.7"),
        (asked_by("127.0.0.1", "198.51.100.1", "192.0.2.7"), "192.0.2.7"),
        (asked_by("127.0.0.1", "nonsense\xff"), "unknown"),
        (asked_by("192.0.2.7", "198.51.100.1"), "192.0.2.7"),
        (asked_by(None), "unknown"),
    ],
)
def test_a_bucket_is_that_of_an_address(scope: Any, whose: str) -> None:
    assert peer(scope) == whose


def test_buckets_are_so_many_at_most_and_the_oldest_makes_way() -> None:
    tries = Tries(HandClock())
    for number in range(MOST_PEERS):
        assert tries.begin(f"p{number}") == 0
    for _ in range(PER_MINUTE - 1):
        tries.begin("p0")
    tries.begin("one more")
    assert len(tries._full_at) == MOST_PEERS
    assert "p1" not in tries._full_at
    assert tries.begin("p0") > 0
