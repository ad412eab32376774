"""No named query of PostgreSQL reads a whole table that grows, but those that are named here.

The plans are those of a large database: a few thousand rows, said to be a thousand times as many.
What is asked is the plan for any values, which is what a long-lived process uses, and for what is
asked most often, the plan for values such as there are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from franking.stores.queries import load
from postgres import cluster, template

from .plenty import FILLED, GROWING, HOT, VALUES

QUERIES = {**load("postgres"), **load("postgres", "own")}
# Queries that read a whole table, or an index from one end to the other.
WHOLE = {
    "count_states": "it counts every mail, in an index; only the doctor asks",
    "count_timers": "it counts every timer, in an index; only the doctor asks",
    "next_due": "it reads indexes of the accounts that have something waiting and of suspects",
    "secret_headers": "it looks at every account that has a secret; asked at start",
    "sealed_otherwise": "it looks at every account that has a secret; a new key asks, once",
    "any_suppressed": "it ends at the first row",
    "template_room": "it reads an index of the templates, which are 10,000 at most",
    "templates_since": "it reads the ids of all templates, in an index; they are 10,000 at most",
}

# Queries that have no plan.
COMMANDS = {"make_version"}
PLANNED = {name: text for name, text in QUERIES.items() if name not in COMMANDS}

# Steps that read all of what is below them, whatever is taken of it.
READ_WHOLLY = ("Sort", "Aggregate", "Hash", "ModifyTable", "Materialize", "WindowAgg")


@pytest.fixture(scope="module")
def database() -> Iterator[psycopg.Connection[Any]]:
    """A database as it is after a while: most has ended, some waits."""
    name = cluster().create(template())
    with psycopg.connect(cluster().url(name), autocommit=True) as connection:
        connection.execute(FILLED.encode())
        yield connection
    cluster().drop(name)


Plan = dict[str, Any]


def asked(database: psycopg.Connection[Any], text: str, values: dict[str, Any] | None) -> Plan:
    rows = database.execute(text.encode(), values).fetchone() or [[]]
    found: Plan = rows[0][0]["Plan"]
    return found


def plan(database: psycopg.Connection[Any], text: str) -> Plan:
    """How a query is run whatever its values are."""
    names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", text)))
    for place, name in enumerate(names, 1):
        text = text.replace(f"%({name})s", f"${place}")
    return asked(database, f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {text.replace('%%', '%')}", None)


def nodes(top: Plan, limited: bool = False) -> Iterator[tuple[Plan, bool]]:
    """Each step of a plan, and whether it is read only as far as a limit above it says."""
    yield top, limited
    limited = top["Node Type"] == "Limit" or (limited and top["Node Type"] not in READ_WHOLLY)
    for child in top.get("Plans", ()):
        yield from nodes(child, limited)


def scanned(top: Plan) -> list[str]:
    """The growing tables that a plan reads from one end to the other."""
    found = []
    for step, limited in nodes(top):
        kind, table = step["Node Type"], step.get("Relation Name")
        through_an_index = kind.startswith("Index") and "Index Cond" not in step and not limited
        if table in GROWING and (kind == "Seq Scan" or through_an_index):
            found.append(table)
    return found


def sorted_before_cut(top: Plan, limited: bool = False) -> list[list[str]]:
    """What a plan sorts of which a limit then takes the first."""
    found = [top["Sort Key"]] if limited and top["Node Type"] == "Sort" else []
    limited = limited or top["Node Type"] == "Limit"
    return found + [
        key for child in top.get("Plans", ()) for key in sorted_before_cut(child, limited)
    ]


@pytest.mark.parametrize("name", sorted(PLANNED.keys() - WHOLE.keys()))
def test_a_query_reads_no_whole_table(database: psycopg.Connection[Any], name: str) -> None:
    assert scanned(plan(database, PLANNED[name])) == []


def test_only_what_is_named_reads_a_whole_table(database: psycopg.Connection[Any]) -> None:
    assert {name for name, text in PLANNED.items() if scanned(plan(database, text))} == {*WHOLE}


@pytest.mark.parametrize(("name", "values"), HOT, ids=lambda value: str(value)[:60])
def test_with_values_too_it_reads_no_whole_table(
    database: psycopg.Connection[Any], name: str, values: dict[str, Any]
) -> None:
    """With some values the planner would rather read all, where it may."""
    text = QUERIES[name]
    given = {key: {**VALUES, **values}[key] for key in re.findall(r"%\((\w+)\)s", text)}
    assert scanned(asked(database, f"EXPLAIN (FORMAT JSON) {text}", given)) == []


@pytest.mark.parametrize(
    "name",
    [
        *("claimable", "claimable_alone", "ready_accounts", "lapsed", "overdue", "expired"),
        *("due_timers", "ready_lanes", "ready_touchpoints", "ready_webhook_lanes"),
        *("waiting_events", "queued_events", "parked_events", "parked_queued", "events_after"),
        *("page_all", "page_by_state", "page_by_category", "page_by_account"),
        *("page_by_touchpoint", "matching", "page_timers", "page_timers_by_state", "stock"),
        *("conquer_errors_of", "last_conquer_error", "page_conquer_errors"),
        *("page_conquer_errors_by_status", "page_conquer_errors_by_touchpoint"),
        *("touchpoints_after", "unfinished_touchpoints", "unfinished_mails", "count_statuses"),
        *("old_mails", "old_timers", "old_events", "old_bounces", "page_collected", "names_of"),
    ],
)
def test_what_is_read_in_order_is_not_sorted(database: psycopg.Connection[Any], name: str) -> None:
    """A claim from a million mails costs what it costs from a thousand."""
    assert sorted_before_cut(plan(database, QUERIES[name])) == []


def test_a_look_reads_one_index_for_each_thing_that_may_be_named(
    database: psycopg.Connection[Any],
) -> None:
    for name, table, count in (("look_touchpoints", "touchpoint", 4), ("lines", "mail", 5)):
        steps = [step for step, _ in nodes(plan(database, QUERIES[name]))]
        read = [s for s in steps if s["Node Type"] == "Index Only Scan"]
        assert [s.get("Relation Name") for s in read] == [table] * count


@pytest.mark.parametrize(
    "text",
    [
        "SELECT id FROM mail WHERE error = %(error)s",
        "SELECT id FROM mail WHERE error = %(error)s ORDER BY seq",
        "SELECT id FROM mail WHERE error = %(error)s LIMIT 1",
        "SELECT 1 FROM attempt WHERE mail = %(id)s OR worker = %(worker)s",
        "UPDATE outbox_lane SET next_at = 1 WHERE leased = 1",
    ],
)
def test_a_scan_would_be_seen(database: psycopg.Connection[Any], text: str) -> None:
    assert len(scanned(plan(database, text))) == 1


def test_a_sort_would_be_seen(database: psycopg.Connection[Any]) -> None:
    assert sorted_before_cut(plan(database, "SELECT id FROM mail ORDER BY due_at LIMIT 1"))
