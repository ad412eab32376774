"""Where a worker does something to itself: at a transaction that writes such a thing.

A spot is told as `kind:when:nth:act`: at the nth transaction that writes that kind, `before` or
`after` its COMMIT or `during` the transaction, right after that query, the process does `act`:
`kill` (SIGKILL), `stop` (SIGSTOP), `term` (SIGTERM, and the disk is slow for a moment), `crash`
(the database's server quits as by `pg_ctl -m immediate`) or `lose` (the connection to it is gone).
What a transaction writes is known by the named queries that it ran.

The environment names one process's spot, `KILL_AT`, or a file that a test writes it into,
`KILL_SPOT`: of several processes that look there, the first at the spot takes it.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

SLOW_SECONDS = 0.3

# What a transaction did, by the queries that write it.
KINDS = {
    "insert_mails": "submit",
    "lease_mails": "claim",
    "mark_transmitting": "transmitting",
    "renew_leases": "renew",
    "settle_mails": "settle",
    "insert_content": "remainder",
    "update_mail": "change",
    "write_late": "late",
    "insert_timers": "timer_create",
    "lease_timers": "timer_claim",
    "renew_timers": "timer_renew",
    "end_timers": "timer_end",
    "serve_timers": "timer_serve",
    "end_mailed": "timer_told",
    "retry_timer": "timer_retry",
    "insert_touchpoint": "touchpoint_create",
    "update_touchpoint": "touchpoint_write",
    "insert_conquer_errors": "touchpoint_child",
    "lease_touchpoints": "outbox_claim",
    "told_events": "outbox_told",
    "delete_inbox": "intake",
}
# A sweep settles too: it first looks for leases that ran out.
SWEEP_LOOKS, SWEEP = "lapsed", "sweep"
SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP, "term": signal.SIGTERM}


class Spot:
    """A spot, as it was told; it is met once."""

    def __init__(self, told: str) -> None:
        self.kind, self.when, nth, self.act = told.split(":")
        self._left = int(nth)

    def met(self, when: str, written: set[str]) -> bool:
        """A COMMIT is about to be, or has been, or one of its queries has: is it here?"""
        if when != self.when or self.kind not in written:
            return False
        self._left -= 1
        return self._left == 0


class Spots:
    """The spots of this process, as its environment names them now."""

    def __init__(self) -> None:
        own = os.environ.get("KILL_AT")
        shared = os.environ.get("KILL_SPOT")
        self._spot = Spot(own) if own else None
        self._shared = Path(shared) if shared else None
        self._told = ""

    def pass_by(self, when: str, written: set[str], lose: Callable[[], None]) -> None:
        """Do what is to be done here, if anything; `lose` ends the connection to the database."""
        if self._shared is not None and (told := read(self._shared)) != self._told:
            self._told = told
            self._spot = Spot(told) if told else None
        if self._spot is not None and self._spot.met(when, written) and self._taken():
            _do(self._spot.act, lose)

    def _taken(self) -> bool:
        """Is it ours, and nobody was here first?"""
        if self._shared is None:
            return True
        try:
            self._shared.rename(self._shared.with_suffix(".taken"))
        except FileNotFoundError:
            return False
        return True


class Passing:
    """What the transaction under way on one connection has written so far."""

    def __init__(self, spots: Spots, lose: Callable[[], None]) -> None:
        self._spots = spots
        self._lose = lose
        self._written: set[str] = set()
        self._sweeping = False

    def begun(self) -> None:
        """A transaction began."""
        self._written.clear()
        self._sweeping = False

    def commits(self, when: str) -> None:
        """It is about to be committed, or has been."""
        self._spots.pass_by(when, self._written, self._lose)

    def ran(self, name: str | None, rows: int) -> None:
        """One of its queries was run."""
        if name == SWEEP_LOOKS:
            self._sweeping = True
        elif name in KINDS and rows > 0:
            kind = SWEEP if name == "settle_mails" and self._sweeping else KINDS[name]
            self._written.add(kind)
            self._spots.pass_by("during", {kind}, self._lose)


def read(path: Path) -> str:
    """What a file says; nothing where there is none."""
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


def crash() -> None:
    """Have the server of the database quit as `pg_ctl -m immediate` has it."""
    pid = read(Path(os.environ["KILL_SERVER"])).partition("\n")[0]
    if pid:
        os.kill(int(pid), signal.SIGQUIT)


def _do(act: str, lose: Callable[[], None]) -> None:
    if act == "crash":
        crash()
    elif act == "lose":
        lose()
    else:
        os.kill(os.getpid(), SIGNALS[act])
        if act == "term":
            threading.Event().wait(SLOW_SECONDS)
