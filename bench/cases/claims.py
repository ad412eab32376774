"""In its own process: claims from a few mails and from many, in turns, and settles what it got."""

from __future__ import annotations

import time
from statistics import median
from typing import Any

from bench.cases import child
from bench.cases.documents import short
from bench.cases.stores import opened
from franking.clock import SystemClock
from franking.core import endings
from franking.core.attempt import Attempt, Settlement
from franking.core.delivery import Info, Outcome, Stage
from franking.office import Office
from franking.stores.base import Claimed

# As an engine with 64 connections claims: when half of its places are free.
LIMIT = 128
LEASE_MS = 60_000


async def claims(few: str, many: str, rounds: int) -> dict[str, Any]:
    """The median milliseconds of a claim from each, turn by turn so that drift hits both."""
    clock = SystemClock()
    stores = {name: await opened(where) for name, where in (("few", few), ("many", many))}
    spent: dict[str, list[float]] = {name: [] for name in stores}
    for _ in range(rounds):
        for name, store in stores.items():
            began = time.perf_counter()
            claimed = await store.claim(clock.now(), LIMIT, LEASE_MS)
            spent[name].append((time.perf_counter() - began) * 1000)
            await store.settle([sent(each, clock) for each in claimed])
            # What was taken is put back at the end, so that both stay as large as they were.
            office = Office(store, clock, lambda: None)
            given = [{**short(n), "account": c.mail.account} for n, c in enumerate(claimed)]
            await office.submit(given)
    for store in stores.values():
        await store.close()
    return {"limit": LIMIT, **{f"{name}_ms": median(found) for name, found in spent.items()}}


def sent(claimed: Claimed, clock: SystemClock) -> Settlement:
    """The end of a mail that went."""
    mail, now = claimed.mail, clock.now()
    info = Info(f"<{mail.message_token}@example.com>", ("a@example.net",), (), (), "250 2.0.0 Ok")
    delivery = endings.sent(mail.delivery, info, now)
    attempt = Attempt(
        mail=mail.id,
        epoch=mail.delivery.epoch,
        number=1,
        revision=mail.revision,
        event="sent",
        stage=Stage.ANSWERED,
        outcome=Outcome.SENT,
        started_at=now,
        ended_at=now,
        worker="bench",
        steps=[],
    )
    return Settlement(lease=claimed.lease, delivery=delivery, attempt=attempt)


if __name__ == "__main__":
    child.answer(claims)
