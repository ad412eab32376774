"""New mails, and the ends that a worker or the sweeper would write for them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from franking.core import endings
from franking.core.attempt import Attempt, Lease, Remainder, Settlement
from franking.core.delivery import Bounds, Delivery, Info, Outcome, Stage, State
from franking.core.event import Event, Links, report
from franking.core.fault import Failure, judge
from franking.stores.base import Change, Claimed, Mail, NewMail, Store, Stored

NOW = 1_795_269_900_000
LEASE_MS = 60_000
HOUR = 3_600_000
MINUTE = 60_000
BOUNDS = Bounds()
OUTCOMES = {"sent": Outcome.SENT, "doubted": Outcome.UNKNOWN, "expired": Outcome.UNKNOWN}


def mail(id: str = "m1", **fields: Any) -> NewMail:
    """A mail due now; what is not a mail's own field is its delivery's."""
    touchpoint = fields.pop("touchpoint", None)
    own = {name: fields.pop(name) for name in NewMail.__struct_fields__ if name in fields}
    delivery = replace(Delivery(state=State.PENDING, due_at=NOW, start_at=NOW), **fields)
    common: dict[str, Any] = {
        "id": id,
        "account": "default",
        "priority": 0,
        "created_at": NOW,
        "on_unknown": "ask",
        "links": Links(touchpoint),
        "delivery": delivery,
        "document": raw({"to": f"{id}@example.com"}),
        "search": "",
        "message_token": f"token-{id}",
    }
    return NewMail(**{**common, **own})


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def event(id: str, touchpoint: str | None = None, mail: str = "m1") -> Event:
    return Event(id, "email_Sent", mail, touchpoint, NOW, {"eventId": id})


def ended(found: Claimed | Mail, how: str, at: int = NOW, **fields: Any) -> Settlement:
    """The settlement of an attempt that ended so: along `core/endings`, as the engine does."""
    mail = found.mail if isinstance(found, Claimed) else found
    how, delivery = _next(mail, how, at, fields)
    common = {
        "mail": mail.id,
        "epoch": mail.delivery.epoch,
        "number": delivery.attempts,
        "revision": mail.revision,
        "event": how,
        "stage": mail.delivery.stage or Stage.CLAIMED,
        "outcome": OUTCOMES.get(how, Outcome.NOT_SENT),
        "started_at": at,
        "ended_at": at,
        "error": delivery.error,
        "worker": fields.pop("worker", "w1"),
    }
    return Settlement(
        lease=Lease(mail.seq, mail.delivery.epoch),
        delivery=delivery,
        attempt=Attempt(**common),
        event=_event(mail, how, delivery, at),
        remainder=fields.pop("remainder", None),
        parent=mail.remainder_of,
        timed=mail.timed > 0,
    )


def _next(mail: Mail, how: str, at: int, fields: dict[str, Any]) -> tuple[str, Delivery]:
    delivery = mail.delivery
    resend = mail.on_unknown == "resend"
    if how == "sent":
        accepted = tuple(fields.pop("accepted", (f"{mail.id}@example.com",)))
        info = Info("<1>", accepted, (), tuple(fields.pop("pending", ())), "250 ok")
        return how, endings.sent(delivery, info, at)
    if how in ("failed", "deferred"):
        code = 550 if how == "failed" else 450
        fault = judge(Failure("rcpt", f"{code} no", f"Error: {code} no", reply_code=code))
        return endings.refused(delivery, fault, at, 0.5, BOUNDS)
    if how == "doubted":
        return how, endings.doubted(delivery, resend, at, 0.5, BOUNDS)
    if how == "lapsed":
        return endings.lapsed(delivery, resend, at, 0.5, BOUNDS)
    return "returned", endings.returned(delivery)


def _event(mail: Mail, how: str, delivery: Delivery, at: int) -> Event | None:
    if mail.remainder_of is not None:
        return None
    id = f"{mail.id}.{mail.delivery.epoch}"
    return report(how, delivery, event_id=id, mail=mail.id, links=mail.links, now=at, text="")


def remainder(parent: Mail, *addresses: str, **fields: Any) -> Remainder:
    """The recipients of an attempt at `parent` that were refused for now."""
    delivery = Delivery(state=State.PENDING, due_at=NOW, start_at=NOW, tries=1)
    root = parent.remainder_of or parent.id
    return Remainder(
        id=f"{root}~{parent.delivery.epoch}",
        parent=root,
        delivery=replace(delivery, **fields),
        envelope={"recipients": list(addresses)},
        content=b"the same bytes\r\n",
    )


async def claimed(store: Store, at: int = NOW) -> Claimed:
    """The one mail that is due, under a lease."""
    [found] = await store.claim(at, 1, LEASE_MS)
    return found


async def transmitting(store: Store, at: int = NOW) -> Claimed:
    """The one mail that is due, claimed, and its dot allowed."""
    found = await claimed(store, at)
    assert await store.transmitting([found.lease], at) == [True]
    delivery = replace(found.mail.delivery, stage=Stage.TRANSMITTING)
    return replace(found, mail=replace(found.mail, delivery=delivery))


async def swept(store: Store, at: int) -> int:
    """Sweep, as the sweeper of another process would."""
    return await store.sweep(at, 100, lambda mail: ended(mail, "lapsed", at, worker="sweeper"))


async def together(store: Store, wishes: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]:
    """What each caller gets, when all have come before the first is served."""
    gate = threading.Event()

    def held_up(_: object) -> None:
        gate.wait(10)

    first = asyncio.create_task(store.change(["nobody's"], held_up))
    await asyncio.sleep(0)
    tasks = [asyncio.create_task(wish) for wish in wishes]
    await asyncio.sleep(0)
    gate.set()
    await first
    return await asyncio.gather(*tasks, return_exceptions=True)


async def stored(store: Store, id: str = "m1") -> Stored:
    found = await store.read(id)
    assert found is not None
    return found


async def delivery(store: Store, id: str = "m1") -> Delivery:
    return (await stored(store, id)).mail.delivery


async def changed(store: Store, change: Change, *ids: str) -> list[Stored | Exception | None]:
    """Write the same change to each mail."""
    results = await store.change(ids or ["m1"], lambda _: change)
    assert isinstance(results, list)
    return results


async def kinds(store: Store) -> list[str]:
    """The kinds of all events, in order."""
    return [event.kind for event in await store.events(0, 1000)]


def ids(found: Sequence[Claimed | Stored]) -> list[str]:
    return [item.mail.id for item in found]
