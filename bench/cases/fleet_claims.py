"""Claims of many workers against one backlog: whether any mail is claimed twice, and how fast.

Each worker is a process with a store of its own, which claims until there is nothing left; what is
taken is the time from when the first is told to begin until the last has claimed its last. Four
and sixteen take turns, each on a copy of the same backlog, so that drift hits both.
"""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import ExitStack
from statistics import median
from typing import Any

import msgspec

from bench.cases import child, fleet_rows
from bench.cases.figures import Figure, Goal
from bench.cases.fleet_claimer import WARMED
from bench.cases.fleet_server import Server, server
from bench.cases.run import Run

MAILS, MAILS_SMALL = 30_000, 1_000
FEW, MANY = 4, 16
FEW_SMALL, MANY_SMALL = 1, 2
ROUNDS, ROUNDS_SMALL = 3, 1
ACCOUNTS = (1, 1_000)


def figures(run: Run) -> list[Figure]:
    """Of one account, and of many."""
    return [figure for accounts in ACCOUNTS for figure in _claimed(run, accounts)]


def _claimed(run: Run, accounts: int) -> list[Figure]:
    count = MAILS_SMALL if run.small else MAILS
    few, many = (FEW_SMALL, MANY_SMALL) if run.small else (FEW, MANY)
    rounds = ROUNDS_SMALL if run.small else ROUNDS
    here = server(run)
    rates: dict[int, list[float]] = {few: [], many: []}
    twice = 0
    with here.database() as backlog, run.steps("claiming", rounds * len(rates)) as step:
        fleet_rows.fill(run, backlog, fleet_rows.Rows(waiting=count, accounts=accounts))
        for _ in range(rounds):
            for workers, found in rates.items():
                seconds, again = _round(here, backlog, workers, count)
                found.append((count - workers * WARMED) / seconds)
                twice += again
                step()
    what = f"{many} workers claim, {accounts:,} account{'s' * (accounts > 1)}"
    rate, base = median(rates[many]), median(rates[few])
    goal = Goal(1.0, 1.2, of_ratio=True)
    return [
        Figure(what, rate, "mails/s", rate / base, f"rate of {few}", goal),
        Figure(f"{what}: twice", twice, "mails", goal=Goal(0, 0, at_most=True)),
    ]


def _round(here: Server, backlog: str, workers: int, count: int) -> tuple[float, int]:
    """How long it took, and how many mails were claimed by more than one. Raises `Broken`."""
    with here.database(backlog) as url, ExitStack() as parts:
        processes = [parts.enter_context(_begun(url)) for _ in range(workers)]
        for process in processes:
            _heard(process)
        began = time.time()
        for process in processes:
            assert process.stdin is not None
            process.stdin.close()
        told = [_heard(process) for process in processes]
    seconds = max(each["ended_at"] for each in told) - began
    claimed = [seq for each in told for seq in each["claimed"]]
    if len(set(claimed)) != count:
        raise child.Broken(f"{len(set(claimed))} of {count} mails were claimed.")
    return seconds, len(claimed) - len(set(claimed))


def _begun(url: str) -> subprocess.Popen[bytes]:
    given = msgspec.json.encode({"url": url}).decode()
    command = [sys.executable, "-m", "bench.cases.fleet_claimer", given]
    return subprocess.Popen(command, cwd=child.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _heard(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise child.Broken("A worker that claims ended without an answer.")
    answer: dict[str, Any] = msgspec.json.decode(line)
    return answer
