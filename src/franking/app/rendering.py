"""What renders templates for this process; its children are started when they are first asked."""

from __future__ import annotations

from franking.clock import SystemClock
from franking.compose.templates import Renderer
from franking.config import Settings
from franking.office.rendering import Rendering
from franking.stores.base import Store


class Renderings:
    """For mails that go, and for templates that are tried out, so that neither waits for the other.

    Both are None where TEMPLATES_COLLECTION is empty.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        wanted = settings.templates_collection
        self.mails = _rendering(store) if wanted else None
        self.trials = _rendering(store) if wanted else None

    async def close(self) -> None:
        """End what renders."""
        for one in (self.mails, self.trials):
            if one is not None:
                await one.close()


def _rendering(store: Store) -> Rendering:
    return Rendering(store.templates, SystemClock(), Renderer())
