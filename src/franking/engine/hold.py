"""One mail while it is ours: its lease, how far its attempt got, and the gate before its dot.

A lease is counted from before it was asked for, on the steady clock that runs on through
suspend; a hold whose time is over sends nothing, whatever the database says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from franking.clock import Clock
from franking.core.attempt import Lease
from franking.core.delivery import Stage
from franking.engine.batch import Batch
from franking.stores.base import Claimed


class Hold:
    """`franking.transports.base.Gate` for one claimed mail.

    `shut`: it may not begin to transmit any more. `ended`: its answer is known and being written.
    `left_out`: recipients that get nothing. `message_id` is known once the mail is composed.
    """

    def __init__(
        self, claimed: Claimed, fences: Batch[Lease, bool], clock: Clock, deadline_ms: int
    ) -> None:
        self.claimed = claimed
        self.lease = claimed.lease
        self.deadline_ms = deadline_ms
        self.stage = Stage.CLAIMED
        self.shut = False
        self.ended = False
        self.left_out: tuple[str, ...] = ()
        self.message_id: str | None = None
        self.started_at = clock.now()
        self.steps: list[dict[str, Any]] = [{"stage": Stage.CLAIMED, "at": self.started_at}]
        self._fences = fences
        self._clock = clock

    def begins(self) -> bool:
        """May it still go: not shut, and the lease ours?"""
        return not self.shut and self.held()

    def transmitting(self) -> Awaitable[bool]:
        """Write that the dot may go out; false where it may not."""
        if self.begins():
            self.reach(Stage.TRANSMITTING)
            return self._fences.ask(self.lease)
        refused = asyncio.get_running_loop().create_future()
        refused.set_result(False)
        return refused

    def held(self) -> bool:
        """The last look: is the lease still ours, by our own count?"""
        return self._clock.steady_ms() < self.deadline_ms

    def reach(self, stage: Stage, **said: Any) -> None:
        """The attempt got this far."""
        self.stage = stage
        self.steps.append({"stage": stage, "at": self._clock.now(), **said})

    def leave_out(self, address: str, why: str) -> None:
        """This recipient gets nothing."""
        self.left_out = (*self.left_out, address)
        self.said(address, why)

    def said(self, address: str, words: str) -> None:
        """What the server said of one recipient."""
        step = {"recipient": address, "text": words, "at": self._clock.now()}
        self.steps.append(step)
