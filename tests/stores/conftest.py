"""A yard and an open store for each database of the contract."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from franking.stores.base import Store
from franking.stores.sqlite import SqliteStore

from .contract import MEMORY, YARDS, PostgresYard, Yard


@pytest.fixture(params=sorted(YARDS))
def yard(request: pytest.FixtureRequest) -> Iterator[Yard]:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        yard = YARDS[request.param](Path(folder))
        yield yard
        yard.close()


@pytest.fixture
async def store(yard: Yard) -> AsyncIterator[Store]:
    store = yard.store()
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def sqlite_file(tmp_path: Path) -> Path:
    """A migrated file."""
    store = SqliteStore(tmp_path / "franking.db")
    await store.open()
    await store.close()
    return tmp_path / "franking.db"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[PostgresYard]:
    yard = PostgresYard(tmp_path)
    yield yard
    yard.close()


@pytest.fixture
async def stores(own: PostgresYard) -> AsyncIterator[list[Store]]:
    """Three stores on one database, as three processes have."""
    made = [own.store() for _ in range(3)]
    for store in made:
        await store.open()
    yield made
    for store in made:
        await store.close()
