"""Rows put together for one request, in the same way each time that the file is read.

A batch's Idempotency-Key is made of the file's content and the batch's place in it. So the same
batch of the same file is taken once, however often it is handed in, and an import that was
killed between handing in and noting it may just begin again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from franking.cli.importing.rows import Row, UnusableFile, rows

BATCH_ROWS = 500
BATCH_BYTES = 4 * 1024 * 1024


class Batch(msgspec.Struct, frozen=True):
    """Rows `first` to `last` (from 1) of a file; `end` is where the last one ends in bytes."""

    key: str
    first: int
    last: int
    end: int
    rows: list[Row]

    @property
    def documents(self) -> list[dict[str, Any]]:
        return [row.document for row in self.rows if row.document is not None]


def fingerprint(path: Path) -> str:
    """What tells one content of a file from another. Raises `UnusableFile`."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise UnusableFile(f"{path} can't be read: {error.strerror}.") from error


def batches(path: Path, print_of_file: str) -> Iterator[Batch]:
    """The whole file in batches of up to BATCH_ROWS rows and about BATCH_BYTES of it."""
    held: list[Row] = []
    first, start = 1, 0
    for row in rows(path):
        if len(held) == BATCH_ROWS or (held and row.end - start > BATCH_BYTES):
            yield _batch(print_of_file, first, held)
            first, start, held = first + len(held), held[-1].end, []
        held.append(row)
    if held:
        yield _batch(print_of_file, first, held)


def _batch(print_of_file: str, first: int, held: list[Row]) -> Batch:
    key = f"import-{print_of_file[:32]}-{first}"
    return Batch(key, first, first + len(held) - 1, held[-1].end, held)
