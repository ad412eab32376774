"""Migration 0006 on rows that were there before: found by what is known of them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from franking.stores.base import TouchpointFilter
from franking.stores.queries import migrations
from franking.stores.sqlite import SqliteStore

OLD = """
INSERT INTO touchpoint (id, kind, status, status_updated_at, created_at, cadence_member_id,
    email_message_id, deleted_at)
VALUES ('A0X-1', 'manual', 'Sent', 1, 1, 'A0Y', '02S', NULL), ('A0X-2', 'manual', 'Sent', 1, 1,
    NULL, NULL, NULL), ('A0X-3', 'manual', 'Sent', 1, 1, 'A0Y', NULL, 5);
"""


async def test_what_was_there_before_is_found_by_what_is_known_of_it(tmp_path: Path) -> None:
    path = tmp_path / "franking.db"
    connection = sqlite3.connect(path)
    for number, text in migrations("sqlite"):
        if number < 6:
            connection.executescript(text)
            connection.execute(f"PRAGMA user_version = {number}")
    connection.executescript(OLD)
    connection.close()
    store = SqliteStore(path)
    await store.open()
    found = {
        q: [t.id for t in await store.cadence.page(TouchpointFilter(q=q), 10)]
        for q in ("a0x", "A0Y", "02s", "a0x-2", "a0x-3")
    }
    live = await store.cadence.page(TouchpointFilter(), 10)
    await store.close()
    assert found == {
        "a0x": ["A0X-2", "A0X-1"],
        "A0Y": ["A0X-1"],
        "02s": ["A0X-1"],
        "a0x-2": ["A0X-2"],
        "a0x-3": [],
    }
    assert [(t.id, t.recipient, t.subject) for t in live] == [
        ("A0X-2", None, None),
        ("A0X-1", None, None),
    ]
    connection = sqlite3.connect(path)
    # Raises where the index and the rows differ.
    connection.execute(
        "INSERT INTO touchpoint_search (touchpoint_search) VALUES ('integrity-check')"
    )
    connection.close()
