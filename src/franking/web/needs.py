"""What needs somebody: told first on the overview, the most urgent at the top.

Policy. Disconnected accounts come first, since nothing of them is sent any more; then events that
the CRM will not hear unless somebody sends them again, and the CRM itself where it is left in
peace; then mails of which nobody knows whether they arrived, each for a person to look at; then
what failed in the window, for whoever must act. What passes by itself needs nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from franking.office.looking import Present
from franking.stores.base import OutboxCounts, Stock
from franking.web import show
from franking.web.charts import Failing

DOUBT = "outcome_unknown"
# As far as the store counts what there is now.
MOST = 100_000


class Need(msgspec.Struct, frozen=True):
    """One thing that needs somebody: what it is, what to do, where (paths with their words), and
    how bad it is."""

    id: str
    words: str
    step: str
    links: tuple[tuple[str, str], ...]
    label: str
    tone: str = "bad"


def of(present: Present, failing: Iterable[Failing], whole: str, now: int) -> list[Need]:
    """All that needs somebody now, what is worst first."""
    stock, outbox = present.stock, present.outbox
    found = [*_disconnected(stock), *_unheard(outbox, now), *_doubted(stock)]
    # What somebody has seen to is in ERROR no more.
    if stock.failed > stock.in_doubt:
        found += _failed([one for one in failing if one.category != DOUBT], whole)
    return found


def _disconnected(stock: Stock) -> Iterator[Need]:
    if count := stock.disconnected:
        words = f"{_many(count, 'account is', 'accounts are')} disconnected: nothing is sent."
        step = "Give it a login that works, then resume it."
        links = (("/accounts", "See the accounts"),)
        yield Need("disconnected", words, step, links, "Disconnected")


def _unheard(outbox: OutboxCounts, now: int) -> Iterator[Need]:
    links = (("/outbox", "See the outbox"),)
    if count := outbox.parked:
        words = f"The CRM refused {_many(count, 'event', 'events')} for good."
        step = "Read why, put that right there, then send them again."
        yield Need("parked", words, step, links, "Parked")
    if outbox.paused_until is not None and outbox.paused_until > now:
        reason = f": {outbox.reason.rstrip('.')}" if outbox.reason else ""
        step = "It is tried again by itself. Look whether the CRM is there and lets us in."
        yield Need("paused", f"The CRM can't be told anything{reason}.", step, links, "Unheard")


def _doubted(stock: Stock) -> Iterator[Need]:
    if count := stock.in_doubt:
        words = f"{_many(count, 'mail', 'mails')} may or may not have been delivered."
        step = "Look whether they arrived, before you send them again."
        links = ((show.with_query("/mail", {"category": DOUBT}), "See them"),)
        yield Need("doubt", words, step, links, "In doubt", "doubt")


def _failed(failing: Iterable[Failing], whole: str) -> Iterator[Need]:
    """For each who must act, their categories."""
    for who, does in (("administrator", "an administrator"), ("rep", "the rep")):
        theirs = [one for one in failing if one.who == who]
        if not theirs:
            continue
        words = f"{_many(sum(one.count for one in theirs), 'failure', 'failures')} for {does}"
        links = tuple(
            (
                show.with_query("/mail", {"state": "ERROR", "category": one.category}),
                f"{show.category(one.category)} ({show.count(one.count)})",
            )
            for one in theirs
        )
        step = theirs[0].step if len(theirs) == 1 else "Each says what to do:"
        yield Need(f"failed-{who}", f"{words}, {whole.lower()}.", step, links, "Failed")


def _many(count: int, one: str, more: str) -> str:
    return f"{show.count(count, MOST)} {one if count == 1 else more}"
