"""The outlet to the embedded package: what each of its answers means for the event."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from franking.core.reporting import Down, Heard, Later, Never
from franking.outlets.base import Answered, OutOfReach
from franking.outlets.package.telling import PATH, EmbeddedOutlet
from franking.stores.base import StoredEvent

from .conftest import event
from .side import answer

EVENT = StoredEvent(1, "e1", "email_Error", "mail1", 5, event(), "t1", 1)
NOT_FOUND = [{"errorCode": "NOT_FOUND", "message": "There is no touchpoint with id t1."}]


class Package:
    """`franking.outlets.base.Services` that answers what it is told to."""

    def __init__(self, told: Answered | Exception | None) -> None:
        self._told = told
        self.calls: list[tuple[str, str, Any]] = []

    async def __call__(
        self, method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]
    ) -> Answered:
        self.calls.append((method, path, body))
        if self._told is None:
            await asyncio.Event().wait()
        if isinstance(self._told, Exception):
            raise self._told
        assert self._told is not None
        return self._told


@pytest.mark.parametrize(
    ("told", "verdict", "words"),
    [
        (answer(200, {"status": "applied"}), Heard, "applied"),
        (answer(200, {"status": "already applied"}), Heard, "already applied"),
        (answer(200, {"status": "out of order"}), Heard, "out of order"),
        (answer(200), Heard, "applied"),
        (answer(400, NOT_FOUND), Never, "NOT_FOUND: There is no touchpoint with id t1."),
        (answer(400, NOT_FOUND * 2), Never, "t1.; NOT_FOUND"),
        (answer(400, {"error_message": "No."}), Never, "No."),
        (answer(400), Never, "400"),
        (answer(401, {"detail": "This call needs a key."}), Down, "This call needs a key."),
        (answer(403, {"detail": "The key lacks it."}), Down, "The key lacks it."),
        (answer(404, {"detail": "There is nothing at this path."}), Down, "nothing at this path"),
        (answer(503, [{"errorCode": "X", "message": "locked"}]), Later, "X: locked"),
        (answer(500), Later, "500"),
        (answer(429, {}), Later, "429"),
        (answer(413, [5]), Later, "413"),
        (answer(302), Later, "302"),
        (OutOfReach("connection refused"), Later, "connection refused"),
        (None, Later, "no answer within"),
    ],
)
async def test_each_answer_has_its_verdict(told: Any, verdict: type, words: str) -> None:
    package = Package(told)
    outlet = EmbeddedOutlet(package, patience_seconds=0.05)
    found = await outlet.tell(EVENT)
    assert type(found) is verdict
    assert words in (found.answer if isinstance(found, Heard) else found.error)
    assert package.calls == [("POST", PATH, EVENT.body)]
    await outlet.close()
