"""Charts and needs as values: which series there are, in what order, and who comes first."""

from __future__ import annotations

import json
from collections.abc import Mapping

import msgspec

from franking.core.rules import SENTENCES
from franking.office.looking import Figures, Present, Window
from franking.stores.base import OutboxCounts, Stock
from franking.web import charts, needs

NOW = 1_000_000


def figures(categories: Mapping[str, tuple[int, ...]]) -> Figures:
    counts: dict[str, tuple[int, ...]] = dict.fromkeys(charts.WHATS, (1, 0, 2))
    return Figures(Window.HOUR, 60_000, (0, 60_000, 120_000), counts, dict(categories))


def present(outbox: OutboxCounts | None = None, **stock: int) -> Present:
    return Present(Stock(**stock), None, None, (), outbox or OutboxCounts())


def test_what_is_rare_is_drawn_together_and_nothing_is_lost() -> None:
    many = {name: (0, at, 1) for at, name in enumerate(list(SENTENCES)[:9])}
    chart = charts.by_category(figures(many))
    assert len(chart.series) == charts.MOST_CATEGORIES + 1
    assert chart.series[-1].label == "Others"
    assert chart.series[-1].values == (0, 6 + 7 + 8, 3)
    assert chart.total == sum(map(sum, many.values()))
    # One more than has a colour needs no company.
    seven = dict(list(many.items())[:7])
    assert "Others" not in [one.label for one in charts.by_category(figures(seven)).series]


def test_the_script_gets_every_slot_and_the_table_only_those_with_something() -> None:
    chart = charts.by_what(figures({}))
    assert json.loads(chart.data)["slots"] == [0, 60_000, 120_000]
    assert [one["tone"] for one in json.loads(chart.data)["series"]] == [*charts.WHATS]
    assert chart.rows == [(120_000, (2, 2, 2, 2)), (0, (1, 1, 1, 1))]


def test_every_category_has_words_a_step_and_somebody() -> None:
    everything = dict.fromkeys((*SENTENCES, "", "brand_new"), (0, 0, 1))
    for row in charts.failing(figures(everything)):
        assert row.sentence
        assert "{" not in row.sentence
        assert row.step
        assert charts.WHO[row.who]


def test_what_is_worst_comes_first() -> None:
    outbox = OutboxCounts(waiting=3, parked=2, paused_until=NOW + 1, reason="It is away.")
    rows = charts.failing(
        figures(
            {
                "recipient_not_found": (1, 1, 0),
                "domain_authentication": (1, 0, 0),
                "outcome_unknown": (1, 0, 0),
                "recipient_suppressed": (1, 0, 0),
            }
        )
    )
    stock = present(outbox, failed=9, in_doubt=1, disconnected=1)
    found = needs.of(stock, rows, "Last hour", NOW)
    ids = ["disconnected", "parked", "paused", "doubt", "failed-administrator", "failed-rep"]
    assert [need.id for need in found] == ids
    assert found[-1].words == "2 failures for the rep, last hour."
    assert found[-1].links[0][0] == "/mail?state=ERROR&category=recipient_not_found"


def test_what_passes_by_itself_needs_nobody() -> None:
    over = OutboxCounts(waiting=3, paused_until=NOW)
    rows = charts.failing(figures({"recipient_not_found": (1, 1, 0)}))
    # The failures of the window were seen to: none stands in ERROR.
    assert needs.of(present(over, waiting=4, paused=2), rows, "Last hour", NOW) == []
    assert needs.of(present(failed=1, in_doubt=1), rows, "Last hour", NOW)[0].id == "doubt"
    assert len(needs.of(present(failed=1, in_doubt=1), rows, "Last hour", NOW)) == 1


def test_what_is_counted_to_a_limit_says_so() -> None:
    [need] = needs.of(present(in_doubt=needs.MOST, failed=needs.MOST), [], "Last hour", NOW)
    assert need.words.startswith("100,000+ mails")
    assert msgspec.to_builtins(need)["tone"] == "doubt"
