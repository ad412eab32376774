"""The package on a real store, with a clock that is moved by hand and an email side to script."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from franking.clock import HandClock
from franking.outlets.base import Shown
from franking.outlets.package import EmbeddedPackage
from franking.stores.base import Store
from stored import application, new_store

from .side import EmailSide

MAIL = {"to": "ada@example.com", "message": {"subject": "Hi", "text": "Hello"}}
DUE = "2026-11-22T09:00:00.000Z"


@pytest.fixture
def folder() -> Any:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@pytest.fixture
async def store(folder: Path) -> AsyncIterator[Store]:
    store = new_store(folder)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def side(clock: HandClock) -> EmailSide:
    return EmailSide(clock)


@pytest.fixture
def package(store: Store, clock: HandClock, side: EmailSide) -> EmbeddedPackage:
    return EmbeddedPackage(store.cadence, clock, side, patience_seconds=0.2)


@pytest.fixture
def rows(folder: Path) -> Callable[[], list[Any]]:
    """Every byte that the package keeps."""

    def read() -> list[Any]:
        tables = ("touchpoint", "conquer_error")
        with application(folder) as other:
            return [other.execute(f"SELECT * FROM {t}").fetchall() for t in tables]

    return read


async def automated(package: EmbeddedPackage, id: str | None = "t1", **given: Any) -> Shown:
    asked = {"type": "automated", "cadenceMemberId": "m1", "dueAt": DUE, "mail": MAIL, **given}
    return await package.create(asked, id)


async def manual(package: EmbeddedPackage, id: str | None = "t1", **given: Any) -> Shown:
    return await package.create({"type": "manual", "cadenceMemberId": "m1", **given}, id)


def event(name: str = "email_Error", sequence: int = 1, **given: Any) -> dict[str, Any]:
    error = {"message": "It is full.", "code": "552 5.2.2", "category": "full", "detail": "552 no"}
    return {
        "event": name,
        "eventId": f"e{sequence}",
        "sequence": sequence,
        "occurredAt": "2026-11-21T14:05:00.000Z",
        "touchpointId": "t1",
        "retryCount": 0,
        **({} if "sent" in name.lower() else {"error": error}),
        **given,
    }
