"""Runs a module of the bench in a process of its own, and hears its answer as a line of JSON."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from franking.app import logs

ROOT = Path(__file__).parents[2]
RUN_SECONDS = 1800


class Broken(Exception):
    """A process of the bench ended without an answer; its own words are above."""


def call(module: str, **given: Any) -> dict[str, Any]:
    """Run `bench.cases.<module>` to its end; what it answered."""
    ended = subprocess.run(
        _command(module, given), cwd=ROOT, stdout=subprocess.PIPE, check=False, timeout=RUN_SECONDS
    )
    if ended.returncode:
        raise Broken(f"bench.cases.{module} ended with exit code {ended.returncode}.")
    answer: dict[str, Any] = msgspec.json.decode(ended.stdout.splitlines()[-1])
    return answer


@contextmanager
def serving(module: str, **given: Any) -> Iterator[int]:
    """Run `bench.cases.<module>` while in the block; the port that it serves."""
    with process(_command(module, given)) as port:
        yield port


@contextmanager
def process(command: Sequence[str]) -> Iterator[int]:
    """Run a program while in the block; it tells its port as `answer`s do. Raises `Broken`."""
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise Broken(f"{' '.join(command[:3])} did not start.")
        yield int(msgspec.json.decode(line)["port"])
    finally:
        process.terminate()
        process.communicate()


def answer(work: Callable[..., Coroutine[Any, Any, dict[str, Any]]]) -> None:
    """In that process: do the work that was asked for on uvloop, and answer."""
    # As `serve` does: what is told of each mail would cost more than the mail.
    logs.configure("json", "warning")
    given = msgspec.json.decode(sys.argv[1])
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        tell(runner.run(work(**given)))


def tell(value: dict[str, Any]) -> None:
    """Answer now."""
    print(msgspec.json.encode(value).decode(), flush=True)


def peak_bytes() -> int:
    """The most memory that this process ever held."""
    return memory_bytes("VmHWM")


def memory_bytes(name: str, pid: int | None = None) -> int:
    """VmHWM or VmRSS of a process (proc(5), status), or of this one."""
    lines = Path(f"/proc/{pid or 'self'}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def _command(module: str, given: dict[str, Any]) -> list[str]:
    return [sys.executable, "-m", f"bench.cases.{module}", msgspec.json.encode(given).decode()]
