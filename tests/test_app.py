"""The whole service as a process: one on a database, stopped in peace, killed, started again."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from cli.processes import franking, mailbox, serving, started, until_line
from eventually import eventually
from franking.app import Stopped
from franking.app.lock import InUse, Lock, lock_file
from franking.app.service import running, until
from franking.cli.exits import told
from franking.config import Address, Secret, Settings
from franking.stores.base import StoreRefused

TO_ADA = ("--to", "ada@example.com", "--subject", "Hello", "--text", "Hi")


async def test_a_mail_goes_out_and_tells_the_servers_answer(tmp_path: Path) -> None:
    async with mailbox() as capture, serving(tmp_path, capture.port):
        ended = await franking(tmp_path, "send", *TO_ADA)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("SUCCESS ")
    assert "250 2.0.0 OK: kept" in ended.out
    assert [mail.recipients for mail in capture.mails] == [("ada@example.com",)]


async def test_a_second_serve_on_the_same_database_is_refused(tmp_path: Path) -> None:
    async with mailbox() as capture, serving(tmp_path, capture.port) as first:
        uri = f"smtp://127.0.0.1:{capture.port}"
        ended = await franking(tmp_path, "serve", http="127.0.0.1:0", smtp_connection_uri=uri)
        assert ended.code == 4
        assert ended.err == (
            f"franking.db is in use by franking serve (process {first.process.pid})"
            f" at {first.url}.\n"
        )
        assert (await franking(tmp_path, "send", *TO_ADA)).code == 0


async def test_a_taken_port_is_refused_by_the_settings_name(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = await franking(
            tmp_path, "serve", http=address, smtp_connection_uri="smtp://127.0.0.1:25"
        )
    assert ended.code == 3
    assert ended.err.startswith(f"FRANKING_HTTP is '{address}', which can't be served: Address")
    assert len(ended.err.splitlines()) == 1


async def test_a_setting_that_is_refused_leaves_no_database(tmp_path: Path) -> None:
    ended = await franking(tmp_path, "serve")
    assert (ended.code, ended.out) == (3, "")
    assert ended.err.startswith("FRANKING_SMTP_CONNECTION_URI is not set: serve needs a server")
    assert os.listdir(tmp_path) == []


async def test_sigterm_finishes_what_is_being_transmitted_and_leaves_no_lease(
    tmp_path: Path,
) -> None:
    async with (
        mailbox(slow_seconds=1.0) as capture,
        serving(tmp_path, capture.port, connections="2") as server,
    ):
        mail = '{"to": "slow@example.com", "message": {"subject": "s", "text": "t"}}\n'
        (tmp_path / "mails.jsonl").write_text(mail * 12)
        assert (await franking(tmp_path, "import", "mails.jsonl")).code == 0

        async def transmitting() -> bool:
            return "transmitting" in rows(tmp_path, "SELECT stage FROM mail")

        await eventually(transmitting)
        assert await server.stop() == 0
    states = Counter(rows(tmp_path, "SELECT state FROM mail"))
    assert states == {"SUCCESS": len(capture.mails), "PENDING": 12 - len(capture.mails)}
    assert 0 < len(capture.mails) < 12
    assert set(rows(tmp_path, "SELECT lease_expires_at FROM mail")) == {None}


async def test_a_document_has_no_more_bytes_than_the_setting_says(tmp_path: Path) -> None:
    async with (
        mailbox() as capture,
        serving(tmp_path, capture.port, max_document_bytes="2000") as server,
        aiohttp.ClientSession(server.url) as session,
    ):
        large = {"to": "ada@example.com", "message": {"subject": "s", "text": "x" * 2000}}
        for path, body in (("/v1/mail", large), ("/v1/mail/batch", [large])):
            async with session.post(path, json=body) as answer:
                assert answer.status == 413
                assert " 2000 " in (await answer.json())["detail"]


async def test_a_proxy_apart_reaches_the_timers_over_grpc(tmp_path: Path) -> None:
    apart = tmp_path / "apart"
    apart.mkdir()
    async with mailbox() as capture, serving(tmp_path, capture.port) as server:
        given = {"http": "127.0.0.1:0", "data_api": server.grpc}
        process = await started(apart, "serve", "--only", "proxy", **given)
        line = await until_line(process, "franking's proxy listens on ")
        async with aiohttp.ClientSession(line.split()[4].rstrip(",")) as session:
            timer = {
                "timeout": 1,
                "data": {"to": "ada@example.com", "message": {"subject": "s", "text": "t"}},
                "callback": {"transport": "mail", "method": "", "uri": ""},
            }
            async with session.post("/timer", json=timer) as answer:
                assert answer.status == 201
                location = answer.headers["location"]

            async def executed() -> bool:
                async with session.get(location) as answer:
                    return bool((await answer.json())["state"] == "executed")

            await eventually(executed)
            await server.stop()
            async with session.post(f"{location}/retry") as answer:
                assert answer.status == 503
                assert "out of reach" in (await answer.json())["error_message"]
        process.terminate()
        assert await process.wait() == 0
    assert len(capture.mails) == 1
    assert os.listdir(apart) == []


REFUSED_ROLES: tuple[tuple[str, str], ...] = (
    ("proxy", "FRANKING_DATA_API is not set, and a proxy that runs apart needs it"),
    ("cook", "--only is 'cook', which must be one or several of: api, proxy"),
    ("", "--only is '', which must be"),
)


@pytest.mark.parametrize(("only", "words"), REFUSED_ROLES)
async def test_a_role_that_is_none_is_refused(tmp_path: Path, only: str, words: str) -> None:
    ended = await franking(tmp_path, "serve", "--only", only)
    assert (ended.code, ended.out) == (3, "")
    assert ended.err.startswith(words)


async def test_the_database_serves_again_at_once_after_a_kill(tmp_path: Path) -> None:
    async with mailbox() as capture:
        async with serving(tmp_path, capture.port) as first:
            assert await first.stop(signal.SIGKILL) == -signal.SIGKILL
        async with serving(tmp_path, capture.port, http=first.url.removeprefix("http://")):
            assert (await franking(tmp_path, "send", *TO_ADA)).code == 0


async def test_a_stop_does_not_wait_for_those_who_listen_to_events(tmp_path: Path) -> None:
    async with (
        mailbox() as capture,
        serving(tmp_path, capture.port) as server,
        aiohttp.ClientSession() as session,
        session.get(f"{server.url}/v1/events") as events,
    ):
        assert events.status == 200
        async with asyncio.timeout(3):
            assert await server.stop() == 0


async def test_an_engine_that_ends_by_itself_ends_the_service(tmp_path: Path) -> None:
    settings = Settings(
        database_url=f"sqlite:///{tmp_path}/franking.db",
        http=Address("127.0.0.1", 0),
        grpc=Address("127.0.0.1", 0),
        smtp_connection_uri=Secret("smtp://127.0.0.1:1"),
    )
    async with running(settings, "serve") as service:
        [deliveries] = [task for task in asyncio.all_tasks() if task.get_name() == "deliveries"]
        deliveries.cancel()
        with pytest.raises(Stopped, match=r"^franking stopped: its engine ended by itself"):
            await until(asyncio.Event(), service)


def test_a_service_that_ends_by_itself_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught, told():
        raise Stopped("franking stopped: because.")
    assert caught.value.code == 1
    assert capsys.readouterr().err == "franking stopped: because.\n"


def test_a_lock_is_held_by_one_and_tells_who(tmp_path: Path) -> None:
    database = tmp_path / "franking.db"
    with Lock(database, "serve") as lock:
        lock.announce("http://127.0.0.1:8025")
        with pytest.raises(InUse) as caught:
            Lock(database, "import")
    assert str(caught.value) == (
        f"{database} is in use by franking serve (process {os.getpid()}) at http://127.0.0.1:8025."
    )
    assert lock_file(database).read_bytes() == b""
    Lock(database, "import").release()


def test_a_lock_file_that_says_nothing_is_no_trouble(tmp_path: Path) -> None:
    database = tmp_path / "franking.db"
    with Lock(database, "serve"):
        lock_file(database).write_bytes(b'{"pid": ')
        with pytest.raises(InUse, match="is in use by another process"):
            Lock(database, "import")


def test_a_lock_in_no_folder_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(StoreRefused, match=r"^The folder .*/none does not exist\.$"):
        Lock(tmp_path / "none" / "franking.db", "serve")


def rows(folder: Path, query: str) -> list[Any]:
    """The first column of what a query finds in the database, read beside whoever uses it."""
    with closing(sqlite3.connect(folder / "franking.db")) as connection:
        return [value for value, *_ in connection.execute(query)]
