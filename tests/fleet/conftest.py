"""A database that is migrated, for one test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from postgres import cluster, template


@pytest.fixture
def database() -> Iterator[str]:
    """Its URL, as DATABASE_URL takes it."""
    name = cluster().create(template())
    yield cluster().url(name)
    cluster().drop(name)
