"""`franking bench`: runs a measurement of a checkout's `bench/` folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import franking
from franking.cli.exits import Code, Ended


def run(name: str, arguments: list[str]) -> None:
    """Run `bench/<name>.py` with its own arguments; end as it ends."""
    root = Path(franking.__file__).parents[2]
    if not name.isidentifier() or not (root / "bench" / f"{name}.py").exists():
        known = sorted(path.stem for path in root.glob("bench/[a-z]*.py"))
        words = f"There are: {', '.join(known)}." if known else "Benches are only in a checkout."
        raise Ended(Code.USAGE, f"There is no bench {name!r}. {words}")
    command = [sys.executable, "-m", f"bench.{name}", *arguments]
    ended = subprocess.run(command, cwd=root, check=False)  # noqa: S603 (a module of our own)
    if ended.returncode:
        raise Ended(Code.FAILED, f"The bench ended with exit code {ended.returncode}.")
