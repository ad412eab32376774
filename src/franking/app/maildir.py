"""The folder that bounces are dropped into, where one is set: checked at start, read while up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from franking.config import PREFIX, SettingRefused, Settings
from franking.engine.bounces import Maildir
from franking.office import Office


def check(settings: Settings) -> None:
    """A folder that is set must be a Maildir. Raises `SettingRefused`."""
    folder = settings.bounce_maildir
    if folder is None or all((folder / name).is_dir() for name in ("new", "cur")):
        return
    raise SettingRefused(
        f"{PREFIX}BOUNCE_MAILDIR is {str(folder)!r}, which is no Maildir: it must be a folder with"
        " the folders new and cur in it."
    )


@asynccontextmanager
async def reading(settings: Settings, office: Office) -> AsyncIterator[None]:
    """Read the folder until the end of the context."""
    if settings.bounce_maildir is None:
        yield
        return
    task = asyncio.create_task(Maildir(settings.bounce_maildir, office.bounces.take).run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
