"""What the engine and the doors ask of tracing, where it is on; they know no library for it.

Where it is off there is no tracer, and nothing is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from franking.core.attempt import Settlement
from franking.stores.base import StoredEvent


class Tracer(Protocol):
    """Writes spans. Nothing that it does may hold up or fail what it looks at."""

    def taken(self, traceparent: str | None, route: str) -> AbstractContextManager[str]:
        """A span of the caller's trace, or of a new one, while documents are taken; the trace
        that they carry on."""

    def attempted(
        self, traceparent: str, settlement: Settlement, steps: Sequence[Mapping[str, Any]]
    ) -> None:
        """An attempt that has ended, with a span for each of its stages."""

    def telling(self, traceparent: str, event: StoredEvent) -> AbstractContextManager[str]:
        """A span while an outlet is told of an event; the trace that the call carries on."""
