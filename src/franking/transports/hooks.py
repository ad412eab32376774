"""Tells webhooks of events: one signed POST each, in bounded time, over connections of their own.

Policy. 2xx says that the receiver has it; 410 (Gone) that it wants no more; with `Retry-After`,
a 429 or a 5xx asks to be left in peace. No redirect is followed. Each webhook has its own
connections and looks names up in threads of its own, so that none waits for another's receiver.
What would meet every event, as an address that may not be called or a secret that can't be opened,
is `down`.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping

from franking.clock import Clock
from franking.core.sender import SecretLost
from franking.core.webhook import Posted, Secrets, Webhook
from franking.transports.calling import Uncallable
from franking.transports.names import Names
from franking.transports.webhook_answer import Answer, called
from franking.transports.webhook_exchange import Exchange, Unanswered
from franking.transports.webhook_request import USER_AGENT, Target, post_to
from franking.transports.webhook_signature import secret_key, signed

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 15.0
CONNECTIONS = 8
THREADS = 4
GONE = 410
MEDIA_TYPE = "application/cloudevents+json; charset=utf-8"
STOPPING = "the receiver was not called: franking is stopping"


class HookPoster:
    """The `Poster`. `opened` gives a webhook's secrets, or raises `SecretLost`; `names` makes who
    looks names up, in so many threads. `tls` is for receivers whose certificates the system does
    not know."""

    def __init__(
        self,
        clock: Clock,
        opened: Callable[[Webhook], Secrets],
        names: Callable[[int], Names],
        *,
        connect_seconds: float = CONNECT_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._clock = clock
        self._opened = opened
        self._names = names
        self._connect_seconds, self._total_seconds = connect_seconds, total_seconds
        self._tls = tls
        self._lines: dict[str, _Line] = {}
        self._closed = False

    async def post(self, hook: Webhook, id: str, content: bytes) -> Posted:
        """Tell of the event `id`, signed."""
        if self._closed:
            return Posted(STOPPING)
        try:
            line = await self._line(hook)
        except (Uncallable, SecretLost) as error:
            return Posted(str(error), down=True)
        seconds = self._clock.now() // 1000
        keys = [secret_key(secret) for secret in line.secrets.signing(seconds * 1000)]
        headers = _headers(signed(keys, id, seconds, content), content)
        answer = await line.exchange.send(line.target, headers, content)
        return _posted(answer, self._clock.now())

    async def drop(self, id: str) -> None:
        """A webhook is no more: hang up on it."""
        line = self._lines.pop(id, None)
        if line is not None:
            await line.close()

    async def close(self) -> None:
        """Hang up; calls under way end with an error."""
        self._closed = True
        for id in list(self._lines):
            await self.drop(id)

    async def _line(self, hook: Webhook) -> _Line:
        """Its connections, by its settings as they are now. Raises `Uncallable`, `SecretLost`."""
        line = self._lines.get(hook.id)
        if line is not None and line.version >= hook.version:
            return line
        target, secrets = post_to(hook.url), self._opened(hook)
        names = self._names(THREADS)
        exchange = Exchange(
            names,
            connections=CONNECTIONS,
            each=CONNECTIONS,
            connect_seconds=self._connect_seconds,
            total_seconds=self._total_seconds,
            tls=self._tls,
        )
        fresh = _Line(hook.version, target, secrets, names, exchange)
        self._lines[hook.id] = fresh
        if line is not None:
            await line.close()
        return fresh


class _Line:
    """What calls go to one webhook through, as of a version of its settings."""

    __slots__ = ("exchange", "names", "secrets", "target", "version")

    def __init__(
        self, version: int, target: Target, secrets: Secrets, names: Names, exchange: Exchange
    ) -> None:
        self.version = version
        self.target = target
        self.secrets = secrets
        self.names = names
        self.exchange = exchange

    async def close(self) -> None:
        await self.exchange.close()
        self.names.close()


def _headers(signature: Mapping[str, str], content: bytes) -> Mapping[str, str]:
    return {
        "user-agent": USER_AGENT,
        "accept": "*/*",
        "content-type": MEDIA_TYPE,
        "content-length": str(len(content)),
        **signature,
    }


def _posted(answer: Answer | Unanswered, now: int) -> Posted:
    if isinstance(answer, Unanswered):
        return Posted(answer.error, down=not answer.again)
    found = called(answer, now)
    return Posted(found.error, found.after_ms, gone=answer.status == GONE)
