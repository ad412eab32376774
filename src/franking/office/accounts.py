"""The door to accounts: set, shown, listed, paused, resumed, tried and forgotten.

A secret that was set can't be read here, nor anywhere else. One that is not given again is kept
while it goes where it went before; else it must be given anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from franking.clock import Clock
from franking.core import account as policy
from franking.core import sender
from franking.core.account import Account
from franking.core.fault import Failure
from franking.core.message.options import DEFAULT_ACCOUNT
from franking.core.prediction import FOREVER
from franking.core.sender import Given, SecretLost, Settled, Shown
from franking.office.refusals import Conflict, Invalid, NoAccount
from franking.stores.base import Store
from franking.transports.base import Outfitter

PAUSED = "paused by hand"
NO_OUTFIT = "Accounts can't be set or tried here."


class Accounts:
    """The door to a store's accounts. `wake` is called when more may be sent.

    Without an outfitter they can be looked at, paused and resumed.
    """

    def __init__(
        self, store: Store, clock: Clock, wake: Callable[[], None], outfit: Outfitter | None
    ) -> None:
        self._rows = store.accounts
        self._clock = clock
        self._wake = wake
        self._outfit = outfit

    async def set(self, id: str, document: Mapping[str, Any]) -> tuple[Shown, bool]:
        """Set an account, as it is from now on; as it is shown, and was there none before?

        Raises `Invalid`, which names the field, or `Conflict` where no secret can be kept.
        """
        try:
            given = sender.read(document, own_server=id == DEFAULT_ACCOUNT)
            self._outfitter.check(given.sender, given.secrets)
        except ValueError as error:
            raise Invalid(str(error)) from None
        sealed = self._sealed(id, given)

        def decide(before: Settled) -> Settled:
            secret = _kept(before, given) if given.kept else sealed
            if secret is None and given.login:
                raise Invalid(f"Field '{_secret_field(given)}' is missing")
            return Settled(before.version + 1, given.sender, given.limits, secret)

        created = await self._rows.save(id, decide, self._clock.now())
        self._outfitter.changed(id)
        self._wake()
        return await self.read(id), created

    async def read(self, id: str) -> Shown:
        """One account; the installation's own is always there. Raises `NoAccount`."""
        found = await self._rows.show(id, self._clock.now())
        if found is None and id == DEFAULT_ACCOUNT:
            return _OWN
        if found is None or (found.settings is None and id != DEFAULT_ACCOUNT):
            raise NoAccount(f"There is no account with id {id}.")
        return found

    async def page(self, after: str, limit: int) -> list[Shown]:
        """Accounts whose id comes after `after`, by id."""
        return await self._rows.page(after, limit, self._clock.now())

    async def forget(self, id: str) -> None:
        """Forget an account and its secret; what still names it ends in ERROR, which says so."""
        if not await self._rows.forget(id):
            raise NoAccount(f"There is no account with id {id}.")
        if self._outfit is not None:
            self._outfit.changed(id)

    async def pause(self, id: str, until: int | None, reason: str | None) -> Shown:
        """Send nothing from it before `until` (None: before it is resumed)."""
        now = self._clock.now()
        return await self._stand(
            id, lambda a: policy.paused(a, until or FOREVER, reason or PAUSED, now)
        )

    async def resume(self, id: str) -> Shown:
        """Send from it again, whether it was paused, limited or disconnected."""
        now = self._clock.now()
        found = await self._stand(id, lambda a: policy.resumed(a, now))
        self._wake()
        return found

    async def sign_in(self, id: str) -> tuple[Shown, Failure | None]:
        """Sign in as the account and send nothing: how it stands, and what went wrong."""
        found = await self.read(id)
        return found, await self._outfitter.sign_in(id)

    async def reseal(self) -> int:
        """Put every secret under the newest key; how many were put. Raises `Conflict`."""
        try:
            return await self._outfitter.reseal()
        except SecretLost as error:
            raise Conflict(str(error), "secret_lost") from None

    @property
    def _outfitter(self) -> Outfitter:
        if self._outfit is None:
            raise Conflict(NO_OUTFIT, "no_outfit")
        return self._outfit

    def _sealed(self, id: str, given: Given) -> bytes | None:
        if given.secrets == sender.Secrets():
            return None
        try:
            return self._outfitter.seal(id, given.secrets)
        except SecretLost as error:
            raise Conflict(str(error), "secret_lost") from None

    async def _stand(self, id: str, decide: Callable[[Account], Account]) -> Shown:
        await self.read(id)
        await self._rows.stand(id, decide, self._clock.now())
        return await self.read(id)


def _kept(before: Settled, given: Given) -> bytes | None:
    """The secret that was there before, where it goes to the same place."""
    if before.secret is None or sender.same_login(before.sender, given.sender):
        return before.secret
    # Nobody is to have a secret sent elsewhere who could not have read it.
    words = "is missing: it is not kept for another server or user"
    raise Invalid(f"Field '{_secret_field(given)}' {words} (null, for none)")


def _secret_field(given: Given) -> str:
    server = given.sender.server
    by_tokens = server is not None and server.oauth is not None
    return "transport.oauth.refreshToken" if by_tokens else "password"


_OWN = Shown(
    id=DEFAULT_ACCOUNT,
    settings=None,
    limits=None,
    state=policy.AccountState.OK,
    reason=None,
    since=None,
    paused_until=None,
    pauses=0,
    created_at=None,
    version=0,
    waiting=0,
)
