"""The engine keeps apart: who meets a limit, who waits, what dies, and what is remembered."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from eventually import eventually, until
from franking.compose.envelope import Unsendable
from franking.compose.templates import NotStarted, Rendered, Renderer
from franking.compose.templates import engine as engines
from franking.compose.templates import job as jobs
from franking.compose.templates import process as processes
from franking.compose.templates import renderer as renderers
from franking.compose.templates.limits import LIMITS, LOST, NOT_STARTED, TEXTS, TOO_MANY
from franking.core.template import Book, Template, book

NESTED = "{{#each a}}{{#each ../a}}{{#each ../a}}x{{/each}}{{/each}}{{/each}}"
ROWS = {"a": list(range(1_000)), "name": "Ada"}
LATE = Unsendable(TEXTS["render"])
PROC = Path("/proc/self/environ")
needs_proc = pytest.mark.skipif(not PROC.exists(), reason="there is no /proc here")

SHELF = book(
    1,
    [
        Template("hello", text="Hi {{name}}{{> end}}"),
        Template("end", partial=True, text="!"),
        Template("bomb", text=NESTED),
    ],
)
HELLO = Rendered(text="Hi Ada!")


@pytest_asyncio.fixture
async def it() -> AsyncIterator[Renderer]:
    renderer = Renderer()
    yield renderer
    await renderer.close()


async def hello(it: Renderer, shelf: Book = SHELF) -> Rendered | Unsendable:
    return await it.render(shelf, "hello", {"name": "Ada"})


async def main_pid(it: Renderer) -> int:
    """Of the child that serves all; it is there and idle."""
    assert await hello(it) == HELLO
    return it.pids[0] or 0


def asking(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What children ask for, from now on, by the sources' texts."""
    asked: list[list[str]] = []
    lacks = jobs.Job.lacks

    def seen(job: jobs.Job, digests: list[str]) -> bool:
        sources = [job.catalog.source(job.plan, digest) for digest in digests]
        asked.append([source.source for source in sources if source])
        return lacks(job, digests)

    monkeypatch.setattr(jobs.Job, "lacks", seen)
    return asked


def stopping(monkeypatch: pytest.MonkeyPatch, children: int) -> list[int]:
    """So many children are stopped as they start; their pids."""
    pids: list[int] = []
    start = processes.start

    async def stopped(*given: Any) -> processes.Child:
        child = await start(*given)
        if len(pids) < children:
            pids.append(child.pid)
            os.kill(child.pid, signal.SIGSTOP)
        return child

    monkeypatch.setattr(engines, "start", stopped)
    return pids


def outstanding(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How much each request found before the child, itself too."""
    found, now = [], 0
    send, read = processes.Child.send, processes.Child.read

    def sending(child: processes.Child, frames: list[bytes]) -> None:
        nonlocal now
        for _ in frames:
            now += 1
            found.append(now)
        send(child, frames)

    async def reading(child: processes.Child, seconds: float | None = None) -> bytes:
        nonlocal now
        answer = await read(child, seconds)
        now -= 1
        return answer

    monkeypatch.setattr(processes.Child, "send", sending)
    monkeypatch.setattr(processes.Child, "read", reading)
    return found


def gone(pid: int) -> Callable[[], bool]:
    """Has the process ended, a zombie or not?"""

    def look() -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            return True

    return look


async def test_the_event_loop_turns_while_a_bomb_burns(it: Renderer) -> None:
    await main_pid(it)
    burning = asyncio.create_task(it.render(SHELF, "bomb", ROWS))
    turns = 0
    while not burning.done():
        await asyncio.sleep(0)
        turns += 1
    assert await burning == LATE
    assert turns > 1_000


async def test_the_neighbours_lose_one_bomb_however_often_it_is_used(it: Renderer) -> None:
    pid = await main_pid(it)
    assert await it.render(SHELF, "bomb", {}) == Rendered(text=""), "so it is compiled"
    bombs = [asyncio.create_task(it.render(SHELF, "bomb", ROWS)) for _ in range(8)]
    neighbours = [asyncio.create_task(hello(it)) for _ in range(40)]
    assert await asyncio.gather(*neighbours) == [HELLO] * 40
    assert sum(bomb.done() for bomb in bombs) < 5
    after = it.pids[0]
    assert after != pid
    assert await asyncio.gather(*bombs) == [LATE] * 8
    assert it.pids[0] == after
    assert await hello(it) == HELLO


async def test_a_suspect_is_trusted_again_after_it_rendered_well(
    it: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renderers, "PROBATION", 2)
    assert await it.render(SHELF, "bomb", ROWS) == LATE
    for _ in range(2):
        assert it.pids[0] is None
        assert await it.render(SHELF, "bomb", {}) == Rendered(text="")
    assert await it.render(SHELF, "bomb", {}) == Rendered(text="")
    assert it.pids[0] is not None


async def test_a_suspect_that_is_mended_is_another_template(it: Renderer) -> None:
    assert await it.render(SHELF, "bomb", ROWS) == LATE
    mended = book(2, [Template("bomb", text="mended")])
    assert await it.render(mended, "bomb", ROWS) == Rendered(text="mended")
    assert it.pids[1] is None


async def test_suspects_are_forgotten_beyond_a_number(
    it: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renderers, "MOST_SUSPECTS", 1)
    other = book(2, [Template("other", text=NESTED)])
    for shelf, name in ((SHELF, "bomb"), (other, "other")):
        assert await it.render(shelf, name, ROWS) == LATE
    assert await it.render(SHELF, "bomb", {}) == Rendered(text="")
    assert it.pids[1] is None


async def test_what_waited_for_a_child_that_is_killed_is_rendered_by_the_next(
    it: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = stopping(monkeypatch, 1)
    waiting = [asyncio.create_task(hello(it)) for _ in range(100)]
    await eventually(lambda: asyncio.sleep(0, bool(pids)))
    os.kill(pids[0], signal.SIGKILL)
    assert await asyncio.gather(*waiting) == [HELLO] * 100


async def test_a_child_that_is_killed_while_idle_costs_nobody_anything(it: Renderer) -> None:
    pid = await main_pid(it)
    os.kill(pid, signal.SIGKILL)
    assert await hello(it) == HELLO
    assert it.pids[0] != pid


async def test_a_render_that_ends_its_child_twice_is_not_tried_again(
    it: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = stopping(monkeypatch, 2)
    first, second = (asyncio.create_task(hello(it)) for _ in range(2))
    for number in (1, 2):
        await eventually(lambda number=number: asyncio.sleep(0, len(pids) == number))  # type: ignore[misc]
        os.kill(pids[-1], signal.SIGKILL)
    assert await first == Unsendable(LOST)
    assert await second == HELLO


async def test_a_child_that_hangs_is_ended(it: Renderer, monkeypatch: pytest.MonkeyPatch) -> None:
    pids = stopping(monkeypatch, 1)
    monkeypatch.setattr(processes, "HANG_SECONDS", 0.5)
    waiting = asyncio.create_task(hello(it))
    await eventually(lambda: asyncio.sleep(0, bool(pids)))
    until_gone = asyncio.to_thread(until, gone(pids[0]))
    await until_gone
    monkeypatch.setattr(processes, "HANG_SECONDS", 30.0)
    assert await waiting == HELLO


async def test_what_quickjs_does_not_interrupt_the_kernel_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processes, "HANG_SECONDS", 5.0)
    started: list[processes.Child] = []
    start = processes.start

    async def starting(*given: Any) -> processes.Child:
        started.append(await start(*given))
        return started[-1]

    monkeypatch.setattr(engines, "start", starting)
    it = Renderer(msgspec.structs.replace(LIMITS, render_ms=3_600_000, fence_ms=100))
    assert await it.render(SHELF, "bomb", ROWS) == LATE
    assert await hello(it) == HELLO
    assert len(started) == 2, "it is not tried again"
    await it.close()


async def test_where_no_child_starts_it_is_said_and_worth_another_try(
    it: Renderer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    refused = Unsendable(NOT_STARTED, temporary=True)
    with monkeypatch.context() as patch:
        patch.setattr(processes, "HANDLEBARS", tmp_path / "none.js")
        assert [await hello(it), await hello(it)] == [refused] * 2
    (tmp_path / "broken.js").write_text("throw 1")
    with monkeypatch.context() as patch:
        patch.setattr(processes, "HANDLEBARS", tmp_path / "broken.js")
        assert await hello(it) == refused
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", str(tmp_path / "no-python"))
        assert await hello(it) == refused
    assert await hello(it) == HELLO


async def test_an_installation_without_handlebars_is_told_at_start(
    it: Renderer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    await it.start()
    assert it.pids == (None, None), "nobody asked yet"
    monkeypatch.setattr(processes, "HANDLEBARS", tmp_path / "handlebars.min.js")
    with pytest.raises(NotStarted, match=r"^handlebars\.min\.js is missing: "):
        await it.start()


async def test_who_waits_when_it_closes_is_told(it: Renderer) -> None:
    waiting = asyncio.create_task(hello(it))
    await asyncio.sleep(0)
    await it.close()
    assert await waiting == Unsendable(NOT_STARTED, temporary=True)


async def test_what_waits_is_bounded(it: Renderer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renderers, "MOST_WAITING", 3)
    found = await asyncio.gather(*(hello(it) for _ in range(4)))
    assert found == [HELLO] * 3 + [Unsendable(TOO_MANY, temporary=True)]
    assert await hello(it) == HELLO


async def test_who_gives_up_disturbs_nobody_and_is_not_rendered(
    it: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await main_pid(it)
    before = outstanding(monkeypatch)
    tasks = [asyncio.create_task(hello(it)) for _ in range(50)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    assert await asyncio.gather(*tasks[1::2]) == [HELLO] * 25
    assert len(before) == 25


async def test_a_child_has_a_window_before_it_that_is_filled_at_once(
    it: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await main_pid(it)
    before = outstanding(monkeypatch)
    assert await asyncio.gather(*(hello(it) for _ in range(200))) == [HELLO] * 200
    assert max(before) == before[engines.WINDOW - 1] == engines.WINDOW
    before.clear()
    monkeypatch.setattr(engines, "WINDOW_BYTES", 1)
    assert await asyncio.gather(*(hello(it) for _ in range(20))) == [HELLO] * 20
    assert max(before) == 1, "a request that is larger than all of it goes alone"


async def test_data_that_is_no_json_is_the_error_of_who_gave_it(it: Renderer) -> None:
    found = await it.render(SHELF, "hello", {"name": object()})
    assert isinstance(found, Unsendable)
    assert found.error.startswith("Error: The template's data is not JSON: ")
    large = await it.render(SHELF, "hello", {"name": 10**30})
    assert large == Rendered(text="Hi 1e+30!")
    assert await hello(it) == HELLO


async def test_a_child_that_answers_nonsense_is_taken_for_lost(
    it: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, told = processes.Child.read, [b"{}", b"no JSON"]

    async def nonsense(child: processes.Child, seconds: float | None = None) -> bytes:
        answer = await read(child, seconds)
        return told.pop(0) if told else answer

    monkeypatch.setattr(processes.Child, "read", nonsense)
    assert await hello(it) == HELLO


async def test_many_at_once_get_each_their_own(it: Renderer) -> None:
    asked = [it.render(SHELF, "hello", {"name": f"<{i}>" * (i % 50)}) for i in range(2_000)]
    found = await asyncio.gather(*asked)
    assert found == [Rendered(text=f"Hi {f'<{i}>' * (i % 50)}!") for i in range(2_000)]


async def test_a_child_that_nobody_asks_is_ended(
    it: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "IDLE_SECONDS", 0.05)
    pid = await main_pid(it)
    await eventually(lambda: asyncio.sleep(0, it.pids[0] is None))
    until(gone(pid))
    assert await hello(it) == HELLO


async def test_closing_ends_the_child(it: Renderer) -> None:
    pid = await main_pid(it)
    await it.close()
    until(gone(pid))
    assert await hello(it) == HELLO, "and it may be asked again"


async def test_a_signal_that_is_meant_for_the_service_leaves_the_child(it: Renderer) -> None:
    pid = await main_pid(it)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(pid, number)
    assert await main_pid(it) == pid


SERVICE = """
import asyncio
from franking.compose.templates import Renderer
from franking.core.template import Template, book
async def main():
    it = Renderer()
    await it.render(book(1, [Template("t", text="{{a}}")]), "t", {})
    print(it.pids[0], flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


@needs_proc
def test_the_child_of_a_service_that_is_killed_ends() -> None:
    command = [sys.executable, "-c", SERVICE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout is not None
        pid = int(service.stdout.readline())
        assert not gone(pid)()
        service.kill()
    until(gone(pid))


@needs_proc
async def test_the_child_has_nothing_of_ours_and_gets_nothing(
    it: Renderer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FRANKING_SMTP_PASSWORD", "secret")
    with (tmp_path / "open").open("w"):
        held = Path(f"/proc/{await main_pid(it)}")
    assert (held / "environ").read_bytes() == b""
    assert {path.name for path in (held / "fd").iterdir()} == {"0", "1", "2"}
    assert (held / "cwd").readlink() == Path("/")
    limits = (held / "limits").read_text()
    for line in ("Max open files            0", "Max file size             0"):
        assert line in limits
    assert f"Max address space         {LIMITS.process_bytes} " in limits


async def test_what_a_new_book_did_not_change_stays_compiled(
    it: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asking(monkeypatch)
    parts = Template("two", subject="s", text="t", html="h{{> p}}")
    partials = [Template("p", partial=True, html="p"), Template("q", partial=True, html="q")]
    await it.render(book(1, [parts, *partials]), "two", {})
    assert asked == [["s", "h{{> p}}", "t"], ["p"]], "and never what nobody uses"
    asked.clear()
    newer = [msgspec.structs.replace(parts, text="T"), partials[0]]
    assert await it.render(book(2, newer), "two", {}) == Rendered("s", "T", "hp")
    assert asked == [["T"]]


async def test_what_is_compiled_is_bounded_the_least_used_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = asking(monkeypatch)
    it = Renderer(msgspec.structs.replace(LIMITS, cache_bytes=4 * 2_000 + 100))
    shelf = book(1, [Template(name, text=name * 1_000) for name in "abc"])
    for name in "abacab":
        assert await it.render(shelf, name) == Rendered(text=name * 1_000)
    assert [source[0] for [source] in asked] == list("abcb")
    await it.close()


async def test_a_template_larger_than_the_cache_is_kept_until_another_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = asking(monkeypatch)
    it = Renderer(msgspec.structs.replace(LIMITS, cache_bytes=0))
    parts = Template("t", subject="s", text="t", html="h{{> p}}{{> p}}")
    shelf = book(1, [parts, Template("p", partial=True, html="p"), Template("u", text="u")])
    for _ in range(3):
        assert await it.render(shelf, "t", {}) == Rendered("s", "t", "hpp")
    assert asked == [["s", parts.html, "t"], ["p"]]
    assert await it.render(shelf, "u", {}) == Rendered(text="u")
    assert await it.render(shelf, "t", {}) == Rendered("s", "t", "hpp")
    assert len(asked) == 5
    await it.close()
