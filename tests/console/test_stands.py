"""How a mail stands and what happened to it, in words: decided without a page."""

from __future__ import annotations

from typing import Any

import pytest

from franking.core.attempt import Attempt
from franking.core.delivery import Delivery, Outcome, Stage, State
from franking.core.event import Links
from franking.core.prediction import FOREVER, Expectation, Standing
from franking.stores.base import Mail, Stored
from franking.web import content, stands, timeline

NOW = 1_000_000


def stored(state: State, **more: Any) -> Stored:
    """A mail in a state; `more` are fields of its delivery, or of the mail."""
    rows = {name: more.pop(name) for name in ("hold", "links", "remainder_of") if name in more}
    delivery = Delivery(state, **{"due_at": NOW, **more})
    found = Mail(
        seq=1,
        id="m",
        account="a",
        priority=0,
        created_at=0,
        revision=1,
        version=1,
        on_unknown="report",
        message_token="t",
        delivery=delivery,
        **{"links": Links(), **rows},
    )
    return Stored(found, b"{}")  # type: ignore[arg-type]


# A mail, what is said of it, and the time that goes with it.
STANDS: list[tuple[Stored, str, int | None]] = [
    (stored(State.PENDING), "as soon as its turn comes", None),
    (stored(State.PENDING, due_at=NOW + 5, waiting_for="sendAt"), "has not come", NOW + 5),
    (stored(State.RETRY, due_at=NOW + 5, waiting_for="retry"), "tried again", NOW + 5),
    (stored(State.RETRY, due_at=NOW + 5, waiting_for="send_limit"), "sending limit", NOW + 5),
    (stored(State.PENDING, hold=Standing("disconnected")), "connected again", None),
    (stored(State.PENDING, hold=Standing("ok", FOREVER)), "is resumed", None),
    (stored(State.PENDING, hold=Standing("ok", NOW + 9)), "is paused", NOW + 9),
    (stored(State.PENDING, hold=Standing("ok", NOW + 9, 1)), "sending limit", NOW + 9),
    (stored(State.PROCESSING, lease_expires_at=NOW + 7), "being prepared", NOW + 7),
    (stored(State.PROCESSING, stage=Stage.TRANSMITTING), "going out", None),
    (stored(State.ERROR, outcome=Outcome.UNKNOWN), "Check whether it arrived", None),
    (stored(State.ERROR, outcome=Outcome.NOT_SENT), "unless somebody retries", None),
]


@pytest.mark.parametrize(("given", "words", "at"), STANDS)
def test_what_comes_next(given: Stored, words: str, at: int | None) -> None:
    found = stands.next_of(given.mail, NOW)
    assert words in found.words
    assert found.at == at


def test_an_expected_time_counts_before_the_due_one() -> None:
    found = stands.next_of(stored(State.PENDING).mail, NOW, Expectation(NOW + 99, "send_limit"))
    assert found.at == NOW + 99
    assert "sending limit" in found.words


# A mail, the button it gets, and whether it insists.
RETRIES: list[tuple[Stored, str | None, bool]] = [
    (stored(State.PENDING), None, False),
    (stored(State.PROCESSING), None, False),
    (stored(State.RETRY), "Try now", False),
    (stored(State.ERROR, category="service_unavailable"), "Retry", False),
    (stored(State.ERROR, outcome=Outcome.UNKNOWN), "Retry", True),
    (stored(State.SUCCESS), "Send again", True),
    (stored(State.ERROR, links=Links("tp")), None, False),
    (stored(State.ERROR, remainder_of="other"), None, False),
]


@pytest.mark.parametrize(("given", "word", "force"), RETRIES)
def test_which_retry_is_offered(given: Stored, word: str | None, force: bool) -> None:
    found = stands.retry_of(given)
    assert (found and found.word) == word
    assert bool(found and found.force) == force


def attempt(number: int, **more: Any) -> Attempt:
    values = {"mail": "m", "epoch": number, "number": number, "revision": 1, "event": "failed"}
    values |= {"stage": Stage.CLAIMED, "outcome": Outcome.NOT_SENT, "started_at": number}
    return Attempt(**{**values, "ended_at": number + 1, **more})


def test_of_very_many_attempts_the_newest_are_told() -> None:
    attempts = [attempt(n) for n in range(1, 151)]
    told = timeline.story(stored(State.ERROR).mail, attempts, [])
    assert told.left_out == 50
    assert told.entries[-1].title == "Attempt 150: failed"


def test_an_end_that_no_attempt_brought_is_told() -> None:
    cancelled = stored(State.ERROR, end_at=9_000, sentence="Cancelled.").mail
    told = timeline.story(cancelled, [attempt(1, event="deferred", started_at=8_990)], [])
    assert [entry.title for entry in told.entries[1:]] == ["Attempt 1: refused for now", "Failed"]
    failed_then = stored(State.ERROR, end_at=9_000).mail
    told = timeline.story(failed_then, [attempt(1, started_at=8_990, ended_at=9_001)], [])
    assert [entry.title for entry in told.entries[1:]] == ["Attempt 1: failed"]


def test_late_words_are_told() -> None:
    late = {"event": "sent", "text": "250 taken after all"}
    told = timeline.story(stored(State.SUCCESS).mail, [attempt(1, late=late)], [])
    assert "250 taken after all" in told.entries[-1].said[-1][1]


def test_steps_tell_how_long_each_took() -> None:
    steps = [
        {"stage": "claimed", "at": 10},
        {"stage": "composed", "at": 12},
        {"recipient": "a@example.com", "text": "550 no", "at": 20},
    ]
    told = timeline.story(stored(State.ERROR).mail, [attempt(1, steps=steps, ended_at=25)], [])
    assert [step.took for step in told.entries[-1].steps] == [None, 2, 8, 5]


@pytest.mark.parametrize(
    "document", [{}, {"message": []}, {"to": 1, "message": {"html": 2}}, {"to": [None, ""]}]
)
def test_a_document_may_hold_any_json(document: dict[str, Any]) -> None:
    found = content.of(document)
    assert (found.html, found.text, found.people) == (None, None, ())
    assert content.source(document).startswith("{")


def test_a_source_without_end_is_bounded() -> None:
    nested: Any = "x" * 50_000
    for _ in range(60):
        nested = [nested, "y" * 30_000]
    assert len(content.source({"a": nested, "b": ["z" * 100] * 9_000})) < 210_000
