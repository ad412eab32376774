"""One bench as a program: `franking bench <name> [case …] [--small] [--markdown]`."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from bench import limit
from bench.cases import child
from bench.cases.figures import Figure, markdown, table
from bench.cases.run import Run

Cases = Mapping[str, Callable[[Run], list[Figure]]]

PIPED_COLUMNS = 140


def main(
    name: str, cases: Cases, arguments: Sequence[str] | None = None, *, shared: bool = False
) -> None:
    """Run the cases that are named, or all, and print their table; `shared` are those that need a
    PostgreSQL."""
    parser = _parser(name, cases)
    if shared:
        _add_shared(parser)
    given = parser.parse_args(arguments)
    try:
        found = measure(cases, given)
    except (child.Broken, limit.Missing, subprocess.TimeoutExpired) as error:
        sys.exit(f"The bench could not run: {error}")
    if given.markdown:
        print(markdown(found))
    else:
        console = Console()
        if not console.is_terminal:
            console.width = PIPED_COLUMNS
        console.print(table(found))


def measure(cases: Cases, given: argparse.Namespace) -> list[Figure]:
    """The figures of the cases, in order. Raises `Broken`."""
    names = given.case or list(cases)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    found: list[Figure] = []
    with ExitStack() as parts_up:
        port = None
        if limit.installed():
            port = parts_up.enter_context(limit.sink())
        else:
            console.print(limit.MISSING)
        progress = parts_up.enter_context(Progress(*columns, console=console, transient=True))
        task = progress.add_task("", total=len(names))
        more = {name: value for name, value in vars(given).items() if name in ("scale", "database")}
        run = Run(small=given.small, port=port, progress=progress, **more)
        parts_up.callback(run.close)
        for name in names:
            progress.update(task, description=name)
            found += cases[name](run)
            progress.advance(task)
    return found


def _parser(name: str, cases: Cases) -> argparse.ArgumentParser:
    def case(given: str) -> str:
        if given not in cases:
            raise argparse.ArgumentTypeError(f"there is no case {given!r}")
        return given

    parser = argparse.ArgumentParser(f"franking bench {name}", description="Measure franking.")
    # Not `choices`: Python 3.11 would refuse that none is named.
    parser.add_argument("case", nargs="*", type=case, help=f"of {', '.join(cases)}; else all")
    parser.add_argument("--small", action="store_true", help="see that it works, in seconds")
    parser.add_argument("--markdown", action="store_true", help="the table for bench/README.md")
    return parser


def _add_shared(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--scale", type=float, default=1.0, help="of the backlog; 0.1 is quick")
    parser.add_argument(
        "--database", metavar="URL", help="a PostgreSQL to use, whose user may create databases"
    )
