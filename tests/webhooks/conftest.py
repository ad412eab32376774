"""An installation with a receiver, and waits short enough for a test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from franking.apis.http import build
from franking.clock import SystemClock
from franking.core import webhook as policy
from franking.office import Office
from installation import Installation
from stored import new_store

from .hearer import Hearer, hearing


@pytest.fixture
async def hearer() -> AsyncIterator[Hearer]:
    async with hearing() as hearer:
        yield hearer


@pytest.fixture
async def it(tmp_path: Path) -> AsyncIterator[Installation]:
    async with Installation(tmp_path, call_seconds=2.0) as it:
        yield it


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries and pauses come a hundred times as fast."""
    monkeypatch.setattr(policy, "FIRST_WAIT_MS", 50)
    monkeypatch.setattr(policy, "LONGEST_WAIT_MS", 200)
    monkeypatch.setattr(policy, "PAUSE_MS", 100)
    monkeypatch.setattr(policy, "LONGEST_PAUSE_MS", 400)


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The calls of a process that has no way out."""
    store = new_store(tmp_path)
    await store.open()
    clock = SystemClock()
    app: Any = build(Office(store, clock, lambda: None), clock)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8025") as client:
        yield client
    await store.close()
