"""No named query of SQLite reads a whole table, but those that are named here, and why."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from franking.stores.queries import load, migrations

from .mails import NOW

MAILS = 5_000
QUERIES = load("sqlite")
WHOLLY = re.compile(r"(?:SCAN (?=\w)|SEARCH (?=.*PRIMARY KEY \(rowid[<>]))(\w+)")
GROWING = (
    "mail",
    "document",
    "attempt",
    "event",
    "account",
    "idempotency",
    "touchpoint_sequence",
    "timer",
    "timer_life",
    "timer_lane",
    "tally",
    "session",
    "webhook_queue",
    "webhook_lane",
    "kept_document",
)
VIEWS = {"mail_json": "m", "timer_json": "t"}  # and how each calls its table

# Queries that read a whole table or index, or from somewhere in a table to its end.
WHOLE = {
    "page_all": "it reads the newest, in their order, as many as it needs",
    "lines": "where nothing is named it reads the newest, in their order, as many as one look may",
    "events_after": "it reads in the order of commits, as many as it needs",
    "old_mails": "it walks in the order of their making, as many as one step may",
    "old_timers": "it walks in the order of their making, as many as one step may",
    "old_events": "it walks in the order of commits, as many as one step may",
    "page_timers": "it reads the newest, in their order, as many as it needs",
    "count_timers": "it counts every timer, in an index; only the doctor asks",
    "count_states": "it counts every mail, in an index; only the doctor asks",
    "secret_headers": "it looks at every account that has a secret; asked at start",
    "sealed_otherwise": "it looks at every account that has a secret; a new key asks, once",
}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """5,000 mails and timers as a database has them after a while: most ended, some wait."""
    path: Path = tmp_path_factory.mktemp("plans") / "plans.db"
    with closing(sqlite3.connect(path)) as connection:
        for _, text in migrations("sqlite"):
            connection.executescript(text)
        connection.executescript(
            f"""
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MAILS})
            INSERT INTO mail (id, state, account, created_at, due_at, message_token, touchpoint_id,
                remainder_of, category, lease_expires_at, releases, give_up_at, info)
            SELECT 'm' || i,
                CASE WHEN i % 10 < 7 THEN 'SUCCESS' WHEN i % 10 = 7 THEN 'ERROR'
                    WHEN i % 10 = 8 THEN 'PROCESSING' ELSE 'PENDING' END,
                'a' || (i % 50), {NOW}, {NOW} + i, 't', 't' || (i % 100),
                iif(i % 40 = 0, 'm' || (i - 1), NULL), iif(i % 10 = 7, 'unknown', NULL),
                iif(i % 10 = 8, {NOW} + i, NULL), i % 5, iif(i % 3 = 0, {NOW} + i, NULL), NULL
            FROM n;
            INSERT INTO document (seq, body, words) SELECT seq, '{{}}', 'word' || seq FROM mail;
            INSERT INTO attempt (mail, epoch, number, revision, event, stage, outcome, started_at,
                ended_at, worker, steps)
            SELECT id, seq, 1, 1, 'sent', 'answered', 'sent', 1, 1, 'w', '[]' FROM mail;
            INSERT INTO event (id, kind, mail, occurred_at, body)
            SELECT id, 'email_Sent', id, 1, '{{}}' FROM mail;
            INSERT INTO account (id, next_at) SELECT DISTINCT account, {NOW} FROM mail;
            INSERT INTO idempotency SELECT 's', id, 'f', seq, '[]', x'' FROM mail;
            INSERT INTO touchpoint_sequence SELECT DISTINCT touchpoint_id, 1 FROM mail;
            INSERT INTO timer (id, state, transport, lane, next_at, due_at, created_at, callback)
            SELECT id, CASE state WHEN 'SUCCESS' THEN 'executed' WHEN 'ERROR' THEN 'failed'
                    WHEN 'PROCESSING' THEN 'served' ELSE 'scheduled' END,
                iif(seq % 2, 'http', 'mail'), iif(seq % 2, 'http h' || (seq % 500), 'mail'),
                iif(state IN ('PENDING', 'PROCESSING'), due_at, NULL), due_at, due_at, '{{}}'
            FROM mail;
            INSERT INTO timer_life (timer, life, ended_by, state, revision, due_at, created_at,
                retry_count, attempt, tries, callback)
            SELECT id, 1, 'retried', 'failed', 1, 1, 1, 0, 1, '[]', '{{}}' FROM timer;
            UPDATE account SET state = iif(rowid % 5, 'ok', 'disconnected'),
                paused_until = iif(rowid % 3, NULL, {NOW});
            INSERT INTO tally SELECT 60000, seq * 60000, 'sent', '', 1 FROM mail;
            INSERT INTO tally SELECT 3600000, seq * 3600000, 'sent', '', 1 FROM mail;
            INSERT INTO webhook (id, url, types, include, secret, created_at)
            VALUES ('w0', 'u', '[]', 'doc', x'', 1), ('w1', 'u', '[]', 'doc', x'', 1);
            UPDATE event SET mail_seq = seq WHERE seq % 2;
            INSERT INTO webhook_queue (webhook, seq, mail, state)
            SELECT 'w' || (seq % 3 = 0), seq, mail, iif(seq % 50 = 1, 'parked', 'waiting')
            FROM event WHERE mail_seq IS NOT NULL;
            INSERT INTO webhook_lane SELECT DISTINCT webhook, mail, {NOW}, 0 FROM webhook_queue;
            INSERT INTO kept_document SELECT seq, 1, '{{}}' FROM event WHERE mail_seq IS NOT NULL;
            INSERT INTO session SELECT id, account, created_at + seq, {NOW} + seq FROM mail;
            INSERT INTO timer_lane SELECT lane, min(next_at) FROM timer
            WHERE next_at IS NOT NULL GROUP BY lane;
            """
        )
        yield connection


def plan(connection: sqlite3.Connection, text: str) -> list[str]:
    names = re.findall(r"(?<![:\w]):([a-z_]+)", text)
    values = dict.fromkeys(names, "[]")
    return [str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", values)]


def scanned(steps: list[str], text: str) -> list[str]:
    """The growing tables, by their aliases too, that a plan reads from one end to the other."""
    aliases = dict(re.findall(r"\b(?:FROM|JOIN|UPDATE|INTO)\s+(\w+)\s+(?:AS\s+)?([a-z])\b", text))
    tables = {*GROWING, *(a for table, a in aliases.items() if table in (*GROWING, *VIEWS))}
    tables |= {alias for view, alias in VIEWS.items() if view in text}
    found = [match[1] for step in steps if (match := WHOLLY.match(step))]
    return [table for table in found if table in tables]


@pytest.mark.parametrize("name", sorted(QUERIES.keys() - WHOLE.keys()))
def test_a_query_reads_no_whole_table(database: sqlite3.Connection, name: str) -> None:
    steps = plan(database, QUERIES[name])
    assert scanned(steps, QUERIES[name]) == []


def test_only_what_is_named_reads_a_whole_table(database: sqlite3.Connection) -> None:
    scanning = {name for name in QUERIES if scanned(plan(database, QUERIES[name]), QUERIES[name])}
    assert scanning == {*WHOLE}


@pytest.mark.parametrize(
    "name",
    [
        *("claimable", "claimable_alone", "overdue", "page_all"),
        *("ready_lanes", "due_timers", "next_lane_due", "serve_lane", "lives_of"),
        *("page_timers", "page_timers_by_state"),
        *("lines", "lines_by_words", "stock", "held_accounts"),
    ],
)
def test_what_is_read_in_order_is_not_sorted(database: sqlite3.Connection, name: str) -> None:
    """A claim from a million mails costs what it costs from a thousand."""
    steps = plan(database, QUERIES[name])
    assert [step for step in steps if "B-TREE" in step] == []


@pytest.mark.parametrize("name", ["lines", "lines_by_words"])
def test_a_look_reads_rows_only_of_what_it_found(database: sqlite3.Connection, name: str) -> None:
    """Mails of one account lie far apart: what is named is looked for in indexes alone."""
    steps = [step for step in plan(database, QUERIES[name]) if step.startswith("SEARCH x ")]
    assert len(steps) == 4
    assert all("USING COVERING INDEX" in step for step in steps)


@pytest.mark.parametrize("condition", ["m.error = :error", "m.error = :error AND m.seq < :after"])
def test_a_scan_would_be_seen(database: sqlite3.Connection, condition: str) -> None:
    text = f"SELECT m.id FROM mail m WHERE {condition}"
    assert scanned(plan(database, text), text) == ["m"]
