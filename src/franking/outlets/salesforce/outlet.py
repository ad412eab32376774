"""Tells the package in one or more Salesforce orgs of events (contract cadence, section 3).

Policy. An event goes to the org of its mail's account, or else to the default one; each org is a
side of its own, so that a trouble of one is none of another's. A call takes `total_seconds` at the
most, logging in included, which takes half of them at the most. Apex may run for longer: a
request's CPU limit is 10 s, a row lock is waited for up to 10 s, and callouts of triggers may take
120 s. But what takes 30 s is a trouble that waiting longer rarely ends; requests of 20 s and more
count to a limit of 25 at a time in the whole org, and each holds one of our connections. So we let
go and tell it again later, which the event's id makes harmless.

A token is kept until Salesforce refuses it, for its answers name no end of it: then there is one
new token, and the call is made once more. Nothing that is secret gets into a verdict or a log.

Sources: Salesforce, "API Request Limits and Allocations", "Execution Governors and Limits",
"Locking Statements" (Apex Developer Guide).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping

from franking.clock import Clock
from franking.config import Org, Orgs
from franking.core.reporting import Later, Never, Verdict
from franking.outlets.base import traced
from franking.outlets.salesforce.letter import RATE_LIMITED, letter
from franking.outlets.salesforce.limits import Limits, Usage
from franking.outlets.salesforce.tokens import Grant, Tokens
from franking.outlets.salesforce.verdicts import unanswered, verdict
from franking.outlets.salesforce.wire import Answer, Unanswered, Wire
from franking.stores.base import StoredEvent

PATH = "/services/apexrest/DS_Packages/DialSourceCadenceServices"
CONNECTIONS = 50
CONNECT_SECONDS = 10.0
TOTAL_SECONDS = 30.0
NOBODY = "no org"


class Salesforce:
    """The outlet. `rate_limited` is how the package spells that event.

    `connections` are kept at the most, and are shared by all orgs; `tls` replaces the system's
    authorities. Made inside a running loop or outside of one.
    """

    def __init__(
        self,
        orgs: Orgs,
        clock: Clock,
        *,
        rate_limited: str = RATE_LIMITED,
        connections: int = CONNECTIONS,
        connect_seconds: float = CONNECT_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._orgs = orgs
        self._clock = clock
        self._rate_limited = rate_limited
        self._total_seconds = total_seconds
        # Beside the calls each org may be logged in to, which must not wait for them.
        room = connections + len(orgs.all)
        self._wire = Wire(connections=room, connect_seconds=connect_seconds, tls=tls)
        self._tokens = {
            org.name: Tokens(org, self._wire, clock, total_seconds / 2) for org in orgs.all
        }
        self._calls = asyncio.Semaphore(connections)
        self._limits = Limits()

    @property
    def limits(self) -> Mapping[str, Usage]:
        """How many of its daily API calls each org has used, by its name, as it last said."""
        return dict(self._limits.last)

    def side(self, event: StoredEvent) -> str:
        """The org that would hear of it."""
        org = self._org(event)
        return NOBODY if org is None else org.name

    async def tell(self, event: StoredEvent) -> Verdict:
        """Post it to its org; what the answer means."""
        org = self._org(event)
        if org is None:
            account = event.body.get("account")
            words = "has no org: add it to SALESFORCE_ORGS, then send the event again."
            return Never(f"The account {account!r} {words}")
        tokens = self._tokens[org.name]
        try:
            async with asyncio.timeout(self._total_seconds):
                return await self._told(org, tokens, letter(event, self._rate_limited))
        except TimeoutError:
            return Later(f"Salesforce did not answer within {self._total_seconds:g} s.")

    async def close(self) -> None:
        """Hang up."""
        for tokens in self._tokens.values():
            await tokens.close()
        await self._wire.close()

    def _org(self, event: StoredEvent) -> Org | None:
        account = event.body.get("account")
        return self._orgs.of(account if isinstance(account, str) else None)

    async def _told(self, org: Org, tokens: Tokens, body: bytes) -> Verdict:
        grant = await tokens.grant()
        if not isinstance(grant, Grant):
            return grant
        answer = await self._post(org, grant, body)
        if _is_stale(answer):
            grant = await tokens.grant(refused=grant)
            if not isinstance(grant, Grant):
                return grant
            answer = await self._post(org, grant, body)
            if _is_stale(answer):
                tokens.forget(grant)
        if isinstance(answer, Unanswered):
            return unanswered(answer)
        return verdict(answer, self._clock.now(), (*tokens.secrets(), grant.token))

    async def _post(self, org: Org, grant: Grant, body: bytes) -> Answer | Unanswered:
        headers = {
            "Authorization": f"Bearer {grant.token}",
            "Content-Type": "application/json; charset=utf-8",
            **traced(),
        }
        async with self._calls:
            answer = await self._wire.post(grant.instance_url + PATH, headers, body)
        if isinstance(answer, Answer):
            self._limits.note(org.name, answer.limit_info)
        return answer


def _is_stale(answer: Answer | Unanswered) -> bool:
    """The token is no longer good; or the org has moved, and a new token says where to."""
    return isinstance(answer, Answer) and (answer.status == 401 or 300 <= answer.status < 400)
