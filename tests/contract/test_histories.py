"""The contract's histories of states, as a webhook hears them: every state that a mail came to.

A state may last a millisecond, so that who asks again and again may miss it. The seven events are
written in the transaction of their fact and told in order, so what is heard is what happened.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from installation import Installation
from webhooks.hearer import Hearer, add, hearing

A, B = "a@example.com", "b@example.com"
MAIL: dict[str, Any] = {"to": A, "message": {"subject": "s", "text": "t"}}
PAST, FUTURE = "2001-01-01T00:00:00.000Z", "2999-01-01T00:00:00.000Z"
SENT = "PENDING>PROCESSING>SUCCESS"
FAILED = "PENDING>PROCESSING>ERROR"


@pytest_asyncio.fixture
async def hearer() -> AsyncIterator[Hearer]:
    async with hearing() as hearer:
        yield hearer


@pytest_asyncio.fixture
async def it(tmp_path: Path, hearer: Hearer) -> AsyncIterator[Installation]:
    async with Installation(tmp_path) as it:
        await add(it.http, hearer.receiver.url())
        yield it


async def history(it: Installation, hearer: Hearer, mail: str = "m1") -> str:
    """The states that a mail came to, once all that happened until now was told."""
    after = f"after {mail}"
    await it.write(MAIL | {"to": B}, after)
    await hearer.last("onSuccess", after)
    states = (kind.removeprefix("on").upper() for kind in hearer.kinds(mail))
    return ">".join(state for state in states if state not in ("START", "COMPLETE"))


async def ended(it: Installation, hearer: Hearer, kind: str, **fields: Any) -> None:
    """Write the mail, and wait until its end was told."""
    await it.write({**MAIL, **fields})
    await hearer.last(kind)


@pytest.mark.case(1)
async def test_a_mail_that_is_sent(it: Installation, hearer: Hearer) -> None:
    await ended(it, hearer, "onSuccess")
    assert await history(it, hearer) == SENT


@pytest.mark.case(96)
async def test_a_mail_that_is_refused(it: Installation, hearer: Hearer) -> None:
    it.box.rcpt[A] = ["550 nope"]
    await ended(it, hearer, "onError")
    assert await history(it, hearer) == FAILED


PRESET = [
    (103, {"state": "SUCCESS"}, "onComplete", ""),
    (103, {"state": "ERROR"}, "onComplete", ""),
    (104, {"state": "RETRY"}, "onSuccess", "RETRY>PROCESSING>SUCCESS"),
    (105, {"state": "PENDING"}, "onSuccess", SENT),
    (108, {"state": "PROCESSING", "leaseExpireTime": PAST}, "onError", "PROCESSING>ERROR"),
]


@pytest.mark.parametrize(("case", "preset", "kind", "states"), PRESET, ids=[p[0] for p in PRESET])
async def test_a_mail_that_came_with_its_state(
    it: Installation, hearer: Hearer, case: int, preset: dict[str, Any], kind: str, states: str
) -> None:
    await ended(it, hearer, kind, delivery=preset)
    assert await history(it, hearer) == states
    assert len(hearer.kinds()) == len(set(hearer.kinds()))


@pytest.mark.case(107)
async def test_a_mail_that_is_sent_elsewhere(it: Installation, hearer: Hearer) -> None:
    preset = {"state": "PROCESSING", "leaseExpireTime": FUTURE}
    await it.http.put("/v1/mail/m1", json={**MAIL, "delivery": preset})
    await it.engine.sweeper.sweep()
    await hearer.last("onProcessing")
    assert await history(it, hearer) == "PROCESSING"
    assert [recipients for _, recipients, _ in it.box.taken] == [[B]]


@pytest.mark.case(110)
async def test_a_mail_that_is_mended_and_sent_again(it: Installation, hearer: Hearer) -> None:
    it.box.rcpt[A] = ["550 nope"]
    await ended(it, hearer, "onError")
    await it.http.patch("/v1/mail/m1", json={"to": B, "delivery": {"state": "RETRY"}})
    await hearer.last("onSuccess")
    assert await history(it, hearer) == f"{FAILED}>RETRY>PROCESSING>SUCCESS"
    timeline = (await it.http.get("/v1/mail/m1/timeline")).json()["attempts"]
    assert [(one["attempt"], one["outcome"]) for one in timeline] == [(1, "not_sent"), (2, "sent")]


@pytest.mark.case(112, 114)
async def test_an_edit_and_a_deletion_are_no_states(it: Installation, hearer: Hearer) -> None:
    await ended(it, hearer, "onSuccess")
    await it.http.patch("/v1/mail/m1", json={"cc": B})
    await it.http.delete("/v1/mail/m1")
    assert await history(it, hearer) == SENT
    assert hearer.kinds().count("onComplete") == 1
    assert it.box.dots == 2


async def test_a_mail_that_is_sent_from_scratch(it: Installation, hearer: Hearer) -> None:
    await ended(it, hearer, "onSuccess")
    await it.http.patch("/v1/mail/m1", json={"delivery": None})
    await hearer.heard(*["onStart", "onPending", "onProcessing", "onComplete", "onSuccess"] * 2)
    assert await history(it, hearer) == f"{SENT}>{SENT}"
