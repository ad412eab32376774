"""In its own process: claims and settles so many mails, and submits as many again."""

from __future__ import annotations

from typing import Any

from bench.cases import child
from bench.cases.claims import LEASE_MS, LIMIT, sent
from bench.cases.documents import short
from bench.cases.stores import opened
from franking.clock import SystemClock
from franking.office import Office


async def churn(url: str, count: int) -> dict[str, Any]:
    """As many wait in the end as before."""
    store, clock = await opened(url), SystemClock()
    office = Office(store, clock, lambda: None)
    done = 0
    while done < count:
        claimed = await store.claim(clock.now(), LIMIT, LEASE_MS)
        await store.settle([sent(each, clock) for each in claimed])
        given = [{**short(n), "account": c.mail.account} for n, c in enumerate(claimed)]
        await office.submit(given)
        done += len(claimed)
    await store.close()
    return {"done": done}


if __name__ == "__main__":
    child.answer(churn)
