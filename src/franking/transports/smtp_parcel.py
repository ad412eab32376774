"""A mail that waits for a connection or is on one: its envelope, its gate, and its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from franking.compose.envelope import Envelope
from franking.transports.base import Answer, Gate


class Parcel:
    """What `Smtp.send` hands to a connection; `answer` is awaited by the caller of `send`."""

    __slots__ = ("_committing", "answer", "committed", "dotted", "envelope", "gate")

    def __init__(self, envelope: Envelope, gate: Gate, answer: asyncio.Future[Answer]) -> None:
        self.envelope = envelope
        self.gate = gate
        self.answer = answer
        self.committed = False
        self.dotted = False
        self._committing: asyncio.Future[bool] | None = None

    @property
    def dropped(self) -> bool:
        """True when nobody waits for the answer any more."""
        return self.answer.done()

    def commit(self) -> asyncio.Future[bool]:
        """Ask the gate, once, as the content begins to go out."""
        awaitable: Awaitable[bool] = self.gate.transmitting()
        self._committing = asyncio.ensure_future(awaitable)
        return self._committing

    def finish(self, answer: Answer) -> None:
        """Give the answer, but never before the gate has ended its commit.

        Else the store could hear `transmitting` after the mail was settled.
        """
        if self._committing is None or self._committing.done():
            self._give(answer)
        else:
            self._committing.add_done_callback(lambda _: self._give(answer))

    def crash(self, bug: BaseException) -> None:
        """Raise what our own side did wrong from `send`."""
        if not self.answer.done():
            self.answer.set_exception(bug)

    def _give(self, answer: Answer) -> None:
        if not self.answer.done():
            self.answer.set_result(answer)
