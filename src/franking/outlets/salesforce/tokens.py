"""The access token of an org: asked for by one caller at a time, kept until it is refused.

Policy. Salesforce's answers name no end of a token (it ends with the session's time-out, which the
connected app sets), so a token is good until a call meets 401. Those who need a new one at the same
time share one request, and its answer whatever it is. A login that is refused (`invalid_grant` and
its like) is the org's trouble: its side pauses, and asks again after the pause.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import msgspec

from franking.clock import Clock
from franking.config import Org
from franking.config.salesforce import is_origin
from franking.core.depth import UNREADABLE
from franking.core.reporting import Down, Later
from franking.outlets.salesforce.login import form
from franking.outlets.salesforce.verdicts import retry_after_ms, unanswered
from franking.outlets.salesforce.wire import Answer, Unanswered, Wire
from franking.outlets.salesforce.words import shown

PATH = "/services/oauth2/token"


class Grant(msgspec.Struct, frozen=True):
    """A token, and the address of the org that it is for."""

    token: str
    instance_url: str


class Tokens:
    """The one token of an org."""

    def __init__(self, org: Org, wire: Wire, clock: Clock, seconds: float) -> None:
        self._org = org
        self._wire = wire
        self._clock = clock
        self._seconds = seconds
        self._kept: Grant | None = None
        self._asking: asyncio.Task[Grant | Later | Down] | None = None

    async def grant(self, refused: Grant | None = None) -> Grant | Later | Down:
        """The token kept; a new one where there is none, or where that is the one `refused`."""
        if self._kept is not None and self._kept is not refused:
            return self._kept
        if self._asking is None:
            self._kept = None
            self._asking = asyncio.create_task(self._ask())
        # One caller that gives up must not take it from the others.
        return await asyncio.shield(self._asking)

    def forget(self, grant: Grant) -> None:
        """It was refused: ask for a new one next time."""
        if self._kept is grant:
            self._kept = None

    def secrets(self) -> Iterator[str]:
        """What Salesforce gets to know beside the token, and must never be shown."""
        secrets = (self._org.client_secret, self._org.refresh_token)
        yield from (secret.value for secret in secrets if secret is not None)

    async def close(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])

    async def _ask(self) -> Grant | Later | Down:
        try:
            async with asyncio.timeout(self._seconds):
                found = await self._answer()
        except TimeoutError:
            return Later(f"Salesforce did not log us in within {self._seconds:g} s.")
        finally:
            self._asking = None
        if isinstance(found, Grant):
            self._kept = found
        return found

    async def _answer(self) -> Grant | Later | Down:
        body = form(self._org, self._clock.now()).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await self._wire.post(self._org.login_url + PATH, headers, body)
        if isinstance(answer, Unanswered):
            found = unanswered(answer)
            assert isinstance(found, Later | Down)
            return found
        return read(answer, self._clock.now(), tuple(self.secrets()))


class _Granted(msgspec.Struct, frozen=True):
    access_token: str
    instance_url: str


class _Denied(msgspec.Struct, frozen=True):
    error: str
    error_description: str = ""


def read(answer: Answer, now: int, secrets: Sequence[str] = ()) -> Grant | Later | Down:
    """The token in an answer of the token endpoint, or what its refusal means."""
    status, body = answer.status, answer.body
    try:
        if status == 200:
            return _checked(msgspec.json.decode(body, type=_Granted))
        denied = msgspec.json.decode(body, type=_Denied)
        words = ": ".join(filter(None, (denied.error, denied.error_description)))
    except UNREADABLE:
        words = f"it answered {status} without a token or a reason that can be read"
    text = f"Salesforce refuses to log us in: {shown(words, secrets)}."
    if status in (408, 429) or status >= 500:
        return Later(text, retry_after_ms(answer, now))
    return Down(text, retry_after_ms(answer, now))


def _checked(granted: _Granted) -> Grant | Down:
    token, url = granted.access_token, granted.instance_url.rstrip("/")
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        return Down("Salesforce refuses to log us in: its answer has no token that can be used.")
    if not is_origin(url):
        return Down("Salesforce named no address of the org that can be trusted (https).")
    return Grant(token, url)
