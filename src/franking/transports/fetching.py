"""Fetches what attachments name by an address: from listed hosts, in bounded time and size.

Policy. `fetch_target` says what may be asked for, `fetch_exchange` how it is asked, `fetch_body`
how much may come, `fetch_failures` what is told when it does not. All addresses of a mail are
checked before the first is asked. So many mails are fetched for at once, so many of them for one
host; the others wait, and take nobody's place but that of others who want the same host. A host
that kept somebody waiting for nothing is not asked for those who waited meanwhile, since that would
hold them up one after the other; who comes later asks anew. What was fetched is counted until its
mail has ended, and while that is too much no more is fetched.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import Sequence
from functools import partial
from weakref import WeakValueDictionary

import msgspec
import structlog

from franking.compose.envelope import Unsendable
from franking.compose.links import Fetched, Link, Source, refused
from franking.config.hosts import FileHost
from franking.transports import fetch_failures
from franking.transports.calling import CONNECT_SECONDS
from franking.transports.fetch_body import Allowance, Body
from franking.transports.fetch_exchange import Exchange
from franking.transports.fetch_failures import Unfetched
from franking.transports.fetch_target import NotAllowed, Target, redirected, target
from franking.transports.names import Names
from franking.transports.places import NoPlace, Places

log = structlog.get_logger()

MOST_LINKS = 100
MOST_REDIRECTS = 3
# Mails that are fetched for at once, and those of them for one host.
MAILS, MAILS_EACH = 16, 4
CONNECTIONS, CONNECTIONS_EACH = 32, 8
# Above it no mail begins to be fetched for until others have ended.
HELD_OCTETS = 128 * 1024 * 1024
PLACE_SECONDS = 300.0
# So many time-outs in a row, and the host is taken for one that does not answer.
MOST_LATE = 3


class Limits(msgspec.Struct, frozen=True):
    """The settings of these names; `octets` is of one attachment, `mail_octets` of a mail's."""

    seconds: float = 20.0
    octets: int = 10 * 1024 * 1024
    mail_octets: int = 25 * 1024 * 1024
    connect_seconds: float = CONNECT_SECONDS


class HttpFetcher:
    """`franking.transports.base.Fetcher`; `tls` is for hosts whose issuers the system lacks."""

    def __init__(
        self,
        hosts: Sequence[FileHost] = (),
        names: Names | None = None,
        limits: Limits | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        held_octets: int = HELD_OCTETS,
    ) -> None:
        self._hosts = hosts
        self._names = names or Names("deny")
        self._limits = limits or Limits()
        self._tls = tls
        self._mails = Places(MAILS, MAILS_EACH, PLACE_SECONDS)
        self._places = Places(CONNECTIONS, CONNECTIONS_EACH, PLACE_SECONDS)
        self._standings: WeakValueDictionary[str, _Standing] = WeakValueDictionary()
        self._held_octets = held_octets
        self._held: dict[int, int] = {}
        self._let_go = asyncio.Event()
        self._exchange: Exchange | None = None
        self._closed = False

    async def fetch(self, wanted: Sequence[Link], keeper: int) -> Fetched | Unsendable:
        """All of a mail's, or why not; what came is counted until `let_go(keeper)`."""
        if len(wanted) > MOST_LINKS:
            return fetch_failures.too_many(MOST_LINKS)
        try:
            targets = {link: target(link, self._hosts) for link in wanted}
            found = await self._admitted(Counter(wanted), targets)
        except NotAllowed as error:
            ending = refused(error.address, str(error))
            log.warning("an attachment was not fetched", error=ending.error, why=str(error))
            return ending
        except Unfetched as error:
            return error.ending
        self._held[keeper] = sum(len(source.octets) for source in found.values())
        return found

    def let_go(self, keeper: int) -> None:
        """The mail has ended: what was fetched for it is forgotten."""
        if self._held.pop(keeper, 0):
            self._let_go.set()

    async def close(self) -> None:
        """Hang up; who is being fetched for, and who comes, is told so."""
        self._closed = True
        if self._exchange is not None:
            await self._exchange.close()
        self._names.close()

    async def _admitted(self, uses: Counter[Link], targets: dict[Link, Target]) -> Fetched:
        """Wait until it is this mail's turn, then fetch all of it. Raises `NotAllowed` too."""
        place = next(iter(targets.values())).place
        standing = self._standing(place)
        failures = standing.failures
        try:
            async with self._mails.one(place):
                standing.check(failures)
                await self._room()
                return await self._all(uses, targets)
        except NoPlace:
            raise Unfetched(fetch_failures.crowded(place)) from None

    async def _room(self) -> None:
        while sum(self._held.values()) >= self._held_octets:
            self._let_go.clear()
            await self._let_go.wait()

    async def _all(self, uses: Counter[Link], targets: dict[Link, Target]) -> Fetched:
        """The first that fails ends the others."""
        allowance = Allowance(self._limits.mail_octets)
        found: dict[Link, Source] = {}

        async def one(link: Link) -> None:
            opened = partial(Body, limit=self._limits.octets, allowance=allowance, uses=uses[link])
            found[link] = await self._one(targets[link], opened)

        try:
            async with asyncio.TaskGroup() as group:
                for link in targets:
                    group.create_task(one(link))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return found

    async def _one(self, asked: Target, opened: partial[Body]) -> Source:
        standing = self._standing(asked.place)
        failures = standing.failures
        async with self._places.one(asked.place):
            standing.check(failures)
            try:
                async with asyncio.timeout(self._limits.seconds):
                    source = await self._follow(asked, opened)
            except TimeoutError:
                raise standing.late(
                    fetch_failures.late(asked.place, self._limits.seconds)
                ) from None
            except Unfetched as error:
                raise standing.ended(error) from error.__cause__
            standing.in_a_row = 0
            return source

    async def _follow(self, asked: Target, opened: partial[Body]) -> Source:
        for _ in range(MOST_REDIRECTS + 1):
            answer = await self._opened(asked).ask(asked, opened)
            if isinstance(answer, Source):
                return answer
            asked = redirected(asked, answer.location, self._hosts)
        raise fetch_failures.redirects()

    def _opened(self, asked: Target) -> Exchange:
        if self._closed:
            raise Unfetched(fetch_failures.stopping(asked.place))
        if self._exchange is None:
            self._exchange = Exchange(
                self._names,
                connections=CONNECTIONS,
                each=CONNECTIONS_EACH,
                connect_seconds=self._limits.connect_seconds,
                tls=self._tls,
            )
        return self._exchange

    def _standing(self, place: str) -> _Standing:
        standing = self._standings.get(place)
        if standing is None:
            standing = self._standings[place] = _Standing()
        return standing


class _Standing:
    """What is known of a host while somebody wants something of it: did it keep others waiting?"""

    def __init__(self) -> None:
        self.failures = 0
        self.in_a_row = 0
        self._last: Unfetched | None = None

    def check(self, failures: int) -> None:
        """Raises `Unfetched` where the host failed since there were so many failures."""
        if self._last is not None and self.failures > failures:
            raise Unfetched(self._last.ending)

    def late(self, error: Unfetched) -> Unfetched:
        """It took too long; the last of several in a row counts for those who wait."""
        self.in_a_row += 1
        if self.in_a_row >= MOST_LATE:
            self._fail(error)
        return error

    def ended(self, error: Unfetched) -> Unfetched:
        """It answered, or was not to be reached."""
        self.in_a_row = 0
        if error.unreached:
            self._fail(error)
        return error

    def _fail(self, error: Unfetched) -> None:
        self.failures += 1
        self._last = error
