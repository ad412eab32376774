"""Carries requests to the same code in this process, on the database itself.

A file is then open for nobody else; on PostgreSQL a `serve` may be there too, and sends.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from franking.apis.calls import NOBODY_ELSE
from franking.app import databases
from franking.app.front import front
from franking.app.hooks import AppHooks, poster
from franking.app.inside import carried
from franking.app.outfit import Through
from franking.app.rendering import Renderings
from franking.app.routes import Routes
from franking.app.sender import through
from franking.app.vault import vault
from franking.cli.door import Door, Response
from franking.clock import SystemClock
from franking.config import SettingRefused, Settings
from franking.core.key import parsed


@asynccontextmanager
async def opened(settings: Settings, place: str) -> AsyncIterator[Door]:
    """The door to the database itself; whoever opens a file holds its lock."""
    store = databases.store(settings)
    await store.open()
    try:
        keys = vault(settings)
        clock = await databases.followed(store, SystemClock())
        routes = Routes(store, keys, clock, _own(settings), 1)
        post = poster(settings, clock, keys)
        hooks = AppHooks(keys, post, _nobody)
        renderings = Renderings(settings, store)
        _, calls = front(
            settings,
            store,
            _nobody,
            routes,
            clock=clock,
            trusted=True,
            hooks=hooks,
            rendering=renderings.trials,
        )
        try:
            sends = settings.postgresql and any(one.sends for one in databases.present(settings))
            yield Door(_Carrier(calls, _credential(settings)), place, sends=sends)
        finally:
            await renderings.close()
            await post.close()
    finally:
        await store.close()


def _own(settings: Settings) -> Through | None:
    """What the installation sends through; commands that don't need it do without."""
    try:
        return through(settings)
    except SettingRefused:
        return None


def _nobody() -> None:
    """No worker is here to be woken."""


def _credential(settings: Settings) -> str:
    """Whose Idempotency-Keys are meant: the same as through a `serve`, where the key is shown."""
    key = None if settings.key is None else parsed(settings.key.value)
    return NOBODY_ELSE if key is None else key.id


class _Carrier:
    """One request at a time, to the app in this process."""

    def __init__(self, app: Any, credential: str) -> None:
        self._app = app
        self._credential = credential

    async def __call__(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> Response:
        found = await carried(self._app, method, path, headers, body, self._credential)
        return Response(*found)
