"""The whole service in the test process, from settings as the environment has them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from franking.app.service import running
from franking.config import Settings, load
from stored import database_url


def loaded(folder: Path, **settings: str) -> Settings:
    """A database in a folder, free ports, one try, and these. Raises `SettingRefused`."""
    given = {
        "database_url": database_url(folder),
        "http": "127.0.0.1:0",
        "grpc": "127.0.0.1:0",
        "transient_attempts": "1",
        "default_from": "Default <default@example.com>",
        **settings,
    }
    environment = {f"FRANKING_{name.upper()}": value for name, value in given.items()}
    return load(environment, folder / "none.toml")


@asynccontextmanager
async def served(folder: Path, **settings: str) -> AsyncIterator[httpx.AsyncClient]:
    """The service with these settings, over HTTP."""
    async with (
        running(loaded(folder, **settings), "serve") as service,
        httpx.AsyncClient(base_url=service.url) as http,
    ):
        yield http
