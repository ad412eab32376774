"""Who calls the receivers of timers, by transport."""

from __future__ import annotations

from franking.clock import Clock
from franking.config import Settings
from franking.core.timer import HTTP, TCP
from franking.transports.base import Caller
from franking.transports.line import Line
from franking.transports.names import Names
from franking.transports.webhook import Webhook


def callers(settings: Settings, clock: Clock) -> dict[str, Caller]:
    """One for each transport that calls out; each is to be closed."""
    names = Names(settings.webhook_private_addresses)
    secret = settings.webhook_secret
    secrets = () if secret is None else secret.value.split()
    return {HTTP: Webhook(clock, names, secrets=secrets), TCP: Line(names)}
