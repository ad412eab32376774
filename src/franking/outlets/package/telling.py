"""The outlet that tells the embedded package, over the endpoint that an org has too.

Policy (contract cadence, section 3). 200 is heard. 400 is the package's last word on an event, in
Apex's own shape: it is parked with those words. 401, 403 and 404 concern the way to the package and
not the event, so the outlet is left in peace. Anything else, and no answer, is waited out.
"""

from __future__ import annotations

from typing import Any

import msgspec

from franking.core.reporting import Down, Heard, Later, Never, Verdict
from franking.outlets.base import Answered, OutOfReach, Services, traced
from franking.outlets.package.reach import PATIENCE_SECONDS, Reach, members, words
from franking.stores.base import StoredEvent

PATH = "/services/apexrest/DS_Packages/DialSourceCadenceServices"
ERROR_CHARACTERS = 1_000


class EmbeddedOutlet:
    """`franking.outlets.base.Outlet` to the package that `services` reaches."""

    def __init__(self, services: Services, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._reach = Reach(services, patience_seconds)

    def side(self, event: StoredEvent) -> str:
        return "package"

    async def tell(self, event: StoredEvent) -> Verdict:
        try:
            answered = await self._reach.ask("POST", PATH, event.body, traced())
        except OutOfReach as error:
            return Later(f"The embedded package is out of reach: {error}.")
        if answered.status == 200:
            return Heard(str(members(answered).get("status", "applied")))
        said = _said(answered)
        if answered.status == 400:
            return Never(said)
        if answered.status in (401, 403, 404):
            return Down(f"The embedded package can't be called: {said}")
        return Later(f"The embedded package did not take it: {said}")

    async def close(self) -> None:
        """There is nothing to hang up."""


def _said(answered: Answered) -> str:
    """Its words: an array of Apex's errors, or what else has words; else its status."""
    try:
        found: Any = msgspec.json.decode(answered.body)
        said = "; ".join(f"{one['errorCode']}: {one['message']}" for one in found)
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError, KeyError):
        said = words(answered) or ""
    return (said or f"it answered {answered.status}")[:ERROR_CHARACTERS]
