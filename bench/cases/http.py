"""Accept over HTTP: one document a call beside a Litestar echo, and batches of 500.

Both are durable: answered once they are on disk. The server, the echo and the callers are
processes of their own; the server runs without an engine, so that only accepting is measured.
"""

from __future__ import annotations

from bench.cases import child
from bench.cases.figures import Figure, Goal
from bench.cases.run import Run

CALLS, CALLS_SMALL = 8000, 100
CONNECTIONS = 64
BATCH = 500
BATCHES, BATCHES_SMALL = 40, 2
# How many callers hand in batches at once.
BATCH_CONNECTIONS = 4


def figures(run: Run) -> list[Figure]:
    """The ratio of single calls is to the mean of an echo just before and just after."""
    return [*_single(run), *_batches(run)]


def _single(run: Run) -> list[Figure]:
    calls = CALLS_SMALL if run.small else CALLS
    echo = _echo(calls)
    with run.folder() as folder, child.serving("api", path=str(folder / "http.db")) as port:
        rate = _rate(port, calls)
    echo = (echo + _echo(calls)) / 2
    goal = Goal(0.5, 0.7, of_ratio=True)
    return [
        Figure("a Litestar echo, one document a call", echo, "calls/s"),
        Figure("accept over HTTP, one document a call", rate, "mails/s", rate / echo, "echo", goal),
    ]


def _batches(run: Run) -> list[Figure]:
    calls = BATCHES_SMALL if run.small else BATCHES
    with run.folder() as folder, child.serving("api", path=str(folder / "batch.db")) as port:
        given = {"port": port, "connections": BATCH_CONNECTIONS, "calls": calls}
        with run.limited() as limit:
            told = child.call("load", target="/v1/mail/batch", documents=BATCH, **given)
    rate = calls * BATCH / told["seconds"]
    goal = Goal(0.5, 1.0, of_ratio=True)
    what = f"accept over HTTP, batches of {BATCH}"
    return [Figure(what, rate, "mails/s", limit.ratio(rate), goal=goal)]


def _echo(calls: int) -> float:
    with child.serving("echo") as port:
        return _rate(port, calls)


def _rate(port: int, calls: int) -> float:
    given = {"port": port, "connections": CONNECTIONS, "calls": calls}
    told = child.call("load", target="/v1/mail", documents=1, **given)
    return calls / float(told["seconds"])
