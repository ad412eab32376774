"""From a command's options to running code: settings, the event loop, and the door."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from franking.cli.door import Door
    from franking.config import Settings


def settings(**given: Any) -> Settings:
    """The settings of this process; `given` options go before them. Raises `SettingRefused`."""
    import os

    import msgspec

    from franking.config import load

    found = load(os.environ)
    return msgspec.structs.replace(
        found, **{name: value for name, value in given.items() if value is not None}
    )


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run to the end on uvloop."""
    import asyncio

    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


def through_door(
    command: str,
    url: str | None,
    work: Callable[[Door], Awaitable[None]],
    key: str | None = None,
) -> None:
    """Open the door, do the work, close it."""
    from franking.cli import finding

    found = settings(url=_checked("url", url), key=_checked("key", key))

    async def opened() -> None:
        async with finding.opened(found, command) as door:
            await work(door)

    run(opened())


def _checked(name: str, value: str | None) -> Any:
    """An option that goes before a setting, read as that is."""
    from franking.cli.exits import Code, Ended
    from franking.config.readers import READERS

    try:
        return value and READERS[name](value)
    except ValueError as error:
        raise Ended(Code.USAGE, f"--{name} {error}.") from None


def serve(only: str | None, workers: int | None, held: bool) -> None:
    """`franking serve`; with `workers` by so many processes, of which each is `held` by this."""
    if workers is None:
        from franking.app import service

        run(service.serve(settings(), _said, only, held=held))
    else:
        from franking.app import workers as processes
        from franking.cli.exits import Code, Ended

        try:
            run(processes.serve(settings(), _said, only, workers))
        except processes.NeverServed as end:
            raise Ended(Code(end.code)) from None


def _said(line: str) -> None:
    print(line, flush=True)


def demo(database: Path | None) -> None:
    """`franking demo`."""
    from franking.cli import demonstration

    run(demonstration.demo(settings(), database))
