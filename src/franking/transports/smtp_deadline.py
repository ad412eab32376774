"""The one deadline of a connection: by when the server must have answered what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from franking.transports.smtp_protocol import Conversation
from franking.transports.smtp_settings import Timeouts
from franking.transports.smtp_states import Session


class Deadline:
    """Calls back once, unless it is set anew before."""

    __slots__ = ("_callback", "_timer")

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback = callback
        self._timer: asyncio.TimerHandle | None = None

    def set(self, seconds: float) -> None:
        """Count from now."""
        self.clear()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._callback)

    def clear(self) -> None:
        """Never call back."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def limit_seconds(talk: Conversation, limits: Timeouts, *, resting: bool) -> float:
    """How long what the conversation waits for may take."""
    if talk.state is Session.GREETING:
        return limits.greeting
    if talk.state is Session.QUITTING:
        return limits.quit
    match talk.awaited:
        case "DATA":
            return limits.data_initiation
        case "DOT":
            return limits.answer
        case None if talk.state is Session.READY:
            return limits.idle if resting else limits.data_block
        case _:
            return limits.command
