"""What webhooks need of the process: the keys of their secrets, and calls to their receivers."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from franking.clock import Clock
from franking.config import Settings
from franking.core.sender import SecretLost
from franking.core.webhook import Posted, Secrets, Webhook
from franking.stores.base import WebhookStore
from franking.stores.secrets import Vault
from franking.transports.base import Poster
from franking.transports.hooks import HookPoster
from franking.transports.names import Names

_secrets = msgspec.json.Decoder(Secrets)


class AppHooks:
    """`franking.office.webhooks.Hooks`; `changed` is called when a webhook was."""

    def __init__(self, vault: Vault, poster: Poster, changed: Callable[[], None]) -> None:
        self._vault = vault
        self._poster = poster
        self._changed = changed

    def seal(self, id: str, secrets: Secrets) -> bytes:
        """The secrets as the store may keep them. Raises `SecretLost`."""
        return self._vault.seal(place(id), msgspec.json.encode(secrets))

    def opened(self, hook: Webhook) -> Secrets:
        """A webhook's secrets. Raises `SecretLost`."""
        return opened(self._vault, hook)

    async def post(self, hook: Webhook, id: str, content: bytes) -> Posted:
        """Tell its receiver of an event."""
        return await self._poster.post(hook, id, content)

    def changed(self) -> None:
        """A webhook was set or removed, or something waits again."""
        self._changed()


def poster(settings: Settings, clock: Clock, vault: Vault) -> HookPoster:
    """Who tells webhooks, by the settings; to be closed."""
    private = settings.webhook_private_addresses
    return HookPoster(
        clock, lambda hook: opened(vault, hook), lambda threads: Names(private, threads=threads)
    )


def opened(vault: Vault, hook: Webhook) -> Secrets:
    """A webhook's secrets. Raises `SecretLost`."""
    try:
        return _secrets.decode(vault.open(place(hook.id), hook.secret))
    except SecretLost as error:
        words = str(error).replace("The secret of an account", "The webhook's secret")
        raise SecretLost(words) from None


async def reseal(store: WebhookStore, vault: Vault) -> int:
    """Put every secret under the newest key; how many were put. Raises `SecretLost`."""
    count = 0
    for hook in await store.every():
        if not hook.secret.startswith(vault.header()):
            new = vault.seal(place(hook.id), vault.open(place(hook.id), hook.secret))
            count += await store.reseal(hook.id, hook.secret, new)
    return count


def place(id: str) -> str:
    """What a secret is sealed for: an account may have the same id."""
    return f"webhook {id}"
