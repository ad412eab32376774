"""The timer's table is the design's, and every state refuses every event it has no arrow for."""

from __future__ import annotations

from itertools import product

import pytest

from franking.core.machine import NOTHING, Refused, follow
from franking.core.timer import (
    ARROWS,
    ENDED,
    LIVE,
    MAILED,
    TABLE,
    TRANSPORTS,
    Callback,
    Timer,
    TimerState,
)

C, V, X, F, D = TimerState

# DESIGN.md section 3, line by line, and the arrows that were added since: state, event, next.
DESIGN = {
    (NOTHING, "created", C),
    (X, "created", C),  # an ended id starts a new life
    (F, "created", C),
    (D, "created", C),
    (C, "served", V),
    (V, "executed", X),
    (V, "failed", F),
    (F, "proved_sent", X),  # added: evidence came later that its mail was sent after all
    (C, "replaced", C),
    (V, "replaced", C),  # added: between two tries of a webhook
    (C, "deleted", D),
    (V, "deleted", D),
    (F, "retried", C),
    (D, "retried", C),
}
ALLOWED = {(state, event) for state, event, _ in DESIGN}
EVENTS = sorted({event for _, event, _ in DESIGN} | {"exploded"})
REFUSED = [way for way in product((NOTHING, *TimerState), EVENTS) if way not in ALLOWED]


def test_the_table_is_the_designs() -> None:
    assert {(a.source, a.event, a.target) for a in ARROWS} == DESIGN
    assert {a.given for a in ARROWS} == {""}


def test_no_arrow_is_there_twice() -> None:
    assert len(TABLE) == len(ARROWS) == len(DESIGN)


@pytest.mark.parametrize(("state", "event", "target"), sorted(DESIGN))
def test_every_arrow_leads_where_the_design_says(state: str, event: str, target: str) -> None:
    assert follow(TABLE, state, event) == target


@pytest.mark.parametrize(("state", "event"), REFUSED)
def test_what_has_no_arrow_is_refused(state: str, event: str) -> None:
    with pytest.raises(Refused, match=f"{event} is not possible in state {state}"):
        follow(TABLE, state, event)


def test_a_timer_lives_or_has_ended() -> None:
    assert {*LIVE} | {*ENDED} == {*TimerState}
    assert not {*LIVE} & {*ENDED}
    # What lives may be deleted, and an ended id be used again: exactly these.
    assert {s for s, event, _ in DESIGN if event == "deleted"} == {*LIVE}
    assert {s for s, event, _ in DESIGN if event == "created"} == {NOTHING, *ENDED}


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_two_transports_make_mails(transport: str) -> None:
    timer = Timer("t1", C, Callback(transport, "post", ""), 0, 0)
    assert timer.mailed is (transport in MAILED) is (transport in ("mail", "smtp"))


def test_a_timer_begins_with_nothing_done() -> None:
    timer = Timer("t1", C, Callback("http", "post", ""), 0, 0)
    assert (timer.retry_count, timer.attempt, timer.epoch, timer.revision) == (0, 0, 0, 1)
    assert (timer.tries, timer.served_at, timer.executed_at, timer.deleted_at) == ((),) + (
        None,
    ) * 3
