"""A database from before people could look: its mails get heads, and its events are counted."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from franking.core.message import head_texts
from franking.stores.base import Change, Filter
from franking.stores.look_store import HOUR_MS, MINUTE_MS
from franking.stores.queries import migrations
from franking.stores.sqlite import SqliteStore

from .mails import HOUR, MINUTE, NOW, changed, ids, raw

BEFORE = 4
SLOT = NOW - NOW % HOUR
DAY = 24 * HOUR

DOCUMENTS: dict[str, Any] = {
    "one": {"to": "a@x.com", "message": {"subject": "Hello"}},
    "many": {"to": ["a@x.com", 1, None, "", " ", "Zoë <b@x.com>"], "message": {"subject": "ü"}},
    "cc": {"to": [], "cc": ["c@x.com", "d@x.com"], "bcc": "e@x.com", "message": {}},
    "bcc": {"to": " ", "cc": 7, "bcc": ["e@x.com"], "message": {"subject": None}},
    "nobody": {"message": {"subject": ["no text"]}},
    "wrong": {"to": {"a": 1}, "message": "text"},
    "lines": {"to": "a\r\nb", "message": {"subject": "x\x01\x1b\x7f\x85\u2028\u2029y"}},
    "blank": {"to": "\r\n", "cc": "c@x.com", "message": {"subject": "\t\n"}},
    "long": {"to": ["e" * 150 + "@x.com"] * 5, "message": {"subject": "é" * 10_000}},
    "quoted": {"to": '"A \\ B" <a@x.com>', "message": {"subject": '{"[%_\'"]} 👨\u200d👩'}},
    "list": [],
    "null": None,
}
DEEP = '{"to":"a@x.com","x":' + "[" * 3000 + "]" * 3000 + "}"

EVENTS = [
    ("email_Sent", None, SLOT),
    ("email_Sent", "proved", SLOT + 1),
    ("email_Error", "full", SLOT + MINUTE),
    ("email_Error", "outcome_unknown", SLOT),
    ("email_Error", None, SLOT),
    ("email_Rate_Limited", "send_limit", SLOT),
    ("email_Bounced", "full", SLOT),
    ("email_Sent", None, SLOT - 3 * DAY),
]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """A store on a file that was of version 4."""
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        for version, text in migrations("sqlite"):
            if version <= BEFORE:
                connection.executescript(text)
        connection.execute(f"PRAGMA user_version = {BEFORE}")
        filled(connection)
    store = SqliteStore(path)
    await store.open()
    yield store
    await store.close()


def filled(connection: sqlite3.Connection) -> None:
    bodies = {id: msgspec.json.encode(found).decode() for id, found in DOCUMENTS.items()}
    for seq, (id, body) in enumerate([*bodies.items(), ("deep", DEEP), ("part", bodies["one"])], 1):
        parent = "one" if id == "part" else None
        connection.execute(
            "INSERT INTO mail (seq, id, state, account, created_at, due_at, message_token,"
            " remainder_of) VALUES (?, ?, 'SUCCESS', 'default', 1, 1, 't', ?)",
            (seq, id, parent),
        )
        words = "" if parent else f"word {id}"
        connection.execute("INSERT INTO document VALUES (?, ?, ?, NULL)", (seq, body, words))
    for n, (kind, category, at) in enumerate(EVENTS):
        told = {} if category is None else {"error": {"category": category}}
        row = (f"e{n}", kind, "one", at, msgspec.json.encode(told).decode())
        connection.execute(
            "INSERT INTO event (id, kind, mail, occurred_at, body) VALUES (?, ?, ?, ?, ?)", row
        )


async def heads(store: SqliteStore) -> dict[str, tuple[str | None, str | None]]:
    found = await store.look.mails(Filter(), 100, 1_000)
    return {line.mail.id: (line.recipient, line.subject) for line in found.lines}


def without_spaces(head: tuple[str | None, str | None]) -> list[str | None]:
    return [text and "".join(text.split()) for text in head]


async def test_each_mail_has_the_head_of_its_document(store: SqliteStore) -> None:
    found = await heads(store)
    assert found.pop("deep") == (None, None)  # SQLite does not read it
    assert found.keys() == DOCUMENTS.keys()
    for id, document in DOCUMENTS.items():
        wanted = head_texts(document) if isinstance(document, dict) else (None, None)
        if id == "long":
            assert [len(text or "") for text in found[id]] == [200, 200]
        assert without_spaces(found[id]) == without_spaces(wanted), id
        assert all(text is None or text.isprintable() or "\u200d" in text for text in found[id])


async def test_a_remainder_has_none(store: SqliteStore) -> None:
    with closing(sqlite3.connect(store._path)) as connection:
        rows = connection.execute("SELECT recipient, subject FROM mail WHERE id = 'part'")
        assert rows.fetchall() == [(None, None)]


async def test_its_events_are_counted(store: SqliteStore) -> None:
    hours = await store.look.tally(HOUR_MS, 0, HOUR_MS)
    now = [(one.what, one.category, one.count) for one in hours if one.slot == SLOT]
    assert now == [
        *[("failed", "", 1), ("failed", "full", 1), ("in_doubt", "outcome_unknown", 1)],
        *[("limited", "send_limit", 1), ("sent", "", 2)],
    ]
    assert [(one.slot, one.count) for one in hours if one.slot != SLOT] == [(SLOT - 3 * DAY, 1)]


async def test_by_minutes_only_those_of_the_last_days_are_counted(store: SqliteStore) -> None:
    minutes = await store.look.tally(MINUTE_MS, 0, MINUTE_MS)
    assert {one.slot for one in minutes} == {SLOT, SLOT + MINUTE}
    assert sum(one.count for one in minutes) == 6


async def test_words_are_found_as_before_and_follow_what_changes(store: SqliteStore) -> None:
    assert ids(await store.page(Filter(q="man"), 9)) == ["many"]
    found = await store.look.mails(Filter(q="w"), 99, 999)
    assert len(found.lines) == len(DOCUMENTS) + 1
    await changed(store, Change(document=raw({}), search="another"), "many")
    assert ids(await store.page(Filter(q="many"), 9)) == []
    assert ids(await store.page(Filter(q="an"), 9)) == ["many"]
    await changed(store, Change(delete=True), "many")
    assert ids(await store.page(Filter(q="another"), 9)) == []
    with closing(sqlite3.connect(store._path)) as connection:
        connection.execute("INSERT INTO search (search) VALUES ('integrity-check')")


@pytest.mark.parametrize("letters", range(1, 17))
async def test_a_beginning_of_any_length_has_an_index(store: SqliteStore, letters: int) -> None:
    """Without one, a search reads all mails that have a word of that beginning."""
    with closing(sqlite3.connect(store._path)) as connection:
        [sql] = connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'search'").fetchone()
    assert f" {letters} " in sql.partition("prefix = ")[2].replace("'", " ")
