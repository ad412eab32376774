"""Rows as PostgreSQL's COPY takes and gives them, and the sum by which they are compared.

The text format: https://www.postgresql.org/docs/current/sql-copy.html, "Text Format". A line is
made exactly as PostgreSQL would give it, so that what was put in and what is read back can be
compared as bytes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

NULL = "\\N"
NUL, INSTEAD = "\0", "\ufffd"
# JSON that PostgreSQL reads as jsonb, which has no U+0000 either, escaped or not.
AS_JSONB = frozenset(
    {("account", "settings"), ("account", "limits"), ("timer", "tries"), ("mail", "fact")}
)
# What applications wrote, whatever it was.
AS_GIVEN = frozenset({("inbox", "document")})
SUM_BYTES = 16
_WITH_EXPONENT = 1e15

_ESCAPES = str.maketrans(
    {"\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
)
_SPECIAL = re.compile(r"[\\\x08-\x0d]")
_ESCAPED_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")

Cell = Callable[[Any], str]


class Sum:
    """How many rows, and the sum of their hashes: the same in whatever order they come."""

    def __init__(self) -> None:
        self.rows = 0
        self._hashes = 0

    def add(self, line: bytes) -> None:
        """Count one row in."""
        self.rows += 1
        digest = hashlib.blake2b(line, digest_size=SUM_BYTES).digest()
        self._hashes = (self._hashes + int.from_bytes(digest)) % (1 << (8 * SUM_BYTES))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sum):
            return NotImplemented
        return (self.rows, self._hashes) == (other.rows, other._hashes)

    __hash__ = None  # type: ignore[assignment]


def lines(types: Sequence[tuple[str, str, str]], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """A line for each row; `types` names table, column and type of each value."""
    cells = [_cell(table, column, type) for table, column, type in types]
    for row in rows:
        texts = [
            NULL if value is None else cell(value) for cell, value in zip(cells, row, strict=True)
        ]
        yield ("\t".join(texts) + "\n").encode()


def _cell(table: str, column: str, type: str) -> Cell:
    if (table, column) in AS_GIVEN:
        return _given
    if (table, column) in AS_JSONB:
        return _jsonb
    return {"bytea": _binary, "double precision": _real, "text": _text}.get(type, str)


def _text(value: Any) -> str:
    """A text, as its bytes; in the inbox SQLite lets numbers stand for one."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return _escaped(text.replace(NUL, INSTEAD) if NUL in text else text)


def _jsonb(value: Any) -> str:
    text = bytes(value).decode("utf-8", "replace")
    return _text(_ESCAPED_NUL.sub(r"\1\\ufffd", text) if "\\u0000" in text else text)


def _given(value: Any) -> str:
    """What is no text in PostgreSQL is spelled out with backslashes, which no JSON has there."""
    raw = value if isinstance(value, bytes) else str(value).encode()
    return _escaped(raw.decode("utf-8", "backslashreplace").replace(NUL, "\\x00"))


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES) if _SPECIAL.search(text) else text


def _binary(value: Any) -> str:
    return "\\\\x" + bytes(value).hex()


def _real(value: Any) -> str:
    """As PostgreSQL writes it: the fewest digits that tell it from its neighbours, as Python does,
    but with an exponent from 15 digits on."""
    if abs(value) >= _WITH_EXPONENT:
        return f"{Decimal(repr(float(value))).normalize():e}"
    return repr(float(value)).removesuffix(".0")
