"""No query of templates and users reads a whole table, but those that are named here."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from franking.stores.queries import SQL, load, migrations

from .test_sqlite_plans import WHOLLY, plan

ROWS = 5_000
GROWING = ("collection_document", "collected", "d")

WHOLE = {
    "template_room": "it reads an index of the templates, which are 10,000 at most",
    "templates_since": "it reads the ids of all templates, in an index; they are 10,000 at most",
}


def names() -> set[str]:
    text = (SQL / "sqlite" / "collections.sql").read_text("utf-8")
    return set(re.findall(r"^-- name: (\w+)", text, re.MULTILINE))


QUERIES = {name: text for name, text in load("sqlite").items() if name in names()}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """5,000 users, most with an email, and a hundred templates."""
    path: Path = tmp_path_factory.mktemp("plans") / "plans.db"
    with closing(sqlite3.connect(path)) as connection:
        for _, text in migrations("sqlite"):
            connection.executescript(text)
        connection.executescript(
            f"""
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
            INSERT INTO collection_document (collection, id, version, name, bytes, created_at,
                updated_at, document)
            SELECT iif(i % 50, 'users', 'templates'), 'u' || i, i,
                iif(i % 10, 'u' || i || '@example.com', NULL), 2, 1, 1, '{{}}'
            FROM n;
            ANALYZE;
            """
        )
        yield connection


# A search by the collection alone reads all of it.
ALL_OF_ONE = re.compile(r"SEARCH (\w+) .*\(collection=\?\)$")


def scanned(steps: list[str]) -> list[str]:
    matches = [WHOLLY.match(step) or ALL_OF_ONE.match(step) for step in steps]
    found = [match[1] for match in matches if match]
    return [table for table in found if table in GROWING]


@pytest.mark.parametrize("name", sorted(QUERIES.keys() - WHOLE.keys()))
def test_a_query_reads_no_whole_table(database: sqlite3.Connection, name: str) -> None:
    assert scanned(plan(database, QUERIES[name])) == []


def test_only_what_is_named_reads_a_whole_table(database: sqlite3.Connection) -> None:
    assert {name for name, text in QUERIES.items() if scanned(plan(database, text))} == {*WHOLE}


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_what_reads_all_templates_reads_their_index(
    database: sqlite3.Connection, name: str
) -> None:
    steps = [step for step in plan(database, QUERIES[name]) if " collection_document " in step]
    assert steps
    assert all("USING COVERING INDEX collection_template" in step for step in steps)


@pytest.mark.parametrize("name", ["page_collected", "names_of", "read_collected"])
def test_what_is_read_in_order_is_not_sorted(database: sqlite3.Connection, name: str) -> None:
    steps = plan(database, QUERIES[name])
    assert [step for step in steps if "B-TREE" in step] == []


def test_only_as_many_as_a_page_has_are_sorted(database: sqlite3.Connection) -> None:
    """Each half of a search is read in order and ends at its limit."""
    text = QUERIES["page_collected_by"]
    assert text.count("LIMIT :limit") == 3
    steps = "\n".join(plan(database, text))
    assert "(collection=? AND id>? AND id<?)" in steps
    assert "collection_document_name (collection=? AND name=? AND id>?)" in steps
