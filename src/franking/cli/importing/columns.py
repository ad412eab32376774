"""The columns of a CSV file, and a row of them as a mail document.

An empty cell is a field that is absent; only an empty subject is a subject. Addresses in one
cell are parted by commas, as in a mail.
"""

from __future__ import annotations

import re
from typing import Any

Column = tuple[str, ...]

_MESSAGE = ("subject", "text", "html")
_FIELDS = (
    *("to", "cc", "bcc", "from", "replyTo", "account", "sendAt", "sendBefore", "priority"),
    *("touchpointId", "cadenceMemberId", "emailMessageId", "onUnknown"),
)
_PATHS: dict[str, Column] = {
    **{name: (name,) for name in _FIELDS},
    **{name: ("message", name) for name in _MESSAGE},
}
_HEADER = "headers."
_COLUMNS_MAX = 200
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def columns(names: list[str]) -> list[Column]:
    """Where each column goes in the document; ValueError names what is not known."""
    names = [name.strip() for name in names]
    if not any(names):
        raise ValueError("the first row must name the columns")
    if len(names) > _COLUMNS_MAX:
        raise ValueError(f"more than {_COLUMNS_MAX} columns")
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"the column {name!r} is there twice")
    return [_path(name) for name in names]


def document(known: list[Column], cells: list[str]) -> dict[str, Any]:
    """A row as a mail document; ValueError says why it is none."""
    if len(cells) > len(known):
        raise ValueError(f"It has {len(cells)} cells, and there are {len(known)} columns")
    found: dict[str, Any] = {"message": {}}
    for path, cell in zip(known, cells, strict=False):
        if _SURROGATE.search(cell):
            raise ValueError(f"Column {'.'.join(path)!r} is not UTF-8")
        if cell or path[-1] == "subject":
            _put(found, path, cell)
    return found


def _path(name: str) -> Column:
    if name in _PATHS:
        return _PATHS[name]
    if name.startswith(_HEADER) and name != _HEADER:
        return ("headers", name.removeprefix(_HEADER))
    known = ", ".join([*_FIELDS[:5], *_MESSAGE, *_FIELDS[5:], _HEADER + "X"])
    raise ValueError(f"the column {name!r} is not known; columns are {known}")


def _put(found: dict[str, Any], path: Column, cell: str) -> None:
    if len(path) == 2:
        found.setdefault(path[0], {})[path[1]] = cell
    else:
        found[path[0]] = _priority(cell) if path[0] == "priority" else cell


def _priority(cell: str) -> int | str:
    """As a number where it is one; what it is else the document's own check refuses."""
    return int(cell) if re.fullmatch(r"-?[0-9]{1,9}", cell) else cell
