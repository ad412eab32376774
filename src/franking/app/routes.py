"""From an account's id to the transport that its mails go through, and whether that works.

Policy. The account `default` goes through what the settings of this process name, unless it was
given a transport of its own. Every account keeps its transport, with connections and tokens of its
own, while its settings stay as they are; they are looked at again once a second, so a change is
seen everywhere within two, and at once by the process that made it. What an account was sent
through before finishes what is under way and hangs up. The thousand accounts that were last used
keep a transport. An account that does not exist is told to the one mail that names it, as is a
secret that can't be opened, and neither disconnects anything: the mailbox refused nothing.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict

import msgspec
from msgspec.structs import replace

from franking.app import outfit
from franking.app.hooks import reseal
from franking.app.outfit import Through, through
from franking.clock import Clock
from franking.core.fault import Failure
from franking.core.message.options import DEFAULT_ACCOUNT
from franking.core.sender import SecretLost, Secrets, Sender, Settled
from franking.stores.base import Store, StoreUnavailable
from franking.stores.secrets import Vault
from franking.transports.base import Transport
from franking.transports.sendgrid_settings import API, SendGridSettings
from franking.transports.smtp import Smtp
from franking.transports.smtp_settings import SmtpSettings
from franking.transports.smtp_visit import sign_in

LOOK_MS = 1_000
MOST_ROUTES = 1_000
CLOSE_SECONDS = 5
RESEAL_AT_ONCE = 100

_secrets = msgspec.json.Decoder(Secrets)


class Routes:
    """`franking.transports.base.Routes` and `Outfitter` on a store.

    `own` is what the installation itself sends through, None where it does not; `sendgrid` is
    where SendGrid's Web API is, which only tests say.
    """

    def __init__(
        self,
        store: Store,
        vault: Vault,
        clock: Clock,
        own: Through | None,
        connections: int,
        sendgrid: str = API,
    ) -> None:
        self._accounts = store.accounts
        self._webhooks = store.webhooks
        self._vault = vault
        self._clock = clock
        self._own = own
        self._connections = connections
        self._sendgrid = sendgrid
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._looking: dict[str, asyncio.Task[Transport | Failure]] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._changes = 0

    async def route(self, account: str) -> Transport | Failure:
        """The account's transport, or why it has none."""
        kept = self._kept.get(account)
        if kept is not None and self._clock.steady_ms() < kept.until:
            return kept.transport
        looking = self._looking.get(account)
        if looking is None:
            looking = asyncio.create_task(self._look(account))
            self._looking[account] = looking
            looking.add_done_callback(lambda task: self._looked(account, task))
        # Who asks may be cancelled; the others who wait for the same look are not.
        return await asyncio.shield(looking)

    async def close(self) -> None:
        """Say QUIT everywhere; a server that does not answer is not waited for."""
        while self._kept:
            self._retire(self._kept.popitem()[1].transport)
        if self._closing:
            _, late = await asyncio.wait(self._closing, timeout=CLOSE_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def changed(self, account: str) -> None:
        """Its settings are others now: they are looked at before its next mail goes."""
        self._changes += 1
        self._looking.pop(account, None)
        kept = self._kept.get(account)
        if kept is not None:
            kept.until = 0

    def check(self, sender: Sender, secrets: Secrets) -> None:
        """Could it be sent through? Raises ValueError."""
        if sender.server is not None:
            outfit.check(sender.server, secrets)

    def seal(self, account: str, secrets: Secrets) -> bytes:
        """The secrets as the store may keep them. Raises `SecretLost`."""
        return self._vault.seal(account, msgspec.json.encode(secrets))

    async def sign_in(self, account: str) -> Failure | None:
        """Connect, encrypt and log in as the account is stored now, and send nothing."""
        found = self._through(account, await self._accounts.settings(account))
        if isinstance(found, SendGridSettings):
            from franking.transports import sendgrid_visit

            return await sendgrid_visit.sign_in(found)
        return found if isinstance(found, Failure) else await sign_in(found)

    async def reseal(self) -> int:
        """Put every secret under the newest key; how many were put. Raises `SecretLost`."""
        count = 0
        while ids := await self._accounts.sealed_otherwise(self._vault.header(), RESEAL_AT_ONCE):
            for id in ids:
                found = await self._accounts.settings(id)
                if found is not None and found.secret is not None:
                    new = self._vault.seal(id, self._vault.open(id, found.secret))
                    count += await self._accounts.reseal(id, found.secret, new)
        return count + await reseal(self._webhooks, self._vault)

    def _looked(self, account: str, task: asyncio.Task[Transport | Failure]) -> None:
        if self._looking.get(account) is task:
            del self._looking[account]

    async def _look(self, account: str) -> Transport | Failure:
        """The transport by the settings as they are now; a new one where they changed."""
        until, changes = self._clock.steady_ms() + LOOK_MS, self._changes
        try:
            found = await self._accounts.settings(account)
        except StoreUnavailable as error:
            return Failure("connect", "", f"Error: {error}", kind="network")
        version = 0 if found is None or found.sender is None else found.version
        # What was changed while we looked may be another's, but is looked at again.
        until = until if changes == self._changes else 0
        kept = self._kept.get(account)
        if kept is not None and kept.version == version:
            kept.until = until
            self._kept.move_to_end(account)
            return kept.transport
        if kept is not None:
            del self._kept[account]
            self._retire(kept.transport)
        settings = self._through(account, found)
        if isinstance(settings, Failure):
            return settings
        transport = self._transport(_within(settings, found))
        self._kept[account] = _Kept(transport, version, until)
        if len(self._kept) > MOST_ROUTES:
            self._retire(self._kept.popitem(last=False)[1].transport)
        return transport

    def _transport(self, settings: Through) -> Transport:
        if isinstance(settings, SmtpSettings):
            return Smtp(settings, connections=self._connections)
        # Imported late: it takes a quarter of a second, and most commands send nothing by HTTP.
        from franking.transports.sendgrid import SendGrid

        return SendGrid(settings, connections=self._connections)

    def _through(self, account: str, found: Settled | None) -> Through | Failure:
        sender = None if found is None else found.sender
        if account == DEFAULT_ACCOUNT and (sender is None or sender.server is None):
            return self._placed(self._own) if self._own else _no_server()
        if found is None or sender is None or sender.server is None:
            return _unknown(account)
        try:
            opened = b"{}" if found.secret is None else self._vault.open(account, found.secret)
            return self._placed(through(sender.server, _secrets.decode(opened)))
        except (SecretLost, ValueError) as error:
            return _failure(str(error))

    def _placed(self, found: Through) -> Through:
        return replace(found, base=self._sendgrid) if isinstance(found, SendGridSettings) else found

    def _retire(self, transport: Transport) -> None:
        task = asyncio.create_task(transport.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


class _Kept:
    """A transport, for which version of the settings it is, and until when that is believed."""

    __slots__ = ("transport", "until", "version")

    def __init__(self, transport: Transport, version: int, until: int) -> None:
        self.transport = transport
        self.version = version
        self.until = until


def _within(settings: Through, found: Settled | None) -> Through:
    """With no more connections than the account may have; a URI may ask for fewer."""
    most = None if found is None or found.limits is None else found.limits.connections
    if most is None:
        return settings
    return replace(settings, max_connections=min(most, settings.max_connections or most))


def _unknown(account: str) -> Failure:
    return _failure(f'The account "{account}" is not known. Create it, or leave the field out.')


def _no_server() -> Failure:
    return _failure("There is no server to send through: FRANKING_SMTP_CONNECTION_URI is not set.")


def _failure(text: str) -> Failure:
    # No peer said it, and an account's name is nothing to read a meaning from.
    return Failure("connect", "", f"Error: {text}", kind="account")
