"""Idle: what `franking serve` takes of a core while nothing happens, and how fast `--help` is."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from bench.cases.figures import Figure, Goal
from bench.cases.run import Run
from bench.cases.serving import serving

SECONDS, SECONDS_SMALL = 20, 1
SETTLE_SECONDS = 1
HELPS, HELPS_SMALL = 5, 1


def figures(run: Run) -> list[Figure]:
    """In % of one core, and in seconds."""
    seconds = SECONDS_SMALL if run.small else SECONDS
    with run.folder() as folder:
        percent = _idle(folder, seconds)
    helped = median(_help() for _ in range(HELPS_SMALL if run.small else HELPS))
    return [
        Figure(
            f"idle `serve`, over {seconds} s", percent, "% CPU", goal=Goal(1, 0.3, at_most=True)
        ),
        Figure("`franking --help`", helped, "s", goal=Goal(0.4, 0.2, at_most=True)),
    ]


def _idle(folder: Path, seconds: int) -> float:
    with serving(folder) as served:
        time.sleep(SETTLE_SECONDS)
        before = _cpu_seconds(served.pid)
        time.sleep(seconds)
        return (_cpu_seconds(served.pid) - before) / seconds * 100


def _cpu_seconds(pid: int) -> float:
    """User and system time (proc(5), fields 14 and 15 of stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _help() -> float:
    began = time.perf_counter()
    command = [sys.executable, "-m", "franking", "--help"]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began
