"""Waiting until a call to a PostgreSQL store waits for somebody's lock."""

from __future__ import annotations

import asyncio
from typing import Any

from eventually import eventually

from .contract import PostgresYard


async def blocked(own: PostgresYard, wish: Any) -> asyncio.Task[Any]:
    """A wish that waits for somebody's lock by now."""
    task = asyncio.create_task(wish)
    await eventually(lambda: asyncio.to_thread(own.blocked))
    return task
