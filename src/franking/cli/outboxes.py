"""`franking outbox list|show|resend`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from rich.table import Table
from rich.text import Text

from franking.cli import screen
from franking.cli.door import Document, Door
from franking.cli.exits import Code, Ended
from franking.cli.outbox_door import OutboxDoor
from franking.core import parked

COLOURS = {"waiting": "yellow", "parked": "red"}
WAITS = parked.WAITS
_AGAIN = "then send it again: franking outbox resend {}"


def chosen(seqs: Sequence[int], touchpoint: str | None, every: bool) -> list[Document]:
    """What to send again, a call each. Raises `Ended`."""
    if sum((bool(seqs), touchpoint is not None, every)) != 1:
        raise Ended(Code.USAGE, "Name events by their numbers, or --touchpoint ID, or --all.")
    if touchpoint is not None:
        return [{"touchpoint": touchpoint}]
    return [{"all": True}] if every else [{"seq": seq} for seq in dict.fromkeys(seqs)]


async def list_events(door: Door, wanted: Mapping[str, object], as_json: bool) -> None:
    """Print the newest events that match, and how the outbox stands."""
    found = await OutboxDoor(door).page(wanted)
    if as_json:
        for event in found["items"]:
            print(json.dumps(event))
        return
    if found["items"]:
        screen.console().print(_table(found["items"]))
    for line in _standing(found):
        print(line)


async def show(door: Door, seq: int, as_json: bool) -> None:
    """Print one event, with its whole body."""
    event = await OutboxDoor(door).event(seq)
    if event is None:
        words = f"Event {seq} is not in the outbox: it was heard, or there is none such."
        raise Ended(Code.FAILED, words)
    if as_json:
        print(json.dumps(event))
        return
    screen.console().print(screen.facts(_facts(event)))


async def resend(door: Door, which: Sequence[Document]) -> None:
    """Ask for parked events to be sent again, and print how many are."""
    outbox, resent, not_parked = OutboxDoor(door), 0, []
    for one in which:
        count = await outbox.resend(one)
        resent += count
        if not count and "seq" in one:
            not_parked.append(str(one["seq"]))
    when = "" if outbox.sends or not resent else " They are told when `franking serve` runs."
    print(f"{resent} to be sent again.{when}")
    if not_parked:
        raise Ended(Code.FAILED, f"Not parked: {', '.join(not_parked)}.")


def advice(event: Document) -> str:
    """What to do about an event that was not heard."""
    if event["state"] != "parked":
        return WAITS
    return parked.advice(event["error"], _AGAIN.format(event["seq"]))


def _table(events: Sequence[Document]) -> Table:
    table = Table("Seq", "State", "Event", "Touchpoint", "Tries", "Why", "What to do", box=None)
    for column in table.columns[:3]:
        column.no_wrap = True
    for event in events:
        names = ("event", "touchpointId", "tries", "error")
        cells = (screen.cell(event[name]) for name in names)
        table.add_row(screen.cell(event["seq"]), _state(event), *cells, screen.cell(advice(event)))
    return table


def _state(event: Document) -> Text:
    return screen.cell(event["state"], COLOURS.get(str(event["state"]), ""))


def _standing(found: Document) -> Iterator[str]:
    """The whole outbox in words."""
    oldest = f" The oldest that waits is of {found['oldestAt']}." if found["oldestAt"] else ""
    yield f"{found['waiting']} waiting, {found['parked']} parked.{oldest}"
    if found["pausedUntil"]:
        why = screen.one_line(found["reason"])
        yield f"Paused since {found['since']}, until {found['pausedUntil']}. {why}"


def _facts(event: Document) -> Iterator[tuple[str, object]]:
    yield "Seq", event["seq"]
    yield "State", _state(event)
    yield "What to do", advice(event)
    for label, name in _FACTS:
        yield label, event[name]
    yield "Body", json.dumps(event["body"], ensure_ascii=False, indent=2)


_FACTS = (
    ("Why", "error"),
    ("Event", "event"),
    ("Event id", "eventId"),
    ("Touchpoint", "touchpointId"),
    ("Mail", "mailId"),
    ("Occurred", "occurredAt"),
    ("Tries", "tries"),
    ("Last try", "triedAt"),
)
