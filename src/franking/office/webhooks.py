"""The door to webhooks: set, shown, tried and removed, what each has yet to hear; and listening.

A secret that was set can't be read here, nor anywhere else; one that we made is told once. While
one is replaced, the one before signs along for a day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from franking.clock import Clock
from franking.core import webhook as policy
from franking.core.lifecycle import Told
from franking.core.sender import SecretLost
from franking.core.webhook import Given, Posted, Secrets, Webhook
from franking.office.cloud_events import letter, ping
from franking.office.refusals import Conflict, Invalid, NoWebhook
from franking.stores.base import HookCounts, Store, Undelivered

BY_HAND = "Disabled by hand."
SECRET_BYTES = 32
# So many parked events are sent again in one transaction.
AT_ONCE = 1_000
# For so long after somebody listened events are still written, for who comes back.
LISTEN_MS = 10 * 60_000


class Hooks(Protocol):
    """What webhooks need of the process: keys for their secrets, and a way out."""

    def seal(self, id: str, secrets: Secrets) -> bytes:
        """The secrets as the store may keep them. Raises `SecretLost`."""

    def opened(self, hook: Webhook) -> Secrets:
        """A webhook's secrets. Raises `SecretLost`."""

    async def post(self, hook: Webhook, id: str, content: bytes) -> Posted:
        """Tell its receiver of an event."""

    def changed(self) -> None:
        """A webhook was set or removed, or something waits again."""


class Tried(msgspec.Struct, frozen=True):
    """How a ping went, and how long it took."""

    posted: Posted
    milliseconds: int


class WebhookDoor:
    """The door to a store's webhooks. Without `hooks` they can be looked at, and removed."""

    def __init__(self, store: Store, clock: Clock, hooks: Hooks | None) -> None:
        self._rows = store.webhooks
        self._clock = clock
        self._hooks = hooks
        self._installation = ""

    async def add(self, document: Mapping[str, Any]) -> tuple[Webhook, str | None]:
        """A new webhook, and its secret where we made it. Raises `Invalid`, `Conflict`."""
        given, now = _read(document), self._clock.now()
        secret = given.secret or policy.written(self._clock.secret(SECRET_BYTES))
        id = self._clock.new_id()
        sealed = self._sealed(id, Secrets(secret))
        fresh = Webhook(id, given.url, given.types, given.include, sealed, "ok", now)
        found = await self._save(id, lambda _: _stands(fresh, given, now))
        return found, None if given.secret else secret

    async def set(self, id: str, document: Mapping[str, Any]) -> tuple[Webhook, str | None]:
        """A webhook as it is from now on, and its secret where we made one. Raises as `add` does,
        and `NoWebhook`."""
        given, now = _read(document), self._clock.now()
        made = policy.written(self._clock.secret(SECRET_BYTES)) if given.made else None
        secret = given.secret or made

        def decide(before: Webhook | None) -> Webhook:
            if before is None:
                raise NoWebhook(f"There is no webhook with id {id}.")
            sealed = before.secret if secret is None else self._followed(before, secret, now)
            after = replace(
                before, url=given.url, types=given.types, include=given.include, secret=sealed
            )
            return _stands(after, given, now)

        return await self._save(id, decide), made

    async def every(self) -> list[tuple[Webhook, HookCounts]]:
        """All webhooks, the oldest first, each with how much it has yet to hear."""
        return [(hook, await self._rows.counts(hook.id)) for hook in await self._rows.every()]

    async def read(self, id: str) -> tuple[Webhook, HookCounts]:
        """One webhook. Raises `NoWebhook`."""
        return await self._known(id), await self._rows.counts(id)

    async def remove(self, id: str) -> None:
        """It hears nothing more, and what it had yet to hear is dropped. Raises `NoWebhook`."""
        if not await self._rows.remove(id):
            raise NoWebhook(f"There is no webhook with id {id}.")
        if self._hooks is not None:
            self._hooks.changed()

    async def test(self, id: str) -> Tried:
        """Send a ping, whatever state it is in; that changes nothing of it."""
        hook, now = await self._known(id), self._clock.now()
        event = self._clock.new_id()
        content = ping(event, await self._source(), id, now)
        begun = self._clock.steady_ms()
        posted = await self._ready.post(hook, event, content)
        return Tried(posted, self._clock.steady_ms() - begun)

    async def deliveries(
        self, id: str, state: str | None, after: int | None, limit: int
    ) -> tuple[list[Undelivered], int | None]:
        """What it has yet to hear, newest first, and the last one's seq where there is more."""
        await self._known(id)
        found = await self._rows.page(id, state, after, limit + 1)
        more = len(found) > limit
        return found[:limit], found[limit - 1].seq if more else None

    async def resend(self, id: str, seq: int | None = None, mail: str | None = None) -> int:
        """What is parked for it waits again: one event, those of a mail, or all; how many do.

        What is parked again meanwhile is not sent again: there is an end to it.
        """
        await self._known(id)
        now, count = self._clock.now(), 0
        most = 1 if seq is not None else (await self._rows.counts(id)).parked
        while count < most:
            limit = min(AT_ONCE, most - count)
            done = await self._rows.resend(id, seq, mail, now, limit)
            count += done
            if done < limit:
                break
        if count and self._hooks is not None:
            self._hooks.changed()
        return count

    async def listen(self, kinds: Sequence[Told]) -> None:
        """Somebody listens for these: they are written from now on, and for a while after."""
        await self._rows.hear(kinds, self._clock.now() + LISTEN_MS)

    async def letter(self, seq: int) -> bytes | None:
        """One of the seven as webhooks get it; None where it is forgotten."""
        event = await self._rows.event(seq)
        return None if event is None else letter(event, await self._source())

    async def _save(self, id: str, decide: Any) -> Webhook:
        ready = self._ready
        found = await self._rows.save(id, decide)
        if found is None:
            words = f"There are {policy.MOST_WEBHOOKS} webhooks, and there can be no more."
            raise Conflict(words, "too_many_webhooks")
        ready.changed()
        return found

    def _followed(self, before: Webhook, secret: str, now: int) -> bytes:
        try:
            secrets = self._ready.opened(before).followed_by(secret, now)
        except SecretLost:
            secrets = Secrets(secret)  # what can't be opened signs nothing
        return self._sealed(before.id, secrets)

    def _sealed(self, id: str, secrets: Secrets) -> bytes:
        try:
            return self._ready.seal(id, secrets)
        except SecretLost as error:
            raise Conflict(str(error), "secret_lost") from None

    @property
    def _ready(self) -> Hooks:
        if self._hooks is None:
            raise Conflict("Webhooks can't be set or tried here.", "no_outfit")
        return self._hooks

    async def _known(self, id: str) -> Webhook:
        for hook in await self._rows.every():
            if hook.id == id:
                return hook
        raise NoWebhook(f"There is no webhook with id {id}.")

    async def _source(self) -> str:
        if not self._installation:
            self._installation = await self._rows.installation()
        return self._installation


def _read(document: Mapping[str, Any]) -> Given:
    try:
        return policy.read(document)
    except ValueError as error:
        raise Invalid(str(error)) from None


def _stands(hook: Webhook, given: Given, now: int) -> Webhook:
    """As a person set it: what it was in trouble with is over."""
    state, reason, since = ("ok", None, None) if given.enabled else ("disabled", BY_HAND, now)
    return replace(hook, state=state, reason=reason, since=since, paused_until=None, pauses=0)
