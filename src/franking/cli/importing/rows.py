"""Reads a file of mails: JSON lines, or CSV with a row of column names.

A row that can't be read is told with its line and why, and the next one is read all the same.
What is wrong with the whole file (its columns, its encoding) is told before anything is sent.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from franking.cli.importing.columns import Column, columns, document

ROW_BYTES_MAX = 10 * 1024 * 1024
DELIVERY_GIVEN = "Field 'delivery' can't be imported: it tells of a mail that was handed in before"

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")


class UnusableFile(Exception):
    """The file as a whole can't be imported."""


class Row(msgspec.Struct, frozen=True):
    """One row: its first line, where it ends in bytes, and its document or why it has none."""

    line: int
    end: int
    document: dict[str, Any] | None = None
    why: str = ""


def rows(path: Path) -> Iterator[Row]:
    """Every row in order; blank ones are skipped. Raises `UnusableFile`."""
    try:
        with path.open("rb") as stream:
            yield from (_json_rows if _is_json(path, stream) else _csv_rows)(stream)
    except OSError as error:
        raise UnusableFile(f"{path} can't be read: {error.strerror}.") from error


def _is_json(path: Path, stream: BinaryIO) -> bool:
    start = stream.read(3)
    if start.startswith(_UTF_16):
        raise UnusableFile(f"{path} is UTF-16; save it as UTF-8 (in a sheet: as 'CSV UTF-8').")
    if start != _BYTE_ORDER_MARK:
        stream.seek(0)
    if path.suffix.lower() in _JSON_SUFFIXES:
        return True
    return path.suffix.lower() != ".csv" and start.lstrip().startswith(b"{")


def _json_rows(stream: BinaryIO) -> Iterator[Row]:
    line = 0
    while text := stream.readline(ROW_BYTES_MAX):
        line += 1
        whole = text.endswith(b"\n") or len(text) < ROW_BYTES_MAX
        if not whole:
            _skip_line(stream)
        if text.strip():
            yield _json_row(line, stream.tell(), text) if whole else _too_long(line, stream.tell())


def _json_row(line: int, end: int, text: bytes) -> Row:
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        return Row(line, end, why=f"No JSON: {error}")
    if not isinstance(found, dict):
        return Row(line, end, why="No JSON object")
    if found.get("delivery") is not None:
        return Row(line, end, why=DELIVERY_GIVEN)
    return Row(line, end, found)


def _csv_rows(stream: BinaryIO) -> Iterator[Row]:
    lines = _Lines(stream)
    csv.field_size_limit(ROW_BYTES_MAX)
    reader = csv.reader(lines, strict=True)
    try:
        known = columns(next(reader, []))
    except (csv.Error, ValueError) as error:
        raise UnusableFile(f"{stream.name}: {error}.") from None
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield Row(line, lines.end, why=f"No CSV: {error}")
            continue
        if cells is None:
            return
        if any(cells):
            yield _csv_row(line, lines.end, known, cells)


def _csv_row(line: int, end: int, known: list[Column], cells: list[str]) -> Row:
    try:
        return Row(line, end, document(known, cells))
    except ValueError as error:
        return Row(line, end, why=str(error))


class _Lines:
    """The lines of a file as text, and how many bytes of it were read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.end = stream.tell()

    def __iter__(self) -> Iterator[str]:
        while text := self._stream.readline(ROW_BYTES_MAX):
            self.end += len(text)
            # What is not UTF-8 becomes surrogates, which the row is refused for.
            yield text.decode("utf-8", "surrogateescape")


def _skip_line(stream: BinaryIO) -> None:
    while (text := stream.readline(ROW_BYTES_MAX)) and not text.endswith(b"\n"):
        pass


def _too_long(line: int, end: int) -> Row:
    return Row(line, end, why=f"Longer than {ROW_BYTES_MAX} bytes")
