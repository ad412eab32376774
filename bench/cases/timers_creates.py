"""Timers created over HTTP, one a call, each on disk before its 201, beside a bare Node server.

The server is `franking serve` with its engine, on a SQLite file. The callers are a process of
their own, and so is Node, which reads the same bodies, keeps nothing, and answers as Skyring does.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.cases import child
from bench.cases.figures import Figure, Goal
from bench.cases.run import Run
from bench.cases.serving import Server, franking

COUNT, COUNT_SMALL = 20_000, 500
# So many calls are made first and not counted: Node compiles what is called often.
WARMING, WARMING_SMALL = 4_000, 100
GOAL = Goal(0.15, 0.30, of_ratio=True)
MISSING = "Node is not installed, so creates have nothing to be held against."

_BARE = """
const server = require('node:http').createServer((request, response) => {
  const read = [];
  request.on('data', (some) => read.push(some));
  request.on('end', () => {
    JSON.parse(Buffer.concat(read));
    response.writeHead(201, { location: '/timer/1', 'content-length': 0 });
    response.end();
  });
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })));
"""


def figures(run: Run, server: Server = franking) -> list[Figure]:
    """The ratio is to the mean of Node just before and just after."""
    count = COUNT_SMALL if run.small else COUNT
    found: list[float] = []
    with run.folder() as folder:
        _node(run, folder, count, found)
        with server(folder) as port:
            told = created(run, port, count)
        _node(run, folder, count, found)
    rate = count / told["seconds"]
    figures = [
        Figure("timers created over HTTP: p50", told["p50_seconds"] * 1000, "ms"),
        Figure("timers created over HTTP: p99", told["p99_seconds"] * 1000, "ms"),
    ]
    if not found:
        run.say(MISSING)
        return [Figure("timers created over HTTP", rate, "timers/s", goal=GOAL), *figures]
    node = sum(found) / len(found)
    return [
        Figure("a bare Node server", node, "calls/s"),
        Figure("timers created over HTTP", rate, "timers/s", rate / node, "Node server", GOAL),
        *figures,
    ]


def created(run: Run, port: int, count: int) -> dict[str, Any]:
    """Create so many at a server that has been warmed; what the callers tell."""
    child.call("timers_load", port=port, count=WARMING_SMALL if run.small else WARMING)
    return child.call("timers_load", port=port, count=count)


def _node(run: Run, folder: Path, count: int, found: list[float]) -> None:
    if shutil.which("node") is None:
        return
    with _bare(folder) as port:
        found.append(count / created(run, port, count)["seconds"])


@contextmanager
def _bare(folder: Path) -> Iterator[int]:
    script = folder / "bare.js"
    script.write_text(_BARE)
    with child.process(["node", str(script)]) as port:
        yield port
