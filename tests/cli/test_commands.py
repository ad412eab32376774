"""Each command, on a database that nobody serves and on one that is served; each exit code."""

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from franking.app.lock import Lock

from .processes import Ended, franking, mailbox, serving, started

HELLO = ("--subject", "Hello", "--text", "Hi")


async def test_help_is_quick_for_it_imports_nothing_heavy(tmp_path: Path) -> None:
    heavy = (
        *("aiohttp", "aiosmtpd", "asyncio", "httptools", "litestar", "msgspec", "sqlite3"),
        *("structlog", "uvicorn", "uvloop", "franking.app", "franking.stores", "franking.core"),
    )
    told = f"import sys; print([name for name in {heavy!r} if name in sys.modules])"
    program = f"import franking.cli.commands as c; c.app(['--help'], standalone_mode=False); {told}"
    ended = await python(tmp_path, program)
    assert "Usage: " in ended.out
    assert ended.out.splitlines()[-1] == "[]"


async def test_without_a_server_a_mail_is_stored_and_says_so(tmp_path: Path) -> None:
    ended = await franking(tmp_path, "send", "--to", "a@example.com", *HELLO, "--no-wait")
    assert ended.code == 0
    assert ended.out.startswith("PENDING ")
    assert "Stored. It will be sent when `franking serve` runs." in ended.out


async def test_to_wait_for_a_mail_that_nobody_sends_is_no_success(tmp_path: Path) -> None:
    ended = await franking(tmp_path, "send", "--to", "a@example.com", *HELLO)
    assert ended.code == 5
    assert ended.err == "Stored. It will be sent when `franking serve` runs.\n"


async def test_what_was_stored_goes_when_a_server_runs(tmp_path: Path) -> None:
    mail = json.dumps({"to": "a@example.com", "message": {"subject": "s", "text": "t"}})
    sending = ("send", "--file", "-", "--id", "mine")
    assert (await franking(tmp_path, *sending, stdin=mail.encode())).code == 5
    async with mailbox() as capture, serving(tmp_path, capture.port):
        ended = await franking(tmp_path, *sending, stdin=mail.encode())
        assert (ended.code, ended.err) == (0, "")
        assert len(capture.mails) == 1


async def test_each_ending_of_a_mail_is_told_and_has_its_code(tmp_path: Path) -> None:
    async with mailbox() as capture, serving(tmp_path, capture.port) as server:
        for name, code, told in (
            ("ada", 0, "250 2.0.0 OK: kept"),
            ("unknown", 1, "550 5.1.1 The email account that you tried to reach"),
            ("drop", 1, "Connection lost before the server confirmed the message"),
        ):
            to = f"{name}@example.com"
            ended = await franking(tmp_path, "send", "--to", to, *HELLO, url=server.url)
            assert (ended.code, ended.err) == (code, "")
            assert ended.out.startswith("SUCCESS " if code == 0 else "ERROR ")
            assert told in ended.out


async def test_a_wait_has_an_end(tmp_path: Path) -> None:
    async with mailbox() as capture, serving(tmp_path, capture.port):
        sending = ("send", "--to", "greylist@example.com", *HELLO, "--timeout", "1")
        ended = await franking(tmp_path, *sending)
    assert ended.code == 1
    assert "RETRY" in ended.out
    assert "Not ended yet. Look again with: franking mail show " in ended.err


async def test_mails_are_listed_shown_and_retried(tmp_path: Path) -> None:
    async with mailbox() as capture, serving(tmp_path, capture.port):
        to_unknown = ("send", "--to", "unknown@example.com", *HELLO)
        assert (await franking(tmp_path, *to_unknown, "--id", "bad")).code == 1
        assert (await franking(tmp_path, "send", "--to", "ada@example.com", *HELLO)).code == 0
        await assert_looked_up(tmp_path)
        refused = await franking(tmp_path, "mail", "retry", "bad")
        assert refused.code == 0
        assert "bad" in refused.out


async def assert_looked_up(folder: Path) -> None:
    listed = await franking(folder, "mail", "list", "--state", "error", "--json")
    assert [mail["id"] for mail in listed.values] == ["bad"]
    found = await franking(folder, "mail", "list", "--q", "ada", "--json")
    assert [mail["to"] for mail in found.values] == [["ada@example.com"]]
    table = await franking(folder, "mail", "list")
    assert "unknown@example.com" in table.out
    shown = await franking(folder, "mail", "show", "bad")
    assert "550 5.1.1 The email account that you tried to reach does not exist." in shown.out
    [whole] = (await franking(folder, "mail", "show", "bad", "--json")).values
    assert [attempt["outcome"] for attempt in whole["timeline"]] == ["not_sent"]


async def test_a_mail_that_was_sent_is_retried_only_with_force(tmp_path: Path) -> None:
    async with mailbox() as capture, serving(tmp_path, capture.port):
        sending = ("send", "--to", "ada@example.com", *HELLO, "--id", "one")
        assert (await franking(tmp_path, *sending)).code == 0
        ended = await franking(tmp_path, "mail", "retry", "one")
        assert ended.code == 1
        assert ended.err.startswith("This email was already sent. ")
        assert (await franking(tmp_path, "mail", "retry", "one", "--force")).code == 0


async def test_the_database_is_made_and_told_of(tmp_path: Path) -> None:
    before = await franking(tmp_path, "db", "status")
    assert before.code == 1
    assert "there is no database yet" in before.out
    assert (await franking(tmp_path, "db", "migrate")).out.endswith(" now.\n")
    assert (await franking(tmp_path, "db", "migrate")).out.endswith(" already.\n")
    assert (await franking(tmp_path, "db", "status")).code == 0


async def test_who_uses_the_database_is_told(tmp_path: Path) -> None:
    async with mailbox() as capture, serving(tmp_path, capture.port) as server:
        status = await franking(tmp_path, "db", "status")
        assert f"franking serve (process {server.process.pid}) at {server.url}" in status.out
        refused = await franking(tmp_path, "db", "migrate")
        assert refused.code == 4
        assert f"franking serve (process {server.process.pid})" in refused.err


async def test_a_database_of_a_newer_franking_is_refused(tmp_path: Path) -> None:
    assert (await franking(tmp_path, "db", "migrate")).code == 0
    with closing(sqlite3.connect(tmp_path / "franking.db")) as connection:
        connection.execute("PRAGMA user_version = 9999")
    for command in (["serve"], ["mail", "list"], ["db", "migrate"], ["doctor"]):
        ended = await franking(tmp_path, *command, smtp_connection_uri="smtp://h:1")
        assert (ended.code, ended.out) == (4, "")
        assert "newer" in ended.err
    assert (await franking(tmp_path, "db", "status")).code == 1


async def test_the_doctor_finds_nothing_stuck(tmp_path: Path) -> None:
    assert (await franking(tmp_path, "db", "migrate")).code == 0
    ended = await franking(tmp_path, "doctor")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.endswith("0 stuck.\n")


async def test_the_doctor_names_what_is_stuck_and_the_next_step(tmp_path: Path) -> None:
    sending = ("send", "--to", "a@example.com", *HELLO, "--no-wait", "--id", "one")
    assert (await franking(tmp_path, *sending)).code == 0
    with closing(sqlite3.connect(tmp_path / "franking.db")) as connection:
        connection.execute("UPDATE mail SET state = 'PROCESSING', lease_expires_at = 1, epoch = 1")
        connection.commit()
    ended = await franking(tmp_path, "doctor")
    assert ended.code == 1
    assert "its lease ran out and nobody swept it" in ended.out
    assert ended.err.startswith("1 stuck. No serve is running: start `franking serve`")


async def test_the_doctor_tells_of_the_inbox_and_finds_what_nobody_takes_in(
    tmp_path: Path,
) -> None:
    assert (await franking(tmp_path, "db", "migrate")).code == 0
    with closing(sqlite3.connect(tmp_path / "franking.db")) as connection, connection:
        connection.execute("INSERT INTO inbox (document) VALUES ('{}')")
    ended = await franking(tmp_path, "doctor")
    assert ended.code == 0
    assert "Inbox: 1 waiting, 0 put off, oldest 20" in ended.out
    with closing(sqlite3.connect(tmp_path / "franking.db")) as connection, connection:
        connection.execute("UPDATE inbox SET created_at = 1")
    ended = await franking(tmp_path, "doctor")
    assert ended.code == 1
    assert "waits in the inbox" in ended.out
    assert ended.err.startswith("1 stuck.")


async def test_a_command_waits_for_another_to_end(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "franking.db", "import")
    process = await started(tmp_path, "mail", "list")
    lock.release()
    out, err = await process.communicate()
    assert (process.returncode, out, err) == (0, b"No mail.\n", b"")


async def python(folder: Path, program: str) -> Ended:
    import asyncio

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program), cwd=folder, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), "")
