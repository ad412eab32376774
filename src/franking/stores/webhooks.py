"""Webhooks in a database: the scripts behind what a store promises of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from franking.core.lifecycle import Told
from franking.core.webhook import MOST_WEBHOOKS, HookReport, Webhook
from franking.stores.queries import Db
from franking.stores.rows import text
from franking.stores.webhook_store import (
    MOST_COUNTED,
    MOST_OCTETS,
    HookCounts,
    LifecycleEvent,
    Queued,
    Set,
    Undelivered,
)

FIRST = 2**62
LISTENERS = ""

_hooks = msgspec.json.Decoder(list[dict[str, Any]])
_names = msgspec.json.Decoder(list[str])
_seqs = msgspec.json.Decoder(list[int])
_queued = msgspec.json.Decoder(list[Queued])
_page = msgspec.json.Decoder(list[Undelivered])
_counts = msgspec.json.Decoder(HookCounts)
_event = msgspec.json.Decoder(LifecycleEvent)
_told = msgspec.json.Decoder(list[tuple[int, int, int]])


class WebhookRows:
    """`franking.stores.webhook_store.WebhookStore`; `write` and `read` run a script each."""

    def __init__(self, write: Callable[..., Any], read: Callable[..., Any]) -> None:
        self._write = write
        self._read = read

    async def installation(self) -> str:
        found: str = await self._read(lambda db: db.value("installation"))
        return found

    async def every(self) -> list[Webhook]:
        found: list[Webhook] = await self._read(_every)
        return found

    async def save(self, id: str, decide: Set) -> Webhook | None:
        found: Webhook | None = await self._write(lambda db: _save(db, id, decide))
        return found

    async def remove(self, id: str) -> bool:
        return bool(await self._write(lambda db: _remove(db, id)))

    async def stand(self, hook: Webhook) -> None:
        await self._write(lambda db: _stand(db, hook))

    async def reseal(self, id: str, old: bytes, new: bytes) -> bool:
        values = {"id": id, "old": old, "new": new}
        return bool(await self._write(lambda db: db.run("reseal_webhook", **values) > 0))

    async def hear(self, kinds: Sequence[Told], until: int) -> None:
        values = {"id": LISTENERS, "kinds": text(list(kinds)), "until": until}
        await self._write(lambda db: db.run("hear", **values))

    async def event(self, seq: int) -> LifecycleEvent | None:
        found = await self._read(lambda db: db.value("lifecycle_event", seq=seq, most=MOST_OCTETS))
        return None if found is None else _event.decode(found)

    async def claim(self, id: str, now: int, limit: int, each: int, until: int) -> list[Queued]:
        found: list[Queued]
        found, idle = await self._write(lambda db: _claim(db, id, now, limit, each, until))
        # A mail of which nothing waits is held by nobody, or what comes would wait for the lease's
        # end. By itself: the locks come in the other order here.
        if idle:
            await self.free(id, [(mail, now) for mail in idle])
        return found

    async def settle(self, id: str, reports: Sequence[HookReport]) -> None:
        await self._write(lambda db: _settle(db, id, reports))

    async def free(self, id: str, mails: Sequence[tuple[str, int]]) -> None:
        await self._write(lambda db: _freed(db, id, mails))

    async def next_due(self, id: str) -> int | None:
        found: int | None = await self._read(lambda db: db.value("next_queued", webhook=id))
        return found

    async def counts(self, id: str) -> HookCounts:
        values = {"webhook": id, "most": MOST_COUNTED}
        return _counts.decode(await self._read(lambda db: db.value("webhook_counts", **values)))

    async def page(
        self, id: str, state: str | None, after: int | None, limit: int
    ) -> list[Undelivered]:
        values = {
            "webhook": id,
            "state": state,
            "after": FIRST if after is None else after,
            "limit": limit,
        }
        return _page.decode(await self._read(lambda db: db.value("page_queued", **values)))

    async def resend(self, id: str, seq: int | None, mail: str | None, now: int, limit: int) -> int:
        found: int = await self._write(lambda db: _resend(db, id, seq, mail, now, limit))
        return found

    async def forget(self, after: int, before: int, limit: int) -> int | None:
        found = _told.decode(
            await self._read(lambda db: db.value("told_to_all", after=after, limit=limit))
        )
        old = [one for one in found if one[1] < before]
        heard = [seq for seq, _, heard in old if heard]
        removed = _names.decode(await self._read(lambda db: db.value("removed_webhooks")))
        if heard or removed:
            await self._write(lambda db: _forget(db, heard, removed, limit))
        return old[-1][0] if len(old) == limit else None


def _every(db: Db) -> list[Webhook]:
    found = _hooks.decode(db.value("webhooks"))
    sealed = [bytes.fromhex(one.pop("secret")) for one in found]
    return [
        msgspec.convert({**one, "secret": secret}, Webhook)
        for one, secret in zip(found, sealed, strict=True)
    ]


def _save(db: Db, id: str, decide: Set) -> Webhook | None:
    db.value("lock_webhooks")
    before = next((hook for hook in _every(db) if hook.id == id), None)
    after = decide(before)
    values = {
        "id": id,
        "url": after.url,
        "types": text(after.types),
        "include": after.include,
        "secret": after.secret,
        "state": after.state,
    }
    if before is None:
        if not db.run("add_webhook", now=after.created_at, most=MOST_WEBHOOKS, **values):
            return None
    else:
        db.run("save_webhook", reason=after.reason, since=after.since, **values)
    _hears(db, after)
    return next(hook for hook in _every(db) if hook.id == id)


def _hears(db: Db, hook: Webhook) -> None:
    """It hears its kinds from now on, and nothing where it is disabled."""
    db.run("hear_nothing", id=hook.id)
    if hook.state != "disabled":
        db.run("hear", id=hook.id, kinds=text(hook.types), until=None)


def _remove(db: Db, id: str) -> int:
    db.value("lock_webhooks")
    db.run("hear_nothing", id=id)
    return db.run("remove_webhook", id=id)


def _stand(db: Db, hook: Webhook) -> None:
    db.value("lock_webhooks")
    wrote = db.run(
        "stand_webhook",
        id=hook.id,
        version=hook.version,
        state=hook.state,
        paused_until=hook.paused_until,
        pauses=hook.pauses,
        reason=hook.reason,
        since=hook.since,
    )
    if wrote and hook.state == "disabled":
        db.run("hear_nothing", id=hook.id)


def _claim(
    db: Db, id: str, now: int, limit: int, each: int, until: int
) -> tuple[list[Queued], list[str]]:
    """What waits, and the mails of which nothing does."""
    mails = db.value("ready_webhook_lanes", webhook=id, now=now, limit=limit)
    ready = _names.decode(mails)
    if not ready:
        return [], []
    db.run("lease_webhook_lanes", webhook=id, mails=mails, until=until)
    found = _queued.decode(db.value("queued_events", webhook=id, mails=mails, each=each))
    return found, sorted(set(ready) - {queued.mail for queued in found})


def _settle(db: Db, id: str, reports: Sequence[HookReport]) -> None:
    _lock(db, id, [r.mail for r in reports])
    told = [r for r in reports if r.state == "told"]
    if told:
        db.run("heard_events", webhook=id, seqs=text([r.seq for r in told]))
        db.run("webhook_told", id=id, now=max(r.at for r in told))
    others = [r for r in reports if r.state != "told"]
    if others:
        db.run("try_queued", webhook=id, rows=text(others))
    _free(db, id, [(r.mail, r.next_at) for r in reports])


def _freed(db: Db, id: str, mails: Sequence[tuple[str, int]]) -> None:
    _lock(db, id, [mail for mail, _ in mails])
    _free(db, id, mails)


def _lock(db: Db, id: str, mails: Sequence[str]) -> None:
    """Let nobody else write what the webhook hears of these mails until the transaction ends, so
    that none is missed that comes just now."""
    db.value("lock_webhook_lanes", webhook=id, rows=text([(mail,) for mail in mails]))


def _free(db: Db, id: str, mails: Sequence[tuple[str, int]]) -> None:
    latest: dict[str, int] = {}
    for mail, next_at in mails:
        latest[mail] = max(next_at, latest.get(mail, 0))
    rows = text(list(latest.items()))
    db.run("leave_webhook_lanes", webhook=id, rows=rows)
    db.run("free_webhook_lanes", webhook=id, rows=rows)


def _resend(db: Db, id: str, seq: int | None, mail: str | None, now: int, limit: int) -> int:
    found = db.value("parked_queued", webhook=id, seq=seq, mail=mail, limit=limit)
    db.run("resend_queued", webhook=id, seqs=found)
    db.run("wake_webhook_lanes", webhook=id, seqs=found, now=now)
    return len(_seqs.decode(found))


def _forget(db: Db, heard: Sequence[int], removed: Sequence[str], limit: int) -> None:
    if heard:
        db.run("forget_events", seqs=text(list(heard)))
    for id in removed:
        left = db.run("forget_queue", id=id, limit=limit)
        left += db.run("forget_webhook_lanes", id=id, limit=limit)
        if not left:
            db.run("forget_webhook", id=id)
