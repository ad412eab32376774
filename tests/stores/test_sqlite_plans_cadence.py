"""No query of the outbox or of the package reads a whole table, but those that are named here."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from franking.stores.queries import SQL, load, migrations

from .mails import NOW
from .test_sqlite_plans import WHOLLY, plan

ROWS = 5_000
GROWING = ("outbox", "outbox_lane", "event", "touchpoint", "conquer_error")
VIEWS = {"touchpoint_json": "t", "conquer_error_json": "e"}

WHOLE = {
    "page_outbox": "it reads the newest, in their order; a row is there only until it is told",
    "outbox_counts": "it counts what waits and is parked, up to a limit",
    "page_conquer_errors": "it reads the newest, in their order, as many as it needs",
    "touchpoints_after": "it reads in the order of their making, as many as it needs",
    "next_report": "it reads the first entry of an index",
    "unfinished_touchpoints": "it reads an index of those that are unfinished",
    "parked_events": "it reads an index of those that are parked",
    "stuck_events": "it looks at every event that waits; only the doctor asks",
}


def names() -> set[str]:
    """The names of the queries in the two files."""
    texts = [(SQL / "sqlite" / f"{name}.sql").read_text("utf-8") for name in ("outbox", "cadence")]
    return {name for text in texts for name in re.findall(r"^-- name: (\w+)", text, re.MULTILINE)}


QUERIES = {name: text for name, text in load("sqlite").items() if name in names()}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """5,000 touchpoints after a while: most sent, some wait for the outlet."""
    path: Path = tmp_path_factory.mktemp("plans") / "plans.db"
    with closing(sqlite3.connect(path)) as connection:
        for _, text in migrations("sqlite"):
            connection.executescript(text)
        connection.executescript(
            f"""
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
            INSERT INTO touchpoint (id, kind, status, status_updated_at, created_at,
                cadence_member_id, error_category, unfinished)
            SELECT 't' || i, 'automated', iif(i % 10, 'Sent', 'Error'), {NOW}, {NOW},
                'm' || (i % 500), iif(i % 10, NULL, 'full'), iif(i % 1000, NULL, '{{}}') FROM n;
            INSERT INTO conquer_error (id, event_id, touchpoint_id, status, occurred_at)
            SELECT id, id, id, iif(seq % 2, 'Error', 'Rate Limited'), 1 FROM touchpoint;
            INSERT INTO event (id, kind, mail, touchpoint_id, sequence, occurred_at, body)
            SELECT id, 'email_Sent', id, id, 1, 1, '{{}}' FROM touchpoint;
            DELETE FROM outbox WHERE seq % 10;
            DELETE FROM outbox_lane
            WHERE touchpoint_id NOT IN (SELECT touchpoint_id FROM outbox);
            UPDATE outbox SET state = 'parked' WHERE seq % 50 = 0;
            """
        )
        yield connection


def scanned(steps: list[str], text: str) -> list[str]:
    """The growing tables, by their aliases too, that a plan reads from one end to the other."""
    aliases = dict(re.findall(r"\b(?:FROM|JOIN|UPDATE|INTO)\s+(\w+)\s+(?:AS\s+)?([a-z])\b", text))
    tables = {*GROWING, *(a for table, a in aliases.items() if table in (*GROWING, *VIEWS))}
    tables |= {alias for view, alias in VIEWS.items() if view in text}
    found = [match[1] for step in steps if (match := WHOLLY.match(step))]
    return [table for table in found if table in tables]


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_a_query_reads_no_whole_table(database: sqlite3.Connection, name: str) -> None:
    found = scanned(plan(database, QUERIES[name]), QUERIES[name])
    assert bool(found) <= (name in WHOLE), found


def test_the_names_are_those_of_queries() -> None:
    assert WHOLE.keys() <= QUERIES.keys()


@pytest.mark.parametrize(
    "name",
    [
        *("ready_touchpoints", "next_report", "parked_events"),
        *("touchpoints_after", "unfinished_touchpoints"),
        *("conquer_errors_of", "last_conquer_error", "page_conquer_errors"),
        *("page_conquer_errors_by_status", "page_conquer_errors_by_touchpoint"),
    ],
)
def test_what_is_read_in_order_is_not_sorted(database: sqlite3.Connection, name: str) -> None:
    steps = plan(database, QUERIES[name])
    assert [step for step in steps if "B-TREE" in step] == []


def test_a_look_reads_only_indexes_and_sorts_nothing_before_its_window_is_cut(
    database: sqlite3.Connection,
) -> None:
    """What is sorted are the numbers of a window, then the rows that are shown."""
    for name in ("look_touchpoints", "look_touchpoints_by_words"):
        steps = plan(database, QUERIES[name])
        window = steps[: next(i for i, step in enumerate(steps) if step.endswith("SCAN near"))]
        assert [step for step in window if "B-TREE" in step] == []
        read = [step for step in window if step.startswith("SEARCH")]
        assert [step for step in read if "COVERING INDEX" not in step] == []
        assert len(read) == (4 if name == "look_touchpoints" else 0)
        if not read:
            assert any(
                re.match(r"SCAN touchpoint_search VIRTUAL TABLE INDEX \d+:M", s) for s in steps
            )


def test_statuses_are_counted_in_their_index_alone(database: sqlite3.Connection) -> None:
    steps = [s for s in plan(database, QUERIES["count_statuses"]) if s.startswith("SEARCH")]
    assert len(steps) == 3
    assert [step for step in steps if "COVERING INDEX touchpoint_status" not in step] == []


@pytest.mark.parametrize("table", ["touchpoint", "outbox", "conquer_error"])
def test_a_scan_would_be_seen(database: sqlite3.Connection, table: str) -> None:
    text = f"SELECT 1 FROM {table} WHERE {table}.rowid + 0 = 5"
    assert scanned(plan(database, text), text) == [table]


def test_the_beginning_of_a_word_has_an_index_of_its_length(database: sqlite3.Connection) -> None:
    """Without it, all rows of all words that begin so are merged first."""
    [text] = database.execute(
        "SELECT sql FROM sqlite_master WHERE name = 'touchpoint_search'"
    ).fetchone()
    [lengths] = re.findall(r"prefix = '([\d ]+)'", text)
    assert [int(length) for length in lengths.split()] == [*range(1, 17)]
