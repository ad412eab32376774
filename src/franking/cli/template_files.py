"""Templates as files: `ID.json`, and each part beside it as `ID.html.hbs`.

A template is what all files of its id say together: the document in `ID.json`, where there is one,
and over it `ID.subject.hbs`, `ID.text.hbs`, `ID.html.hbs` and `ID.amp.hbs`. Everything is read, and
what can't be is told, before anything is kept.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from franking.cli.exits import Code, Ended
from franking.core.template import PARTS
from franking.office.documents import MOST_DOCUMENT_BYTES

Document = dict[str, Any]

STDIN = "-"
_FILE = re.compile(rf"(.+)\.(?:(json)|({'|'.join(PARTS)})\.hbs)", re.DOTALL)
_NAMES = f"ID.json, or ID.PART.hbs where PART is {', '.join(PARTS)}"


def read(place: Path) -> dict[str, Document]:
    """The templates of a folder by their ids, or the one that a file belongs to. Raises `Ended`."""
    if not place.is_dir():
        id, _ = _named(place)
        found = _beside(_listed(place.parent))
        if not place.is_file():
            raise Ended(Code.USAGE, f"{place} can't be read: there is no such file.")
        return {id: _document(found[id])}
    grouped = _beside(_listed(place))
    if not grouped:
        raise Ended(Code.USAGE, f"{place} has no template: they are called {_NAMES}.")
    return {id: _document(files) for id, files in grouped.items()}


def data(file: str | None) -> Document | None:
    """The JSON object in a file, or on standard input. Raises `Ended`."""
    if file is None:
        return None
    if file == STDIN:
        return _object(STDIN, sys.stdin.buffer.read(MOST_DOCUMENT_BYTES + 1))
    return _object(file, _bytes(Path(file)))


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix in (".json", ".hbs"))
    except OSError as error:
        raise Ended(Code.USAGE, f"{folder} can't be read: {error.strerror}.") from error


def _beside(paths: Iterable[Path]) -> dict[str, dict[str, Path]]:
    """For each id its files: the part, or `json`, and where it is."""
    found: dict[str, dict[str, Path]] = {}
    for path in paths:
        id, what = _named(path)
        found.setdefault(id, {})[what] = path
    return found


def _named(path: Path) -> tuple[str, str]:
    match = _FILE.fullmatch(path.name)
    if match is None:
        raise Ended(Code.USAGE, f"{path} is no template by its name: they are called {_NAMES}.")
    return match[1], match[2] or match[3]


def _document(files: dict[str, Path]) -> Document:
    document = _object(str(files["json"]), _bytes(files["json"])) if "json" in files else {}
    return document | {part: _source(part, files[part]) for part in PARTS if part in files}


def _source(part: str, path: Path) -> str:
    try:
        text = _bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Ended(Code.USAGE, f"{path} is not UTF-8 (byte {error.start}).") from None
    # An editor ends the last line; a subject is no line.
    return text.rstrip("\r\n") if part == "subject" else text


def _object(label: str, octets: bytes) -> Document:
    try:
        found = json.loads(octets)
    except (ValueError, RecursionError) as error:
        raise Ended(Code.USAGE, f"{label} is no JSON that can be read: {error}.") from None
    if not isinstance(found, dict):
        raise Ended(Code.USAGE, f"{label} holds no JSON object.")
    return found


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            found = stream.read(MOST_DOCUMENT_BYTES + 1)
    except OSError as error:
        raise Ended(Code.USAGE, f"{path} can't be read: {error.strerror}.") from error
    if len(found) > MOST_DOCUMENT_BYTES:
        raise Ended(Code.USAGE, f"{path} has more than {MOST_DOCUMENT_BYTES} bytes.")
    return found
