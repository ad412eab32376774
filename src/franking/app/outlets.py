"""Where events go by the settings, and the embedded package that they go to by default."""

from __future__ import annotations

from franking.app.inside import Inside
from franking.clock import Clock
from franking.config import Settings
from franking.config.orgs import salesforce_orgs
from franking.outlets.base import Outlet, Services
from franking.outlets.package import EmbeddedPackage
from franking.outlets.package.telling import EmbeddedOutlet
from franking.outlets.salesforce import Salesforce
from franking.outlets.silent import Silent
from franking.stores.base import Store


class Embedded:
    """The embedded package, and its way to the email side of this process."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.services = Inside()
        self.package = EmbeddedPackage(store.cadence, clock, self.services)


def outlet(settings: Settings, clock: Clock, services: Services) -> Outlet:
    """The outlet that the settings name; `services` reaches the embedded package."""
    if settings.outlet == "none":
        return Silent()
    if settings.outlet == "salesforce":
        return Salesforce(
            salesforce_orgs(settings), clock, rate_limited=settings.event_rate_limited
        )
    return EmbeddedOutlet(services)
