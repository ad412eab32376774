"""The whole service several times in the test process, each with roles of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from franking.app.roles import chosen
from franking.app.service import Service, running
from serviced import loaded


class Part:
    """One service that runs, and how it is called."""

    def __init__(self, service: Service, http: httpx.AsyncClient) -> None:
        self.service = service
        self.http = http


@asynccontextmanager
async def part(
    folder: Path, database: str, only: str | None = None, **settings: str
) -> AsyncIterator[Part]:
    """A service with some roles on a database."""
    given = {"smtp_connection_uri": "smtp://127.0.0.1:1", "database_url": database, **settings}
    async with (
        running(loaded(folder, **given), "serve", chosen(only)) as service,
        httpx.AsyncClient(base_url=service.url, trust_env=False) as http,
    ):
        yield Part(service, http)
