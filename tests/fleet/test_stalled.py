"""A worker whose network to the database stalls past its lease: it sends nothing more under it.

Another takes over what can't have gone out, and what may have is called unknown. When the network
goes on, what the first one still says is kept beside its attempt, and changes nothing but a doubt.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import NamedTuple

import pytest

from franking.stores.postgres_link import ANSWER_SECONDS, BEGIN, IDLE_MS
from kill.session import Point

from .proxy import Way
from .stalls import LEASE_SECONDS, Scene, Story, scene


class Case(NamedTuple):
    """The network stalls as the transaction with `query` commits: what another worker makes of
    the mail meanwhile, and how it stands once the first one is through."""

    query: str
    way: Way
    meanwhile: Story
    at_last: Story
    on_unknown: str = "ask"


Cases = dict[str, Case]

SENT = Story("SUCCESS", "sent", 1, 1, ("sent",))
SENT_BY_ANOTHER = Story("SUCCESS", "sent", 1, 1, ("released", "sent"))
SENT_AFTER_ALL = SENT_BY_ANOTHER._replace(attempts=("released, then returned", "sent"))
IN_DOUBT = Story("ERROR", "unknown", 0, 0, ("expired",))
NOT_SENT = Story("ERROR", "not_sent", 0, 0, ("expired, then returned",))

TOLD_LATE: Cases = {
    "its claim is committed": Case("lease_mails", Way.ANSWERS, SENT_BY_ANOTHER, SENT_AFTER_ALL),
    "transmitting is committed, and the dot is held back": Case(
        "mark_transmitting", Way.ANSWERS, IN_DOUBT, NOT_SENT
    ),
    "likewise, and the document wants it sent again": Case(
        "mark_transmitting",
        Way.ANSWERS,
        Story("SUCCESS", "sent", 1, 1, ("expired", "sent")),
        Story("SUCCESS", "sent", 1, 1, ("expired, then returned", "sent")),
        "resend",
    ),
    "its end is committed": Case("settle_mails", Way.ANSWERS, SENT, SENT),
}

# The server ends what hangs in the middle, and the worker gives up its connection.
GIVEN_UP: Cases = {
    "transmitting is not committed, and the dot is held back": Case(
        "mark_transmitting", Way.BOTH, SENT_BY_ANOTHER, SENT_AFTER_ALL
    ),
    "its end is not committed": Case(
        "settle_mails",
        Way.BOTH,
        IN_DOUBT._replace(taken=1),
        SENT._replace(attempts=("expired, then sent",)),
    ),
    "its end is committed, and it is never told": Case("settle_mails", Way.ANSWERS, SENT, SENT),
    "its claim is not committed": Case("lease_mails", Way.BOTH, SENT, SENT),
    "transmitting is committed, and it is never told": Case(
        "mark_transmitting", Way.ANSWERS, IN_DOUBT, NOT_SENT
    ),
}
ALL = os.environ.get("FRANKING_KILLS") == "all"

_WITHIN = f"idle_in_transaction_session_timeout = {IDLE_MS}"
# Server and worker give up after a tenth of the time.
IMPATIENT = json.dumps(
    {
        "franking.stores.postgres_session.BEGIN": BEGIN.replace(_WITHIN, _WITHIN[:-1]),
        "franking.stores.postgres_link.ANSWER_SECONDS": ANSWER_SECONDS / 10,
    }
)


async def test_it_neither_sends_nor_overwrites_once_it_is_told(tmp_path: Path) -> None:
    await all_hold(tmp_path, TOLD_LATE)


@pytest.mark.kill
@pytest.mark.skipif(not ALL, reason="it waits for long: `make kill`")
async def test_nor_once_it_has_given_up_waiting(tmp_path: Path) -> None:
    await all_hold(tmp_path, GIVEN_UP, IMPATIENT)


async def test_what_it_held_undone_goes_by_another_and_never_twice(tmp_path: Path) -> None:
    by_its_own_count, on_disk_alone = LEASE_SECONDS, "60"
    await asyncio.gather(undone(tmp_path, by_its_own_count), undone(tmp_path, on_disk_alone))


async def undone(folder: Path, lease: str) -> None:
    """A worker with a lease of so many seconds stalls while a batch waits for the server's 354."""
    async with scene(folder) as it, it.worker(it.far_url, lease=lease):
        it.sink.withholding = True
        ids = [f"m{n}" for n in range(5)]
        it.hand_in(*ids)
        await it.found(lambda: it.sink.seen[Point.DATA] == 1)
        await it.found(lambda: all(it.state(id) == "PROCESSING" for id in ids))
        it.proxy.stall_at("")
        await it.found(it.proxy.stalled.is_set)
        if lease != LEASE_SECONDS:
            it.end_leases()
        give = it.sink.withheld()
        async with it.another():
            assert [await it.ended(id) for id in ids] == [SENT_BY_ANOTHER] * 5
        it.proxy.go_on()
        give()
        assert [await it.becomes(id, SENT_AFTER_ALL) for id in ids] == [SENT_AFTER_ALL] * 5
        await works(it)


async def test_what_is_answered_meanwhile_is_in_doubt_until_it_can_be_told(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, it.worker(it.far_url):
        it.sink.trap(Point.DOT, 1, lambda: it.proxy.stall_at(""))
        it.hand_in("one")
        async with it.another():
            assert await it.ended("one") == IN_DOUBT._replace(taken=1)
        it.proxy.go_on()
        proved = SENT._replace(attempts=("expired, then sent",))
        assert await it.becomes("one", proved) == proved
        await works(it)


async def all_hold(folder: Path, cases: Cases, values: str = "{}") -> None:
    """Every case comes out as it says; they are played side by side."""
    played = [stalled(folder, case, values) for case in cases.values()]
    told = dict(zip(cases, await asyncio.gather(*played), strict=True))
    assert told == {name: (case.meanwhile, case.at_last) for name, case in cases.items()}


async def stalled(folder: Path, case: Case, values: str) -> tuple[Story | None, Story | None]:
    """How the mail stood before the network went on, and in the end."""
    async with scene(folder) as it, it.worker(it.far_url, values=values):
        it.stall_at(case.query, case.way)
        it.hand_in("one", on_unknown=case.on_unknown)
        await it.found(it.proxy.stalled.is_set)
        async with it.another():
            meanwhile = await it.ended("one")
        before = it.row("one")
        await it.found(lambda: it.proxy.given_up.is_set() or values != IMPATIENT)
        it.proxy.go_on()
        at_last = await it.becomes("one", case.at_last)
        await works(it)
        assert it.story("one") == at_last
        assert case.meanwhile.outcome != case.at_last.outcome or it.row("one") == before
        return meanwhile, at_last


async def works(it: Scene) -> None:
    """The first worker sends as ever, and nothing is stuck."""
    it.hand_in("after")
    assert await it.ended("after") == SENT
    assert await it.stuck() == "0 stuck."
