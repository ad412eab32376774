"""A yard and an open store for each database of the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from franking.stores.base import Store

from .contract import YARDS, Yard


@pytest.fixture(params=sorted(YARDS))
def yard(request: pytest.FixtureRequest, tmp_path: Path) -> Yard:
    return YARDS[request.param](tmp_path)


@pytest.fixture
async def store(yard: Yard) -> AsyncIterator[Store]:
    store = yard.store()
    await store.open()
    yield store
    await store.close()
