"""The demo: mails that end in each way, and commands that reach it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from .forked import Forked
from .processes import franking, started, until_line

ENDINGS = (
    "SUCCESS    ada@example.com ",
    "SUCCESS    ada@example.com, unknown@example.com ",
    "ERROR      unknown@example.com ",
    "ERROR      full@example.com ",
    "ERROR      spam@example.com ",
    "RETRY      limit@example.com ",
    "RETRY      greylist@example.com ",
    "ERROR      drop@example.com ",
    "SUCCESS    slow@example.com ",
    "SUCCESS    greylist@example.com ",
)


async def test_the_demo_shows_every_ending_and_stops_in_peace(tmp_path: Path) -> None:
    process = await started(tmp_path, "demo", http="127.0.0.1:0")
    try:
        url = (await until_line(process, "franking demo: ")).split()[2]
        sending = ("send", "--to", "bob@example.com", "--text", "Hi")
        for where in ((), ("--url", url)):
            ended = await franking(tmp_path, *sending, *where)
            assert (ended.code, ended.err) == (0, "")
        await until_all(process, ENDINGS)
        ended = await franking(tmp_path, "doctor")
        assert (ended.code, ended.out.splitlines()[-1]) == (0, "0 stuck.")
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(30):
            _, err = await process.communicate()
        assert (process.returncode, err) == (0, b"")
    finally:
        if process.returncode is None:
            process.kill()
    assert os.listdir(tmp_path) == ["franking.db-lock"]


async def until_all(process: Forked, beginnings: tuple[str, ...]) -> None:
    """Read what the process prints until a line has begun in each of these ways."""
    missing = set(beginnings)
    async with asyncio.timeout(40):
        while missing:
            line = (await process.stdout.readline()).decode()
            assert line, f"it ended before {missing}"
            missing -= {beginning for beginning in missing if line.startswith(beginning)}


async def test_a_demo_where_something_else_listens_is_refused_in_words(tmp_path: Path) -> None:
    process = await started(tmp_path, "demo", http="127.0.0.1:0")
    try:
        url = (await until_line(process, "franking demo: ")).split()[2]
        ended = await franking(tmp_path, "demo", http=url.removeprefix("http://"))
        assert ended.code == 3
        assert "which can't be served: Address already in use." in ended.err
    finally:
        process.kill()
        await process.communicate()


async def test_a_demo_does_not_stand_in_for_a_database_that_is_there(tmp_path: Path) -> None:
    assert (await franking(tmp_path, "db", "migrate")).code == 0
    process = await started(tmp_path, "demo", http="127.0.0.1:0")
    try:
        url = (await until_line(process, "franking demo: ")).split()[2]
        assert (await until_line(process, "  ")).strip().startswith("curl")
        assert f" send --url {url} --to ada@" in await until_line(process, f"  {sys.executable}")
        stored = await franking(tmp_path, "send", "--to", "a@example.com", "--text", "Hi")
        assert stored.code == 5
    finally:
        process.kill()
        await process.communicate()
