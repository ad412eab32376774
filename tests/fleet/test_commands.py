"""Commands on a database in PostgreSQL: opened directly, beside whoever works on it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.processes import franking, mailbox, serving
from postgres import cluster

TO_ADA = ("--to", "ada@example.com", "--subject", "Hello", "--text", "Hi", "--from", "a@b.example")


@pytest.fixture
def empty() -> Iterator[str]:
    """The URL of a database that nobody has migrated."""
    name = cluster().create()
    yield cluster().url(name)
    cluster().drop(name)


async def test_a_database_is_migrated_by_many_at_once_and_told_of(
    tmp_path: Path, empty: str
) -> None:
    before = await franking(tmp_path, "db", "status", database_url=empty)
    assert (before.code, "there is no database yet" in before.out) == (1, True)
    ended = await asyncio.gather(
        *[franking(tmp_path, "db", "migrate", database_url=empty) for _ in range(3)]
    )
    assert [one.code for one in ended] == [0, 0, 0]
    assert "is of version" in ended[0].out
    after = await franking(tmp_path, "db", "status", database_url=empty)
    assert (after.code, "In use by" in after.out) == (0, False)


async def test_a_mail_is_handed_in_directly_and_waits_for_a_serve(
    tmp_path: Path, database: str
) -> None:
    sent = await franking(tmp_path, "send", *TO_ADA, database_url=database)
    assert (sent.code, sent.out.split()[0]) == (5, "PENDING")
    assert sent.err.startswith("No server is named by FRANKING_URL or --url: this is done on the")
    assert "It will be sent when `franking serve` runs." in sent.err


async def test_beside_a_worker_a_mail_is_sent_and_its_end_told(
    tmp_path: Path, database: str
) -> None:
    async with (
        mailbox() as capture,
        serving(tmp_path, capture.port, only="worker", database_url=database) as worker,
    ):
        sent = await franking(tmp_path, "send", *TO_ADA, database_url=database)
        assert (sent.code, sent.out.split()[0]) == (0, "SUCCESS")
        status = await franking(tmp_path, "db", "status", database_url=database)
        assert f"{worker.process.pid}@" in status.out
        assert "(worker)" in status.out
    assert len(capture.mails) == 1


async def test_after_a_restore_nobody_may_serve(tmp_path: Path, database: str) -> None:
    async with serving(tmp_path, 1, only="api", database_url=database) as door:
        ended = await franking(tmp_path, "db", "after-restore", database_url=database)
        assert ended.code == 4
        assert f"is in use by franking serve (processes {door.process.pid}@" in ended.err
    ended = await franking(tmp_path, "db", "after-restore", database_url=database)
    assert ended.code == 0, ended.err


async def test_a_backup_is_postgresqls_own(tmp_path: Path, database: str) -> None:
    ended = await franking(tmp_path, "db", "backup", "copy", database_url=database)
    assert (ended.code, "pg_basebackup" in ended.err) == (1, True)


REFUSED = (
    ("postgresql://u:geheim@h/d?sslmod=require", "invalid URI query parameter"),
    ("postgresql://u:geh%zzeim@h/d", "it is no URL"),
    ("postgresql://h/d?listen=postgresql://u:geheim@h/d?nope=1", "invalid URI query parameter"),
)


@pytest.mark.parametrize(("url", "words"), REFUSED)
@pytest.mark.parametrize("command", ["serve", "db status"])
async def test_what_libpq_cannot_read_is_refused_by_name(
    tmp_path: Path, url: str, words: str, command: str
) -> None:
    uri = "smtp://127.0.0.1:1"
    ended = await franking(
        tmp_path, *command.split(), database_url=url, http="127.0.0.1:0", smtp_connection_uri=uri
    )
    assert (ended.code, ended.out) == (3, "")
    assert ended.err.startswith("FRANKING_DATABASE_URL can't be used: ")
    assert words in ended.err
    assert "eim" not in ended.err


async def test_secrets_need_a_key_that_is_set(tmp_path: Path, database: str) -> None:
    server = ("--uri", "smtps://u@smtp.example.com:465", "--password-stdin")
    ended = await franking(
        tmp_path, "account", "set", "rep", *server, stdin=b"geheim\n", database_url=database
    )
    assert ended.code == 1, ended.err
    assert "Set FRANKING_SECRET_KEY, the same in every process." in ended.err
