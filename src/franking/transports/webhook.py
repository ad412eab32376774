"""Calls timers' receivers over HTTP and HTTPS, each call once and in bounded time.

Policy. `webhook_request` says what is sent, `webhook_answer` what an answer means. Whoever could
not be connected to, or did not answer, is called again later; what can't be called at all fails at
once. A call that waits for a place, since many others go to the same host, has its full time once
it has one. Skyring's receivers see what Skyring sent them, and some headers more.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence

from franking.clock import Clock
from franking.core.timer import Timer
from franking.core.timer.calls import Called
from franking.transports.calling import (
    CONNECT_SECONDS,
    CONNECTIONS,
    CONNECTIONS_EACH,
    TOTAL_SECONDS,
    Uncallable,
)
from franking.transports.names import Names
from franking.transports.places import NoPlace, Places
from franking.transports.webhook_answer import Answer, called
from franking.transports.webhook_exchange import Exchange
from franking.transports.webhook_request import Body, Target, body, headers, target
from franking.transports.webhook_signature import secret_key


class Webhook:
    """The `Caller` of the transport `http`; many calls at once.

    `secrets` are `whsec_…`, each of which signs; without any, nothing is signed. `tls` is for
    receivers whose certificates the system does not know. Raises ValueError for a wrong secret.
    """

    def __init__(
        self,
        clock: Clock,
        names: Names | None = None,
        *,
        secrets: Sequence[str] = (),
        connect_seconds: float = CONNECT_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
        connections: int = CONNECTIONS,
        connections_each: int = CONNECTIONS_EACH,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._clock = clock
        self._names = names or Names()
        self._keys = [secret_key(secret) for secret in secrets]
        self._connect_seconds, self._total_seconds = connect_seconds, total_seconds
        self._most, self._most_each = connections, connections_each
        self._tls = tls
        self._places = Places(connections, connections_each, total_seconds)
        self._exchange: Exchange | None = None
        self._closed = False

    async def call(self, timer: Timer) -> Called:
        """One request at most; what it came to."""
        try:
            whom, what = target(timer), body(timer)
        except Uncallable as error:
            return Called(str(error))
        try:
            async with self._places.one(whom.place):
                return await self._send(timer, whom, what)
        except NoPlace:
            words = f"{whom.place} was not called: too many calls to it are under way"
            return Called(words, again=True)

    async def close(self) -> None:
        """Hang up; calls under way end with an error, as do those that come."""
        self._closed = True
        if self._exchange is not None:
            await self._exchange.close()

    async def _send(self, timer: Timer, whom: Target, what: Body) -> Called:
        exchange = self._opened()
        if exchange is None:
            return Called(f"{whom.place} was not called: franking is stopping", again=True)
        now = self._clock.now()
        answer = await exchange.send(
            whom, headers(timer, whom, what, self._keys, now), what.content
        )
        if isinstance(answer, Answer):
            return called(answer, self._clock.now())
        return Called(answer.error, answer.again)

    def _opened(self) -> Exchange | None:
        if self._exchange is None and not self._closed:
            self._exchange = Exchange(
                self._names,
                connections=self._most,
                each=self._most_each,
                connect_seconds=self._connect_seconds,
                total_seconds=self._total_seconds,
                tls=self._tls,
            )
        return None if self._closed else self._exchange
