"""`franking bench mail [case …] [--small] [--markdown]`: the figures of a mail's whole way.

Prints a table of figures, their ratios to the limit taken in the same run, and what must be
reached. It asserts nothing: it ends with exit code 1 only where it could not run.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from bench import limit
from bench.cases import accept, backlog, child, drain, errors, fairness, http, idle, parts
from bench.cases.figures import Figure, markdown, table
from bench.cases.run import Run

CASES: dict[str, Callable[[Run], list[Figure]]] = {
    "drain": drain.figures,
    "accept": accept.figures,
    "http": http.figures,
    "backlog": backlog.figures,
    "fairness": fairness.figures,
    "errors": errors.figures,
    "idle": idle.figures,
    "parts": parts.figures,
}
PIPED_COLUMNS = 140


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the cases that are named, or all."""
    given = _parser().parse_args(arguments)
    try:
        found = measure(given.case or list(CASES), small=given.small)
    except (child.Broken, limit.Missing, subprocess.TimeoutExpired) as error:
        sys.exit(f"The bench could not run: {error}")
    if given.markdown:
        print(markdown(found))
    else:
        console = Console()
        if not console.is_terminal:
            console.width = PIPED_COLUMNS
        console.print(table(found))


def measure(names: Sequence[str], *, small: bool) -> list[Figure]:
    """The figures of the cases, in order. Raises `Broken`."""
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
        run = Run(small=small, port=port, progress=progress)
        for name in names:
            progress.update(task, description=name)
            found += CASES[name](run)
            progress.advance(task)
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("franking bench mail", description="Measure franking.")
    # Not `choices`: Python 3.11 would refuse that none is named.
    parser.add_argument("case", nargs="*", type=_case, help=f"of {', '.join(CASES)}; else all")
    parser.add_argument("--small", action="store_true", help="see that it works, in seconds")
    parser.add_argument("--markdown", action="store_true", help="the table for bench/README.md")
    return parser


def _case(name: str) -> str:
    if name not in CASES:
        raise argparse.ArgumentTypeError(f"there is no case {name!r}")
    return name


if __name__ == "__main__":
    main()
