"""What every test has: databases that go with it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import stored


@pytest.fixture(autouse=stored.ON_POSTGRESQL)
def databases() -> Iterator[None]:
    """Drops what the test made in PostgreSQL."""
    yield
    stored.drop()
