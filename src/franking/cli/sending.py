"""`franking send`: hands in one mail and tells what became of it."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from franking.cli import screen
from franking.cli.door import Document, Door
from franking.cli.exits import Code, Ended
from franking.clock import Clock

FIRST_LOOK_SECONDS = 0.05
LAST_LOOK_SECONDS = 1.0
FILE_BYTES_MAX = 100 * 1024 * 1024


def document(file: str | None, fields: dict[str, Any], message: dict[str, str]) -> Document:
    """The document in `file` (`-` is standard input) with the given fields put over it."""
    found = _read(file) if file is not None else {}
    found |= {name: value for name, value in fields.items() if value}
    if message:
        inner = found.get("message")
        found["message"] = (inner if isinstance(inner, dict) else {}) | message
    return found


async def send(
    door: Door, mail: Document, id: str | None, new_id: str, wait_seconds: int | None, clock: Clock
) -> None:
    """Hand the mail in; wait up to `wait_seconds` for its end (None: don't). Raises `Ended`."""
    handing_in = door.submit(mail, f"send-{new_id}") if id is None else door.put(id, mail)
    stored = await handing_in
    if not door.sends:
        _tell_unsent(stored, asked_to_wait=wait_seconds is not None)
        return
    if wait_seconds is not None:
        stored = await _end_of(door, stored, wait_seconds, clock)
    _tell(stored, waited=wait_seconds is not None)


async def _end_of(door: Door, stored: Document, wait_seconds: int, clock: Clock) -> Document:
    deadline = clock.steady_ms() + wait_seconds * 1000
    pause = FIRST_LOOK_SECONDS
    told = ""
    while stored["delivery"]["state"] not in ("SUCCESS", "ERROR"):
        told = _told_on_the_way(stored, told)
        if clock.steady_ms() > deadline:
            break
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, LAST_LOOK_SECONDS)
        stored = await door.read(stored["id"])
    return stored


def _told_on_the_way(stored: Document, told: str) -> str:
    delivery = stored["delivery"]
    line = f"{delivery['state']}: {screen.one_line(screen.words(delivery))}"
    if delivery["state"] == "RETRY" and line != told:
        print(line, file=sys.stderr)
        return line
    return told


def _tell(stored: Document, *, waited: bool) -> None:
    """Print how it stands; only a mail that ended well, or was only to be taken, is success."""
    delivery = stored["delivery"]
    console = screen.console()
    console.print(screen.state(delivery["state"]), screen.cell(stored["id"], "dim"))
    words = screen.words(delivery)
    if words:
        console.print(screen.cell(words))
    if delivery["state"] == "ERROR" and delivery.get("error") not in (None, words):
        console.print(screen.cell(delivery["error"], "dim"))
    if delivery["state"] == "ERROR":
        raise Ended(Code.FAILED)
    if waited and delivery["state"] != "SUCCESS":
        id = screen.one_line(stored["id"])
        raise Ended(Code.FAILED, f"Not ended yet. Look again with: franking mail show {id}")


def _tell_unsent(stored: Document, *, asked_to_wait: bool) -> None:
    _tell(stored, waited=False)
    words = "Stored. It will be sent when `franking serve` runs."
    if asked_to_wait:
        raise Ended(Code.SERVER_UNREACHABLE, words)
    print(words)


def _read(file: str) -> Document:
    stream = sys.stdin.buffer if file == "-" else _opened(Path(file))
    with stream:
        text = stream.read(FILE_BYTES_MAX + 1)
    if len(text) > FILE_BYTES_MAX:
        raise Ended(Code.USAGE, f"{file} is longer than {FILE_BYTES_MAX} bytes.")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Ended(Code.USAGE, f"{file} is no JSON: {error}.") from None
    if not isinstance(found, dict):
        raise Ended(Code.USAGE, f"{file} must hold one JSON object.")
    return found


def _opened(path: Path) -> Any:
    try:
        return path.open("rb")
    except OSError as error:
        raise Ended(Code.USAGE, f"{path} can't be read: {error.strerror}.") from None
