"""`franking webhook add|list|show|test|remove|resend`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlencode

from rich.table import Table

from franking.cli import screen
from franking.cli.door import Document, Door, segment
from franking.cli.exits import Code, Ended

HOOKS = "/v1/webhooks"
ONCE = "This is its secret, shown this once; the receiver checks signatures with it."
WHEN = " They are told when `franking serve` runs."
COLOURS = {"ok": "green", "paused": "yellow", "disabled": "red"}
STATES = {"waiting": "yellow", "parked": "red"}


def chosen(seqs: Sequence[int], mail: str | None, every: bool) -> list[Document]:
    """What to tell again, a call each. Raises `Ended`."""
    if sum((bool(seqs), mail is not None, every)) != 1:
        raise Ended(Code.USAGE, "Name events by their numbers, or --mail ID, or --all.")
    if mail is not None:
        return [{"mail": mail}]
    return [{"all": True}] if every else [{"seq": seq} for seq in dict.fromkeys(seqs)]


async def add(door: Door, document: Document) -> None:
    """Add a webhook; its id and words go to standard error, so that a pipe gets the secret."""
    made = await door.ask("POST", HOOKS, document)
    print(f"Webhook {made['id']} hears {', '.join(made['types'])}. {ONCE}", file=sys.stderr)
    print(made["secret"])


async def list_hooks(door: Door, as_json: bool) -> None:
    """Print the webhooks, the oldest first."""
    hooks = (await door.ask("GET", HOOKS))["items"]
    if as_json:
        for hook in hooks:
            print(json.dumps(hook))
        return
    if not hooks:
        print("There is none. `franking webhook add URL` makes one.")
        return
    table = Table("Id", "State", "Receiver", "Hears", "Waiting", "Parked", "Why", box=None)
    table.columns[0].no_wrap = True
    for hook in hooks:
        table.add_row(
            screen.cell(hook["id"]),
            screen.cell(hook["state"], COLOURS[hook["state"]]),
            screen.cell(hook["url"]),
            screen.cell(_hears(hook)),
            screen.cell(hook["waiting"]),
            screen.cell(hook["parked"]),
            screen.cell(hook["reason"]),
        )
    screen.console().print(table)


async def show(door: Door, id: str, wanted: Mapping[str, object], as_json: bool) -> None:
    """Print one webhook, and the newest events that it has yet to hear."""
    hook = await door.ask("GET", _path(id))
    query = urlencode({name: value for name, value in wanted.items() if value is not None})
    found = await door.ask("GET", f"{_path(id)}/deliveries?{query}")
    if as_json:
        print(json.dumps({**hook, "deliveries": found["items"]}))
        return
    screen.console().print(screen.facts(_facts(hook)))
    if not found["items"]:
        return
    table = Table("Seq", "State", "Event", "Mail", "Tries", "Next try", "Why", box=None)
    for one in found["items"]:
        names = ("event", "mailId", "tries", "nextAt", "error")
        state = screen.cell(one["state"], STATES[one["state"]])
        table.add_row(screen.cell(one["seq"]), state, *(screen.cell(one[name]) for name in names))
    screen.console().print(table)


async def test(door: Door, id: str) -> None:
    """Send a ping, and print how it went."""
    went = await door.ask("POST", f"{_path(id)}/test", {})
    if not went["ok"]:
        raise Ended(Code.FAILED, f"The receiver did not take it: {screen.one_line(went['error'])}")
    print(f"The receiver took it, in {went['milliseconds']} ms.")


async def remove(door: Door, id: str) -> None:
    """Remove a webhook."""
    await door.ask("DELETE", _path(id))
    print(f"Webhook {id} is told nothing more.")


async def resend(door: Door, id: str, which: Sequence[Document]) -> None:
    """Ask for parked events to be told again, and print how many are."""
    resent, not_parked = 0, []
    for one in which:
        found = await door.ask("POST", f"{_path(id)}/resend", one)
        resent += found["resent"]
        if not found["resent"] and "seq" in one:
            not_parked.append(str(one["seq"]))
    print(f"{resent} to be told again.{WHEN if resent and not door.sends else ''}")
    if not_parked:
        raise Ended(Code.FAILED, f"Not parked: {', '.join(not_parked)}.")


def advice(hook: Document) -> str:
    """What to do about how a webhook stands."""
    if hook["state"] == "disabled":
        return "Mend the receiver, then enable it: PUT /v1/webhooks/{id}, or remove and add it."
    if hook["state"] == "paused":
        return "Look at the receiver; it is asked again by itself: franking webhook test ID"
    if hook["parked"]:
        return "Look why, then tell it again: franking webhook resend ID --all"
    return "Nothing need be done."


def _hears(hook: Document) -> str:
    return "all" if len(hook["types"]) == 7 else ", ".join(hook["types"])


def _facts(hook: Document) -> Iterator[tuple[str, object]]:
    yield "Id", hook["id"]
    yield "State", screen.cell(hook["state"], COLOURS[hook["state"]])
    yield "What to do", advice(hook).replace(" ID", f" {hook['id']}").replace("{id}", hook["id"])
    yield "Hears", _hears(hook)
    for label, name in _FACTS:
        yield label, hook[name]


def _path(id: str) -> str:
    return f"{HOOKS}/{segment(id)}"


_FACTS = (
    ("Why", "reason"),
    ("Since", "since"),
    ("Asked again", "pausedUntil"),
    ("Receiver", "url"),
    ("Includes", "include"),
    ("Last took one", "toldTime"),
    ("Waiting", "waiting"),
    ("Parked", "parked"),
)
