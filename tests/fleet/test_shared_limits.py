"""Three workers share what an account may send: no limit is exceeded, a pause holds for all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from eventually import eventually
from kill.session import Point

from .proxy import Proxy
from .trio import QUOTA, WORKERS, Trio, now, trio

PER_MINUTE = 120
BURST, RATE = 12, 108 / 60
# What is counted may be over by so much.
ONE = 1
# A resumed account begins with one mail, and goes on at most at this rate.
RESUMED_BURST, RESUMED_RATE = 1, 54 / 60


async def test_no_limit_is_exceeded(tmp_path: Path, database: str) -> None:
    async with trio(tmp_path, database) as it:
        await it.account("minute", perMinute=PER_MINUTE)
        await it.account("day", perDay=20)
        await it.account("recipients", recipientsPerDay=20)
        began = now()
        await it.hand_in(60, "minute", account="minute")
        await it.hand_in(60, "day", account="day")
        await it.hand_in(60, "three", "three", "three", account="recipients")
        await it.taken("day", 20)
        await it.taken("three", 6)
        await it.taken("minute", BURST + 5)
        within(it, "minute", began, BURST, RATE)
        assert it.sink.count("day") <= 20 + ONE
        assert it.sink.count("three") * 3 <= 20 + ONE


@pytest.mark.parametrize("resumed", [False, True], ids=["limited", "resumed"])
async def test_while_one_counts_what_it_takes_the_others_take_nothing(
    tmp_path: Path, database: str, resumed: bool
) -> None:
    # An account that nobody has set, as many may claim of at once, but not once it was resumed.
    name = "default" if resumed else "minute"
    async with trio(tmp_path, database) as it:
        if not resumed:
            await it.account(name, perMinute=PER_MINUTE)
        await it.account("free")
        burst, rate = (RESUMED_BURST, RESUMED_RATE) if resumed else (BURST, RATE)
        began = now()
        if resumed:
            await it.call("POST", f"{name}/resume")
        await it.hand_in(60, "minute", account=name)
        await it.taken("minute", burst)
        counting, *others = it.proxies
        await asleep(others)
        counting.stall_at("lease_mails")
        await counting.stalled.wait()
        # What another took before it fell asleep is its own.
        before = it.sink.count("minute") + under_way(it)
        await it.hand_in(40, "free", account="free")
        awake(others)
        await it.taken("free", 40)
        assert it.sink.count("minute") <= before
        awake([counting])
        await it.taken("minute", before + 1)
        within(it, "minute", began, burst, rate)


async def test_a_limit_that_the_server_tells_one_of_them_pauses_all(
    tmp_path: Path, database: str
) -> None:
    async with trio(tmp_path, database) as it:
        await it.account("rep")
        await it.account("free")
        await it.hand_in(1, QUOTA, account="rep")
        await state(it, "paused")
        await it.hand_in(40, "rep", account="rep")
        await it.hand_in(40, "free", account="free")
        await it.taken("free", 40)
        assert [address for address in it.sink.begun if address.startswith("rep")] == []
        began = now()
        await it.call("POST", "rep/resume")
        await it.taken("rep", 3)
        within(it, "rep", began, RESUMED_BURST, RESUMED_RATE)


async def test_after_a_pause_by_command_nothing_begins_but_what_was_being_transmitted(
    tmp_path: Path, database: str
) -> None:
    async with trio(tmp_path, database) as it:
        await it.account("rep")
        it.sink.delay_seconds = 1.5
        await it.hand_in(1, "rep", account="rep")
        await eventually(lambda: reached(it, Point.DOT, 1))
        it.sink.withholding = True
        await it.hand_in(45, "rep", account="rep")
        await eventually(lambda: claimed(it, 46))
        # None but the third's can be the last of these.
        await eventually(lambda: reached(it, Point.DATA, 8))
        await it.command("account", "pause", "rep", "--reason", "Holidays")
        began = len(it.sink.begun)
        it.sink.withheld()()
        await eventually(lambda: claimed(it, 0))
        assert (it.sink.count("rep"), it.sink.seen[Point.DOT]) == (1, 1)
        assert len(it.sink.begun) == began
        ended = "SELECT state, sum(attempts)::int, count(*) FROM mail GROUP BY 1 ORDER BY 1"
        assert it.asked(ended) == [("PENDING", 0, 45), ("SUCCESS", 1, 1)]


async def test_a_resume_wakes_all(tmp_path: Path, database: str) -> None:
    async with trio(tmp_path, database) as it:
        await it.account("rep")
        await it.call("POST", "rep/pause")
        await it.hand_in(10, "rep", account="rep")
        for one in it.proxies:
            others = [proxy for proxy in it.proxies if proxy is not one]
            await asleep(others)
            await it.call("POST", "rep/resume")
            await it.taken("rep", it.sink.count("rep") + 1)
            await it.call("POST", "rep/pause")
            awake(others)
            await eventually(lambda: claimed(it, 0))
        told = it.asked("SELECT DISTINCT worker FROM attempt WHERE outcome = 'sent'")
        assert len(told) == WORKERS


async def asleep(proxies: Sequence[Proxy]) -> None:
    """Workers do nothing more, and hold nothing."""
    for proxy in proxies:
        proxy.stall_at("")
        await proxy.stalled.wait()


def awake(proxies: Sequence[Proxy]) -> None:
    """They go on."""
    for proxy in proxies:
        proxy.go_on()


def within(it: Trio, kind: str, began: float, burst: int, rate: float) -> None:
    """No more were taken by any moment than a full bucket and what has run into it since."""
    for count, at in enumerate(it.sink.seconds[kind], 1):
        assert count <= burst + rate * (at - began) + ONE, it.sink.seconds[kind]


async def state(it: Trio, wanted: str) -> None:
    """Wait until the account stands so."""

    async def look() -> bool:
        return bool((await it.call("GET", "rep"))["state"] == wanted)

    await eventually(look)


async def reached(it: Trio, point: Point, count: int) -> bool:
    return it.sink.seen[point] >= count


async def claimed(it: Trio, count: int) -> bool:
    return under_way(it) == count


def under_way(it: Trio) -> int:
    """How many mails the workers have claimed."""
    [[found]] = it.asked("SELECT count(*) FROM mail WHERE state = 'PROCESSING'")
    return int(found)
