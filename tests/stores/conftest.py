"""A yard and an open store for each database of the contract."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from franking.stores.base import Store

from .contract import MEMORY, YARDS, Yard


@pytest.fixture(params=sorted(YARDS))
def yard(request: pytest.FixtureRequest) -> Iterator[Yard]:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        yield YARDS[request.param](Path(folder))


@pytest.fixture
async def store(yard: Yard) -> AsyncIterator[Store]:
    store = yard.store()
    await store.open()
    yield store
    await store.close()
