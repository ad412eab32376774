"""Composing in a process beside: the same mails as here, and none lost with that process."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from eventually import eventually
from franking.clock import HandClock
from franking.compose.job import Job, Made, make
from franking.core.message import Setup
from franking.engine import beside
from franking.engine.beside import AGAIN_MS, MANY, MOST, Beside
from installation import Installation

NOW = 1_795_269_900_000
DOCUMENTS: tuple[dict[str, Any], ...] = (
    {"to": "ada@example.com", "message": {"subject": "Hi", "text": "Hello", "html": "<b>H</b>"}},
    {"to": ["ä@exämple.com"], "message": {"subject": "Grüße 🙂", "text": "é\u2028" * 90}},
    {"to": "a@example.com", "message": {"subject": "s", "text": "t", "attachments": [{"raw": ""}]}},
    # Neither of these becomes a mail.
    {"to": "a@example.com", "message": {"subject": 7}},
    {"to": "no address", "message": {"subject": "s", "text": "t"}},
    # These have to be filled in first.
    {"toUids": ["u1"], "message": {"subject": "s", "text": "t"}},
    {"to": "a@example.com", "template": {"name": "welcome"}},
)


def job(document: dict[str, Any], number: int = 0) -> Job:
    setup = Setup(users=True, templates=True)
    raw = msgspec.json.encode(document)
    return Job(raw, f"token{number}", "Me <me@example.com>", "", NOW, "mime", setup)


def jobs(count: int) -> list[Job]:
    return [job(DOCUMENTS[number % len(DOCUMENTS)], number) for number in range(count)]


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def here(clock: HandClock) -> AsyncIterator[Beside]:
    """It has started."""
    found = Beside(clock)
    await asked(found, jobs(MANY))
    await eventually(lambda: _pid(found))
    yield found
    await found.stop()


async def asked(it: Beside, wanted: list[Job]) -> list[Made]:
    return list(await asyncio.gather(*map(it.made, wanted)))


def alive(pid: int | None) -> bool:
    """Is there such a process?"""
    return Path(f"/proc/{pid}").exists()


async def _pid(it: Beside) -> int | None:
    return it.pid


async def test_it_is_lost_and_no_mail_with_it(here: Beside, clock: HandClock) -> None:
    assert here.pid is not None
    os.kill(here.pid, signal.SIGSTOP)
    waiting = asyncio.gather(*map(here.made, jobs(5 * MOST)))
    await asyncio.sleep(0)
    os.kill(here.pid, signal.SIGKILL)
    assert await waiting == [make(one) for one in jobs(5 * MOST)]
    assert here.pid is None
    await asked(here, jobs(MANY))
    assert not here.starting
    clock.advance(AGAIN_MS)
    await asked(here, jobs(MANY))
    assert await eventually(lambda: _pid(here))


async def test_it_hangs_and_is_given_up(clock: HandClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "HANG_SECONDS", 0.3)
    it = Beside(clock)
    await asked(it, jobs(MANY))
    pid = await eventually(lambda: _pid(it))
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    assert await asked(it, jobs(MANY)) == [make(one) for one in jobs(MANY)]
    assert it.pid is None
    await it.stop()
    assert not alive(pid)


@pytest.mark.parametrize("command", [("/nowhere",), (sys.executable, "-c", "")])
async def test_where_none_can_be_started_mails_are_composed_here(
    clock: HandClock, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setattr(beside, "_COMMAND", command)
    it = Beside(clock)
    for _ in range(3):
        assert await asked(it, jobs(MANY)) == [make(one) for one in jobs(MANY)]
    await it.stop()
    assert it.pid is None


async def test_what_comes_of_it_is_what_comes_of_it_here(here: Beside) -> None:
    for count in (MANY, MOST, MOST + 1, 5 * MOST + 3):
        assert await asked(here, jobs(count)) == [make(one) for one in jobs(count)]
    assert here.pid is not None
    made = [make(one) for one in jobs(len(DOCUMENTS))]
    assert [one.envelope is not None for one in made[:3]] == [True] * 3
    assert [one.unsendable is not None for one in made[3:5]] == [True] * 2
    assert made[5:] == [Made(), Made()]


async def test_who_asks_meanwhile_gets_their_own(here: Beside) -> None:
    async def turn(first: int) -> None:
        mine = [job(DOCUMENTS[0], first + number) for number in range(MANY)]
        for _ in range(first % 5):
            await asyncio.sleep(0)
        found = await asked(here, mine)
        assert found == [make(one) for one in mine]

    await asyncio.gather(*(turn(100 * number) for number in range(20)))


async def test_a_few_mails_are_composed_where_they_are(clock: HandClock) -> None:
    it = Beside(clock)
    assert await asked(it, jobs(MANY - 1)) == [make(one) for one in jobs(MANY - 1)]
    assert not it.starting
    await it.stop()


async def test_a_few_mails_do_not_wait_for_the_many(here: Beside) -> None:
    assert here.pid is not None
    os.kill(here.pid, signal.SIGSTOP)
    async with asyncio.timeout(5):
        assert await asked(here, jobs(1)) == [make(one) for one in jobs(1)]


async def test_without_work_it_ends(clock: HandClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "IDLE_SECONDS", 0.05)
    it = Beside(clock)
    await asked(it, jobs(MANY))
    pid = await eventually(lambda: _pid(it))
    await eventually(lambda: _gone(it))
    await it.stop()
    assert not alive(pid)


async def _gone(it: Beside) -> bool:
    return it.pid is None


async def test_a_stop_ends_it_even_while_it_starts(clock: HandClock) -> None:
    it = Beside(clock)
    await asked(it, jobs(MANY))
    assert it.starting
    await it.stop()
    assert (it.starting, it.pid) == (False, None)
    assert await asked(it, jobs(MANY)) == [make(one) for one in jobs(MANY)]
    assert not it.starting


def test_it_ends_with_who_asked_it_whatever_ended_them() -> None:
    program = [sys.executable, "-P", "-m", "franking.compose.composer"]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.read(4) == bytes(4)
        process.send_signal(signal.SIGTERM)
        process.stdin.write(b"\x00\x00")
        process.stdin.close()
        assert process.wait(20) == 0


async def test_many_mails_go_by_it(tmp_path: Path) -> None:
    async with Installation(tmp_path, beside=True) as it:
        mails = [{"to": f"a{n}@example.com", **MESSAGE} for n in range(3 * MOST)]
        for _ in range(2):
            answers = (await it.http.post("/v1/mail/batch", json=mails)).json()
            ids = [answer["id"] for answer in answers]
            ended = [await it.ended(id) for id in ids]
            assert {mail["delivery"]["state"] for mail in ended} == {"SUCCESS"}
            assert it.engine.beside is not None
            await eventually(lambda: _pid(it.engine.beside))  # type: ignore[arg-type]
    assert len(it.box.taken) == 6 * MOST


MESSAGE = {"message": {"subject": "s", "text": "t"}}
