"""`franking cadence check`: page by page until all touchpoints are compared, and repaired."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable

import msgspec
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from franking.cli import screen
from franking.cli.door import Document, Door
from franking.cli.exits import Code, Ended
from franking.cli.outbox_door import OutboxDoor

AT_ONCE = 100
# A touchpoint whose events were parked one after the other is repaired in several rounds.
MOST_ROUNDS = 5
MOST_KEPT = 1_000
LOOK_SECONDS = 0.2
MOST_LOOKS = 150
SALESFORCE = (
    "Events go to Salesforce, which can't be read from here: only the embedded package's own"
    " touchpoints were compared, not those of the org."
)
NOT_THERE = (
    "Events go to Salesforce, which can't be read from here, so nobody knows what it lacks. Send"
    " parked events again with `franking outbox resend`."
)
NOWHERE = "Events go nowhere (FRANKING_OUTLET is none): touchpoints hear nothing."
NOBODY_TELLS = "Events wait until `franking serve` runs; then check again."
STILL_WAIT = "Events wait to be told: `franking outbox list` says why."

Page = Callable[[str | None, int], Awaitable[Document]]


class Tally(msgspec.Struct):
    """What a walk over all touchpoints found; `kept` are the first of those that differ."""

    compared: int = 0
    differ: int = 0
    resent: int = 0
    waiting: int = 0
    kept: list[Document] = []


async def check(door: Door, outlet: str, repair: bool, as_json: bool) -> None:
    """Print every touchpoint that differs, and end in failure where one does."""
    outbox = OutboxDoor(door)
    if repair and outlet == "salesforce":
        raise Ended(Code.USAGE, NOT_THERE)
    found = await _repaired(outbox) if repair else await _walk(outbox.check)
    _print(found, as_json, STILL_WAIT if outbox.sends else NOBODY_TELLS)
    words = {"salesforce": SALESFORCE, "none": NOWHERE}.get(outlet)
    if words is not None:
        print(words, file=sys.stderr if as_json else sys.stdout)
    if found.differ:
        raise Ended(Code.FAILED)


async def _repaired(outbox: OutboxDoor) -> Tally:
    """Send again what is missing until nothing is, or nothing changes; what is left."""
    resent = 0
    for _ in range(MOST_ROUNDS):
        done = await _walk(outbox.repair)
        resent += done.resent
        if not outbox.sends or not (done.resent or done.waiting):
            break
        await _heard(outbox, done)
    left = await _walk(outbox.check) if resent else done
    left.resent = resent
    return left


async def _heard(outbox: OutboxDoor, done: Tally) -> None:
    """Wait until what differed has nothing waiting, a while in all."""
    left = [item["touchpointId"] for item in done.kept]
    for _ in range(MOST_LOOKS):
        while left and not await _waits(outbox, left[-1]):
            left.pop()
        if not left:
            return
        await asyncio.sleep(LOOK_SECONDS)


async def _waits(outbox: OutboxDoor, touchpoint: str) -> bool:
    wanted = {"state": "waiting", "touchpoint": touchpoint, "limit": 1}
    return bool((await outbox.page(wanted))["items"])


async def _walk(page: Page) -> Tally:
    found, after = Tally(kept=[]), None
    with _progress() as progress:
        bar = progress.add_task("", told="")
        while True:
            told = await page(after, AT_ONCE)
            _add(found, told)
            after = told["next"]
            at = told["newest"] if after is None else int(after)
            words = f"{found.compared} compared, {found.differ} differ"
            progress.update(bar, total=told["newest"], completed=at, told=words)
            if after is None:
                return found


def _add(found: Tally, told: Document) -> None:
    found.compared += told["compared"]
    found.differ += len(told["items"])
    found.resent += told["resent"]
    missing = (event for item in told["items"] for event in item["missing"])
    found.waiting += sum(event["state"] == "waiting" for event in missing)
    found.kept += told["items"][: MOST_KEPT - len(found.kept)]


def _progress() -> Progress:
    console = screen.console()
    columns = (BarColumn(), TextColumn("{task.fields[told]}"))
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _print(found: Tally, as_json: bool, waits: str) -> None:
    if as_json:
        for item in found.kept:
            print(json.dumps(item))
        return
    if found.kept:
        screen.console().print(_table(found.kept))
    again = f"{found.resent} events sent again. " if found.resent else ""
    print(f"{again}{found.compared} touchpoints compared, {found.differ} differ.")
    if found.waiting:
        print(waits)


def _table(items: list[Document]) -> Table:
    table = Table("Touchpoint", "Field", "Shown", "Should be", "Why", box=None)
    for item in items:
        for one in item["differences"]:
            names = ("field", "shown", "expected", "reason")
            table.add_row(screen.cell(item["touchpointId"]), *(screen.cell(one[n]) for n in names))
    return table
