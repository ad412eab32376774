"""The child process of templates as its parent starts it."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from importlib.resources import files
from pathlib import Path

import msgspec

from franking.compose.piped import Lost, Piped
from franking.compose.templates.limits import HANG_SECONDS, LIMITS, START_SECONDS, Limits
from franking.compose.templates.plan import Catalog

_HERE = files("franking.compose.templates")
HANDLEBARS = files("franking.compose") / "vendor" / "handlebars.min.js"


class NotStarted(Exception):
    """No child could be started; says why."""


class Child(Piped):
    """One child; after a limit it ends by itself. `catalog` is whose partials it was told."""

    def __init__(self, process: Process) -> None:
        super().__init__(process, HANG_SECONDS)
        self.catalog: Catalog | None = None


def check() -> None:
    """Raises `NotStarted` where what a build makes is missing."""
    if not HANDLEBARS.is_file():
        raise NotStarted(
            f"{HANDLEBARS.name} is missing: this franking was not built whole. Install it with pip,"
            " which builds it."
        )


async def start(limits: Limits = LIMITS) -> Child:
    """A child that is ready. It inherits three pipes and nothing else: no variable of the
    environment, no open file, no module of ours. Raises `NotStarted`."""
    check()
    told = msgspec.json.encode(limits).decode()
    scripts = (str(HANDLEBARS), str(_HERE / "script.js"))
    # -I: what PYTHONPATH or the working directory hold is not imported.
    command = (sys.executable, "-I", str(_HERE / "child.py"), told, *scripts)
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env={}, cwd=Path("/")
        )
    except OSError as error:
        raise NotStarted(str(error)) from None
    child = Child(process)
    try:
        await child.read(START_SECONDS)
    except BaseException as error:
        code = await child.end()
        if isinstance(error, Lost):
            raise NotStarted(f"it ended with {code} before it was ready") from None
        raise
    return child
