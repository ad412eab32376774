"""What comes back, handed in: reports of bounces, and the suppression list that they fill."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from franking.clock import Clock
from franking.compose.addresses import Misfit, bare_address
from franking.compose.dsn import NoReport, read_report
from franking.compose.envelope import Unsendable
from franking.compose.recipients import flat, read_addresses
from franking.core.bounce import Bounce, Candidate, Filing, Known, Report
from franking.core.filing import filed
from franking.core.suppression import Suppression, listed, normal
from franking.core.unknown import UnknownError
from franking.office.refusals import Invalid
from franking.stores.base import Store

# Smaller ones are read at once: to hand them to a thread would take longer.
LARGE_BYTES = 64 * 1024
NO_REASON = "put on the list by hand"


class NotABounce(Exception):
    """What was handed in is no delivery report; the text says why."""


class Bounces:
    """The door to what comes back; `wake` is called when there may be an event to tell."""

    def __init__(self, store: Store, clock: Clock, wake: Callable[[], None]) -> None:
        self._returns = store.returns
        self._clock = clock
        self._wake = wake

    async def take(self, raw: bytes) -> Filing:
        """File a report; what it changed, and what was there before. Raises `NotABounce`.

        A report on no mail of ours changes nothing.
        """
        large = len(raw) > LARGE_BYTES
        found = await asyncio.to_thread(read_report, raw) if large else read_report(raw)
        if isinstance(found, NoReport):
            raise NotABounce(found.reason)
        given = found
        filing = await self._returns.file(
            given.message_ids, lambda id, rows, known: self._decided(given, id, rows, known)
        )
        self._wake()
        return filing or Filing()

    async def of(self, mail: str) -> list[Bounce]:
        """What came back for a mail, oldest first."""
        return await self._returns.bounces(mail)

    async def suppressions(self, q: str | None, after: str, limit: int) -> list[Suppression]:
        """Addresses on the suppression list, in their order."""
        return await self._returns.suppressions(q and normal(q), after, limit)

    async def suppress(self, address: str, reason: str) -> Suppression:
        """Put an address on the list, or give it another reason. Raises `Invalid`."""
        now = self._clock.now()
        wanted = listed(_checked(address), reason.strip() or NO_REASON, "person", now)
        return await self._returns.suppress(wanted)

    async def allow(self, address: str) -> bool:
        """Take an address from the list; false where it was not there."""
        return await self._returns.allow(normal(address))

    async def unknown_errors(self, limit: int) -> list[UnknownError]:
        """Errors that no rule knows, the most frequent first."""
        return await self._returns.unknown_errors(limit)

    def _decided(
        self, found: Report, message_id: str, rows: Sequence[Candidate], known: Known
    ) -> Filing:
        read = [replace(row, recipients=_recipients(row)) for row in rows]
        return filed(found, message_id, read, known, self._clock.now(), self._clock.new_id)


def _recipients(row: Candidate) -> tuple[str, ...]:
    """Whom a mail names, and whom its last attempt was for."""
    fields, info = row.fields, row.delivery.info
    found = list(fields.recipients or ())
    for name, value in (("to", fields.to), ("cc", fields.cc), ("bcc", fields.bcc)):
        parties = read_addresses(name, value or ())
        if not isinstance(parties, Unsendable):
            found += [party.address for party in flat(parties)]
    if info is not None:
        found += (*info.accepted, *info.rejected, *info.pending)
    return tuple(dict.fromkeys(found))


def _checked(address: str) -> str:
    found = bare_address(address.strip())
    if isinstance(found, Misfit):
        raise Invalid(f"Field 'address' is no address: {found.reason}")
    return found
