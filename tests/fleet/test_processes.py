"""Real processes on one database: many mails, one of them killed, and none lost or doubled."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from cli.forked import Forked
from cli.processes import DEADLINE_SECONDS, franking, mailbox, serving, started, until_line
from eventually import eventually

COUNT = 1_000
FASTER = {"lease_seconds": "2", "retry_seconds": "1", "outlet": "none"}


async def test_a_thousand_mails_each_go_once_though_a_worker_is_killed(
    tmp_path: Path, database: str
) -> None:
    given = {"database_url": database, **FASTER}
    roles = {"only": "worker,timers,outbox"}
    async with (
        mailbox() as capture,
        serving(tmp_path, capture.port, only="api", **given) as door,
        serving(tmp_path, capture.port, **roles, **given) as doomed,
        serving(tmp_path, capture.port, **roles, **given),
        aiohttp.ClientSession(door.url) as session,
    ):
        handing_in = asyncio.create_task(handed_in(session))

        async def busy() -> bool:
            return len(capture.mails) > COUNT // 10

        await eventually(busy)
        assert await doomed.stop(signal.SIGKILL) == -signal.SIGKILL
        await handing_in

        async def ended() -> bool:
            states = await left(session)
            return not states

        await eventually(ended, 30)
        sent = Counter(mail.recipients for mail in capture.mails)
        async with session.get("/v1/mail?state=ERROR&limit=500") as answer:
            doubted = {item["to"] for item in (await answer.json())["items"]}
        # Where the killed one was at the dot nobody knows, and nothing is sent again by itself.
        assert set(sent.values()) == {1}
        assert {f"m{n}@example.com" for n in range(COUNT)} == {*(r for [r] in sent)} | doubted
        assert len(doubted) <= 40
    checked = await franking(tmp_path, "doctor", database_url=database)
    assert (checked.code, checked.out.splitlines()[-1]) == (0, "0 stuck.")


async def handed_in(session: aiohttp.ClientSession) -> None:
    """COUNT mails, in batches as an application hands them in."""
    for first in range(0, COUNT, 100):
        mails = [
            {"to": f"m{n}@example.com", "message": {"subject": "s", "text": "t"}}
            for n in range(first, first + 100)
        ]
        async with session.post("/v1/mail/batch", json=mails) as answer:
            assert answer.status < 300, await answer.text()


async def left(session: aiohttp.ClientSession) -> list[str]:
    """The states in which mails still are that have not ended."""
    found = []
    for state in ("PENDING", "PROCESSING", "RETRY"):
        async with session.get(f"/v1/mail?state={state}&limit=1") as answer:
            found += [state for _ in (await answer.json())["items"]]
    return found


# -- --workers


@asynccontextmanager
async def parent(folder: Path, database: str, count: int, **settings: str) -> AsyncIterator[Forked]:
    """A `serve --workers` that has them all up."""
    given = {"http": "127.0.0.1:0", "smtp_connection_uri": "smtp://127.0.0.1:1", **settings}
    process = await started(
        folder,
        *("serve", "--only", "worker", "--workers", str(count)),
        database_url=database,
        **given,
    )
    log = asyncio.create_task(process.stderr.read())
    try:
        for _ in range(count):
            await until_line(process, "franking listens on ")
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await log


async def test_workers_are_begun_again_when_they_die_and_stop_with_their_parent(
    tmp_path: Path, database: str
) -> None:
    async with parent(tmp_path, database, 2) as process:
        first, second = children(process.pid)
        os.kill(first, signal.SIGKILL)
        await until_line(process, "franking listens on ")
        now = children(process.pid)
        assert (len(now), second in now, first in now) == (2, True, False)
        process.terminate()
        async with asyncio.timeout(DEADLINE_SECONDS):
            assert await process.wait() == 0
        await gone(now)


async def test_workers_stop_in_peace_when_the_parent_is_killed(
    tmp_path: Path, database: str
) -> None:
    async with parent(tmp_path, database, 2) as process:
        workers = children(process.pid)
        process.kill()
        await process.wait()
        await gone(workers)
    ended = await franking(tmp_path, "db", "status", database_url=database)
    assert "In use by" not in ended.out


async def test_a_second_signal_kills(tmp_path: Path, database: str) -> None:
    async with parent(tmp_path, database, 1) as process:
        [worker] = children(process.pid)
        os.kill(worker, signal.SIGSTOP)
        process.terminate()
        process.terminate()

        async def over() -> bool:
            process.terminate()
            return process.returncode is not None

        await eventually(over)
        await gone([worker])


async def test_workers_that_were_refused_end_the_parent_with_their_code(
    tmp_path: Path, database: str
) -> None:
    ended = await franking(
        tmp_path, "serve", "--workers", "2", database_url=database, http="127.0.0.1:0"
    )
    assert ended.code == 3
    assert "FRANKING_SMTP_CONNECTION_URI is not set" in ended.err


REFUSED = (
    ({"database_url": "sqlite:///franking.db"}, "--workers is 2, and a SQLite file is used by one"),
    ({"http": "127.0.0.1:65535"}, "FRANKING_HTTP is '127.0.0.1:65535', from where 2 workers count"),
)


async def test_workers_are_refused_in_words(tmp_path: Path) -> None:
    for given, words in REFUSED:
        url, http = given.get("database_url", "postgresql://h/d"), given.get("http", "127.0.0.1:0")
        command = ("serve", "--workers", "2")
        ended = await franking(tmp_path, *command, database_url=url, http=http)
        assert (ended.code, ended.out) == (3, "")
        assert ended.err.startswith(words)


def children(pid: int) -> list[int]:
    """The processes that one has begun, oldest first."""
    return sorted(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


async def gone(pids: list[int]) -> None:
    async def all_gone() -> bool:
        return not any(running(pid) for pid in pids)

    await eventually(all_gone)


def running(pid: int) -> bool:
    """Is it there, and no mere remains of one?"""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
