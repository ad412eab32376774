"""What renders templates in this process; its own processes are started when they are first asked."""

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
        self._all = [_rendering(store) for _ in range(2) if settings.templates_collection]
        self.mails, self.trials = self._all or (None, None)

    async def close(self) -> None:
        """End what renders."""
        for one in self._all:
            await one.close()


def _rendering(store: Store) -> Rendering:
    return Rendering(store.templates, SystemClock(), Renderer())
