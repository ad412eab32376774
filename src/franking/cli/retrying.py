"""`franking mail retry`: one mail, or all that match, call by call until none is left."""

from __future__ import annotations

from typing import Any

from rich.progress import Progress, TextColumn

from franking.cli import screen
from franking.cli.door import Door
from franking.cli.exits import Code, Ended
from franking.stores.base import Filter

COUNTS = (("retried", "retried"), ("leftOut", "left out"), ("refused", "refused"))


def check(id: str | None, filter: Filter) -> None:
    """Either one mail is named, or what many have in common. Raises `Ended`."""
    if id is not None and filter != Filter():
        raise Ended(Code.USAGE, "Name one mail by its id, or many by what they have in common.")
    if id is None and filter == Filter():
        words = "as --state ERROR --category mailbox_disconnected"
        raise Ended(
            Code.USAGE, f"Name a mail by its id, or many by what they have in common, {words}."
        )


async def retry(door: Door, id: str | None, filter: Filter, force: bool, new_id: str) -> None:
    """Ask for another try, and print what became of it."""
    if id is not None:
        document = await door.retry(id, force, f"retry-{new_id}")
        screen.console().print(screen.mails([document]))
        return
    counts = dict.fromkeys((name for name, _ in COUNTS), 0)
    why: dict[str, dict[str, Any]] = {}
    with _progress() as progress:
        bar = progress.add_task("", told=_told(counts))
        after, calls = None, 0
        while True:
            # A repeat after a lost answer gets that answer: each call has a key of its own.
            found = await door.retry_many(filter, force, after, f"retry-{new_id}-{calls}")
            for name in counts:
                counts[name] += found[name]
            _add(why, found["why"])
            progress.update(bar, told=_told(counts))
            after, calls = found["next"], calls + 1
            if after is None:
                break
    print(_told(counts))
    for one in why.values():
        print(
            f"{one['count']}: {screen.one_line(one['detail'])} (as {screen.one_line(one['mail'])})"
        )


def _progress() -> Progress:
    console = screen.console()
    column = TextColumn("{task.fields[told]}")
    return Progress(column, console=console, transient=True, disable=not console.is_terminal)


def _add(why: dict[str, dict[str, Any]], found: list[dict[str, Any]]) -> None:
    for one in found:
        known = why.setdefault(one["reason"], {**one, "count": 0})
        known["count"] += one["count"]


def _told(counts: dict[str, int]) -> str:
    return ", ".join(f"{counts[name]} {label}" for name, label in COUNTS) + "."
