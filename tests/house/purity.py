"""Decisions apart from deeds: a pure core, one clock, and tests that wait for no time to pass."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from house.source import PACKAGE, dotted, imports, modules, python_files, syntax, where

# What `core` may import: nothing in it does I/O, asks the time or draws a number. A module that
# is missing here and harmless is added; `datetime` is here for its arithmetic.
_PURE = frozenset(
    (
        *("__future__", "base64", "bisect", "collections", "contextlib", "dataclasses", "datetime"),
        *("decimal", "enum", "functools", "hashlib", "heapq", "hmac", "idna", "ipaddress"),
        *(
            "itertools",
            "json",
            "math",
            "msgspec",
            "operator",
            "re",
            "regex",
            "string",
            "struct",
            "textwrap",
            "types",
        ),
        *("typing", "unicodedata", "urllib", PACKAGE),
    )
)
_IMPURE_CALLS = frozenset(("open", "input", "print", "exec", "eval", "__import__", "breakpoint"))
_NOW = frozenset(("now", "utcnow", "today"))
_CLOCK = "clock.py"
_CHANCE = frozenset(("random", "uuid"))

# Where a test may sleep, and why.
_MAY_SLEEP = {"tests/eventually.py": "it asks for a condition again and again until a deadline"}
_SLEEPS = frozenset(("time.sleep", "asyncio.sleep", "anyio.sleep", "sleep"))


def pure_core(root: Path) -> Iterator[str]:
    """`core` does no I/O, asks no clock, draws no random number, and is plain functions."""
    core = root / "src" / PACKAGE / "core"
    for path in (path for path in modules(root) if core in path.parents):
        for line, name in imports(root, path):
            if name.partition(".")[0] not in _PURE or name.startswith("urllib.request"):
                yield f"{where(root, path, line)}: core imports {name}"
        for node in ast.walk(syntax(path)):
            if isinstance(node, (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)):
                yield f"{where(root, path, node.lineno)}: core is async"
            if isinstance(node, ast.Call) and dotted(node.func) in _IMPURE_CALLS:
                yield f"{where(root, path, node.lineno)}: core calls {dotted(node.func)}"


def one_clock(root: Path) -> Iterator[str]:
    """Only `clock.py` asks for the time, and draws by chance."""
    for path in modules(root):
        if path == root / "src" / PACKAGE / _CLOCK:
            continue
        for line, name in imports(root, path):
            if name.partition(".")[0] in {"time", *_CHANCE}:
                yield f"{where(root, path, line)}: imports {name}, which is for the clock"
        for node in ast.walk(syntax(path)):
            if isinstance(node, ast.Call) and _asks_the_time(dotted(node.func)):
                yield f"{where(root, path, node.lineno)}: {dotted(node.func)} asks for the time"


def _asks_the_time(name: str) -> bool:
    owner, _, last = name.rpartition(".")
    if last in _NOW:
        return owner.rpartition(".")[2] in {"datetime", "date"}
    return last == "time" and "loop" in owner.rpartition(".")[2]


def sleepless_tests(root: Path) -> Iterator[str]:
    """Tests wait for conditions with a deadline, never for time to pass; `sleep(0)` only yields."""
    for path in (path for path in python_files(root) if root / "tests" in path.parents):
        if where(root, path) in _MAY_SLEEP:
            continue
        for node in ast.walk(syntax(path)):
            if isinstance(node, ast.Call) and dotted(node.func) in _SLEEPS and not _yields(node):
                yield f"{where(root, path, node.lineno)}: a test sleeps"


def _yields(node: ast.Call) -> bool:
    return bool(node.args) and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0
