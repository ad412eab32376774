"""`franking timer list|show|retry`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from rich.table import Table
from rich.text import Text

from franking.cli import screen
from franking.cli.door import Document, Door
from franking.cli.exits import Code, Ended

FILE_BYTES_MAX = 10 * 1024 * 1024
COLOURS = {
    "scheduled": "cyan",
    "served": "blue",
    "executed": "green",
    "failed": "red",
    "deleted": "dim",
}
_FACTS = (
    ("Due", "dueAt"),
    ("Created", "createdAt"),
    ("Served", "servedAt"),
    ("Executed", "executedAt"),
    ("Deleted", "deletedAt"),
    ("Error", "error"),
    ("Next call", "nextAttemptTime"),
    ("Calls", "attempt"),
    ("Retries", "retryCount"),
    ("Before: served", "previousServedAt"),
    ("Before: executed", "previousExecutedAt"),
    ("Before: deleted", "previousDeletedAt"),
    ("Before: error", "previousError"),
)
_LIFE = (
    ("Due", "dueAt"),
    ("Created", "createdAt"),
    ("Served", "servedAt"),
    ("Executed", "executedAt"),
    ("Deleted", "deletedAt"),
    ("Error", "error"),
)
_ENDED_BY = {"created": "its id was used again", "replaced": "it was replaced"}


def fields(given: str) -> Document:
    """The fields of a mail: JSON, or a file that holds it. Raises `Ended`."""
    text = given if given.lstrip().startswith("{") else _file(given)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Ended(Code.USAGE, f"--mail is no JSON: {error}.") from None
    if not isinstance(found, dict):
        raise Ended(Code.USAGE, "--mail is no JSON object.")
    return found


async def list_timers(
    door: Door, wanted: Mapping[str, str | None], limit: int, as_json: bool
) -> None:
    """Print the newest timers that match."""
    found = await door.timers(wanted, limit)
    if as_json:
        for timer in found:
            print(json.dumps(timer))
    elif found:
        screen.console().print(_table(found))
    else:
        print("No timer.")


async def show(door: Door, id: str, as_json: bool) -> None:
    """Print one timer, each call of this life that failed, and its earlier lives."""
    timer = await door.timer(id)
    if as_json:
        print(json.dumps(timer))
        return
    console = screen.console()
    console.print(screen.facts(_summary(timer)))
    for part in (*map(_try, timer["tries"]), *_lives(timer)):
        console.print()
        console.print(screen.facts(part))


async def retry(door: Door, id: str, force: bool, mail: Document | None, new_id: str) -> None:
    """Ask for another life of it, and print how it stands."""
    timer = await door.retry_timer(id, force, mail, f"retry-{new_id}")
    screen.console().print(_table([timer]))


def _file(name: str) -> str:
    try:
        if name == "-":
            return sys.stdin.buffer.read(FILE_BYTES_MAX).decode()
        with Path(name).open("rb") as stream:
            return stream.read(FILE_BYTES_MAX).decode()
    except UnicodeDecodeError:
        raise Ended(Code.USAGE, f"{name} is no UTF-8.") from None
    except OSError as error:
        raise Ended(Code.USAGE, f"{name} can't be read: {error.strerror}.") from error


def _table(timers: list[Document]) -> Table:
    table = Table("Id", "State", "Due", "To", "Calls", "What is known", box=None)
    for column in table.columns[:3]:
        column.no_wrap = True
    for timer in timers:
        names = (timer["dueAt"], _target(timer), timer["attempt"] or "", _known(timer))
        table.add_row(screen.cell(timer["id"]), _state(timer), *map(screen.cell, names))
    return table


def _state(timer: Document) -> Text:
    return screen.cell(timer["state"], COLOURS.get(str(timer["state"]), ""))


def _target(timer: Document) -> str:
    """Whom its data is handed to: the method says nothing where there is a mail."""
    callback = timer["callback"]
    transport, method, uri = (callback[name] for name in ("transport", "method", "uri"))
    if transport in ("mail", "smtp"):
        return str(transport)
    return f"{str(method).upper()} {uri}" if transport == "http" else f"{transport} {uri}"


def _known(timer: Document) -> str:
    """The most telling thing about a timer, in one line."""
    told = str(timer["error"] or "")
    if timer["state"] == "served" and timer["tries"]:
        told = f"{timer['tries'][-1]['error']}."
        if timer["nextAttemptTime"]:
            told += f" Called again at {timer['nextAttemptTime']}."
    if timer["retryCount"]:
        told = f"{told} Retried {timer['retryCount']}x.".strip()
    return told


def _summary(timer: Document) -> Iterator[tuple[str, object]]:
    yield "Id", timer["id"]
    yield "State", _state(timer)
    yield "To", _target(timer)
    if timer["data"] is not None:
        yield "Data", screen.one_line(_data(timer["data"]))
    for label, name in _FACTS:
        yield label, timer[name] or None


def _data(data: object) -> str:
    return str(data) if isinstance(data, str) else json.dumps(data, ensure_ascii=False)


def _try(one: Document) -> Iterator[tuple[str, object]]:
    yield f"Call {one['attempt']}", "failed"
    yield "At", one["at"]
    yield "Error", one["error"]


def _lives(timer: Document) -> Iterator[Iterator[tuple[str, object]]]:
    for number, life in enumerate(timer["lives"], 1):
        yield _life(number, life)


def _life(number: int, life: Document) -> Iterator[tuple[str, object]]:
    ended_by = str(life["endedBy"])
    yield f"Life {number}", f"ended when {_ENDED_BY.get(ended_by, f'it was {ended_by}')}"
    for label, name in _LIFE:
        yield label, life[name]
