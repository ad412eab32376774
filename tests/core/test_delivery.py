"""The delivery's table is the design's, and every state refuses every event it has no arrow for."""

from __future__ import annotations

from itertools import product

import pytest

from franking.core.delivery import ARROWS, TABLE, Delivery, State, step
from franking.core.machine import NOTHING, Refused

from .lives import waiting

P, W, R, S, E = State.PENDING, State.PROCESSING, State.RETRY, State.SUCCESS, State.ERROR

# DESIGN.md section 3, line by line: state, event, the condition where there is one, next state.
DESIGN = {
    (NOTHING, "submitted", "", P),
    (NOTHING, "refused", "", E),
    # A document on a new id may come with a `delivery` (contract, cases 103 to 108).
    *((NOTHING, "preset", str(state), state) for state in State),
    (P, "claimed", "", W),
    (R, "claimed", "", W),
    (W, "sent", "", S),
    (W, "failed", "", E),
    (W, "deferred", "", R),
    (W, "returned", "came from PENDING", P),
    (W, "returned", "came from RETRY", R),
    (W, "released", "", R),
    (W, "released", "too often", E),  # five in a row
    (W, "expired", "", E),
    (W, "doubted", "", E),
    (W, "expired", "resend", R),
    (W, "doubted", "resend", R),
    (P, "waited_out", "", E),
    (R, "waited_out", "", E),
    (P, "cancelled", "", E),  # a timer was deleted before its mail was sent
    (R, "cancelled", "", E),
    *((state, "restored", "", E) for state in (P, W, R)),  # from a backup
    *((state, "retried", "", R) for state in (E, S, R)),
    *((state, "resubmitted", "", P) for state in (E, S, R)),
    (E, "proved_sent", "unknown", S),
    (E, "proved_unsent", "unknown", E),
    (R, "proved_sent", "", S),
    (W, "proved_sent", "before transmitting", S),
}
ALLOWED = {(state, event, given) for state, event, given, _ in DESIGN}
EVENTS = sorted({event for _, event, _, _ in DESIGN} | {"exploded"})
CONDITIONS = sorted({given for _, _, given, _ in DESIGN} | {"perhaps"})
REFUSED = [way for way in product(State, EVENTS, CONDITIONS) if way not in ALLOWED]


def test_the_table_is_the_designs() -> None:
    assert {(a.source, a.event, a.given, a.target) for a in ARROWS} == DESIGN


def test_no_arrow_is_there_twice() -> None:
    assert len(TABLE) == len(ARROWS)


@pytest.mark.parametrize(
    ("state", "event", "given", "target"),
    sorted(arrow for arrow in DESIGN if arrow[0] != NOTHING),
)
def test_every_arrow_leads_where_the_design_says(
    state: State, event: str, given: str, target: State
) -> None:
    assert step(waiting(state), event, given) is target


def test_what_has_no_arrow_is_refused_and_changes_nothing() -> None:
    for state, event, given in REFUSED:
        delivery = waiting(state, attempts=3)
        with pytest.raises(Refused):
            step(delivery, event, given)
        assert delivery == waiting(state, attempts=3)


def test_a_delivery_begins_with_nothing_tried() -> None:
    fresh = Delivery(state=P, due_at=0)
    assert (fresh.attempts, fresh.tries, fresh.waits, fresh.releases, fresh.epoch) == (0,) * 5
