"""An import that is killed at any point and begun again sends every row once."""

from __future__ import annotations

import asyncio
import csv
import json
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from eventually import until

from .processes import franking, mailbox, serving, started

ROWS = 3_000


def mails(folder: Path, count: int = ROWS) -> Path:
    """A file of mails, each to an address of its own."""
    path = folder / "mails.csv"
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("to", "subject", "text"))
        writer.writerows((f"u{n}@example.com", "s", "t") for n in range(count))
    return path


def stored(folder: Path) -> Counter[str]:
    """How often each recipient has a mail in the database."""
    if count(folder) == 0:
        return Counter()
    with closing(sqlite3.connect(folder / "franking.db")) as connection:
        found = connection.execute("SELECT body FROM document").fetchall()
    return Counter(json.loads(body)["to"] for (body,) in found)


def count(folder: Path) -> int:
    """How many mails are in the database."""
    database = folder / "franking.db"
    if not database.exists():
        return 0
    with closing(sqlite3.connect(database)) as connection:
        try:
            [found] = connection.execute("SELECT count(*) FROM mail").fetchone()
        except sqlite3.OperationalError:
            return 0
    return int(found)


def once(count: int = ROWS) -> Counter[str]:
    return Counter(f"u{n}@example.com" for n in range(count))


@pytest.mark.parametrize("kill_at", [0, 1, 700, 1_400])
async def test_an_import_that_is_killed_goes_on_and_sends_no_row_twice(
    kill_at: int, tmp_path: Path
) -> None:
    mails(tmp_path)
    process = await started(tmp_path, "import", "mails.csv")
    until(lambda: count(tmp_path) >= kill_at)
    process.kill()
    await process.communicate()
    ended = await franking(tmp_path, "import", "mails.csv")
    assert ended.code == 0, ended.err
    assert ended.out == f"mails.csv: {ROWS} rows, {ROWS} accepted, 0 refused.\n"
    assert stored(tmp_path) == once()


async def test_what_was_handed_in_and_not_noted_is_not_handed_in_again(tmp_path: Path) -> None:
    """As a kill between the two leaves it; first into the file, then through a server."""
    mails(tmp_path)
    assert (await franking(tmp_path, "import", "mails.csv")).code == 0
    noted = tmp_path / "mails.csv.import.json"
    notes = json.loads(noted.read_text())
    [place] = notes
    notes[place] |= {"rows": 1_000, "accepted": 1_000, "finished": False}
    noted.write_text(json.dumps(notes))
    async with mailbox() as capture, serving(tmp_path, capture.port):
        ended = await franking(tmp_path, "import", "mails.csv")
    assert (ended.code, ended.err) == (0, "Goes on after row 1000.\n")
    noted.unlink()
    assert (await franking(tmp_path, "import", "mails.csv")).code == 0
    assert stored(tmp_path) == once()


async def test_a_file_that_was_imported_is_not_imported_again(tmp_path: Path) -> None:
    mails(tmp_path, 3)
    assert (await franking(tmp_path, "import", "mails.csv")).code == 0
    ended = await franking(tmp_path, "import", "mails.csv")
    assert ended.code == 0
    assert ended.err == (
        "mails.csv was imported before: 3 rows, 3 accepted, 0 refused. Nothing was done.\n"
    )
    assert stored(tmp_path) == once(3)


async def test_a_file_that_was_changed_since_is_refused(tmp_path: Path) -> None:
    mails(tmp_path, 3)
    assert (await franking(tmp_path, "import", "mails.csv")).code == 0
    mails(tmp_path, 4)
    ended = await franking(tmp_path, "import", "mails.csv")
    assert ended.code == 2
    assert ended.err.startswith("mails.csv was changed since its import began (3 rows, 3 accepted")
    assert stored(tmp_path) == once(3)


async def test_a_file_goes_into_each_database_that_it_is_imported_into(tmp_path: Path) -> None:
    mails(tmp_path, 3)
    for name in ("franking.db", "other.db"):
        ended = await franking(tmp_path, "import", "mails.csv", database_url=f"sqlite:///{name}")
        assert ended.out == "mails.csv: 3 rows, 3 accepted, 0 refused.\n"


async def test_refused_rows_are_listed_by_line_and_the_rest_is_sent(tmp_path: Path) -> None:
    deep = json.loads('{"to": "u9@example.com", "message": {"subject": "s", "text": "t"}}')
    deep["x"] = json.loads("[" * 200 + "]" * 200)
    lines = [
        '{"to": "u0@example.com", "message": {"subject": "s", "text": "t"}}',
        "nonsense",
        '{"to": "u8@example.com", "message": {}}',
        json.dumps(deep),
        '{"to": "u1@example.com", "message": {"subject": "s", "text": "t"}}',
    ]
    (tmp_path / "mails.jsonl").write_text("\n".join(lines))
    ended = await franking(tmp_path, "import", "mails.jsonl")
    assert ended.code == 1
    assert "mails.jsonl: 5 rows, 2 accepted, 3 refused." in ended.err
    with (tmp_path / "mails.jsonl.refused.csv").open(newline="") as stream:
        listed = list(csv.reader(stream))
    assert listed[0] == ["line", "why"]
    assert [line for line, _ in listed[1:]] == ["2", "3", "4"]
    for (_, why), beginning in zip(
        listed[1:], ("No JSON: ", "ValidationError: ", "The body is nested"), strict=True
    ):
        assert why.startswith(beginning)
        assert f": {why}" in ended.err
    assert stored(tmp_path) == once(2)


async def test_refused_rows_are_listed_once_however_often_it_is_begun(tmp_path: Path) -> None:
    path = mails(tmp_path, 1_200)
    path.write_text(path.read_text().replace("u7@example.com,s,t", "u7@example.com,s,"))
    assert (await franking(tmp_path, "import", "mails.csv")).code == 1
    noted = tmp_path / "mails.csv.import.json"
    notes = json.loads(noted.read_text())
    [place] = notes
    notes[place] |= {"rows": 0, "accepted": 0, "refused": 0, "refused_bytes": 0, "finished": False}
    noted.write_text(json.dumps(notes))
    assert (await franking(tmp_path, "import", "mails.csv")).code == 1
    assert (tmp_path / "mails.csv.refused.csv").read_text().splitlines() == [
        "line,why",
        "9,ValidationError: Invalid message configuration:"
        " At least one of 'text' or 'html' must be provided in message",
    ]


async def test_an_import_outlives_a_restart_of_the_server(tmp_path: Path) -> None:
    mails(tmp_path)
    async with mailbox() as capture:
        async with serving(tmp_path, capture.port) as first:
            process = await started(tmp_path, "import", "mails.csv")
            until(lambda: count(tmp_path) > 0)
            await first.stop()
        async with serving(tmp_path, capture.port, http=first.url.removeprefix("http://")):
            async with asyncio.timeout(30):
                _, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    assert stored(tmp_path) == once()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("none.csv", "none.csv can't be read: No such file or directory."),
        ("bad.csv", "the column 'colour' is not known"),
    ],
)
async def test_a_file_that_can_not_be_imported_is_a_matter_of_usage(
    name: str, told: str, tmp_path: Path
) -> None:
    (tmp_path / "bad.csv").write_text("to,colour\na,b\n")
    ended = await franking(tmp_path, "import", name)
    assert ended.code == 2
    assert told in ended.err
    assert stored(tmp_path) == Counter()


async def test_an_import_that_reaches_nobody_says_how_to_go_on(tmp_path: Path) -> None:
    mails(tmp_path, 3)
    ended = await franking(tmp_path, "import", "mails.csv", url="http://127.0.0.1:9")
    assert ended.code == 5
    assert ended.err.endswith("Run the import again to go on.\n")


async def test_a_note_that_can_not_be_read_is_told_of(tmp_path: Path) -> None:
    mails(tmp_path, 3)
    (tmp_path / "mails.csv.import.json").write_text("{")
    ended = await franking(tmp_path, "import", "mails.csv")
    assert ended.code == 2
    assert "mails.csv.import.json can't be read: " in ended.err


async def test_a_note_that_can_not_be_written_is_told_of(tmp_path: Path) -> None:
    mails(tmp_path, 3)
    (tmp_path / "mails.csv.import.json").mkdir()
    ended = await franking(tmp_path, "import", "mails.csv")
    assert ended.code == 1
    assert ended.err.endswith("No row is lost or sent twice: run it again.\n")
