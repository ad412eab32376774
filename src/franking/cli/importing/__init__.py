"""`franking import`: hands in a file of mails in batches, and goes on where it was stopped.

Policy: what was handed in once from this file is not handed in again, whatever happened between;
a file that was changed since its import began is refused, for nobody could tell which of its
rows were sent; refused rows don't stop the others, they are listed by line.
"""

from __future__ import annotations

import sys
from pathlib import Path

from msgspec.structs import replace

from franking.cli import screen
from franking.cli.door import Declined, Document, Door, Refusal
from franking.cli.exits import Code, Ended
from franking.cli.importing.batches import Batch, batches, fingerprint
from franking.cli.importing.notes import Note, Notes
from franking.cli.importing.progress import Progress
from franking.cli.importing.rows import UnusableFile

REFUSED_SHOWN = 10

_FOR_ITS_CONTENT = (400, 413, 422)
_FOR_NOW = (Code.SERVER_UNREACHABLE, Code.DATABASE_REFUSED)


async def import_file(door: Door, path: Path) -> None:
    """Hand in every row that was not handed in yet, and tell how it went. Raises `Ended`."""
    try:
        await _import(door, path)
    except UnusableFile as error:
        raise Ended(Code.USAGE, str(error)) from None
    except Ended as end:
        if end.code not in _FOR_NOW:
            raise
        raise Ended(end.code, f"{end} Run the import again to go on.") from None
    except OSError as error:
        words = f"{error.filename or path} can't be written: {error.strerror}."
        raise Ended(Code.FAILED, f"{words} No row is lost or sent twice: run it again.") from error


async def _import(door: Door, path: Path) -> None:
    notes = Notes(path, door.place)
    note = _begun(path, notes)
    if note.finished:
        raise Ended(Code.OK, f"{path} was imported before: {_counted(note)}. Nothing was done.")
    if note.rows:
        print(f"Goes on after row {note.rows}.", file=sys.stderr)
    with Progress(path, note) as progress:
        for batch in batches(path, note.sha256):
            if batch.last > note.rows:
                note = await _hand_in(door, batch, note, notes)
            progress.show(batch.end, note)
    notes.write(replace(note, finished=True))
    _tell(path, notes, note)


def _begun(path: Path, notes: Notes) -> Note:
    found = fingerprint(path)
    note = notes.read()
    if note is not None and note.sha256 != found:
        raise Ended(
            Code.USAGE,
            f"{path} was changed since its import began ({_counted(note)}): to go on would send"
            " some rows twice or never. Put the rows that are to be sent now into a new file.",
        )
    return note or Note(found)


async def _hand_in(door: Door, batch: Batch, note: Note, notes: Notes) -> Note:
    refused = [(row.line, row.why) for row in batch.rows if row.document is None]
    handed = [row for row in batch.rows if row.document is not None]
    answers = await _answers(door, batch) if handed else []
    for row, answer in zip(handed, answers, strict=True):
        if isinstance(answer, Refusal):
            refused.append((row.line, answer.text))
    refused.sort()
    _show_refused(note, refused)
    noted = replace(
        note,
        rows=batch.last,
        accepted=note.accepted + len(batch.rows) - len(refused),
        refused=note.refused + len(refused),
        refused_bytes=notes.list_refused(note.refused_bytes, refused),
    )
    notes.write(noted)
    return noted


async def _answers(door: Door, batch: Batch) -> list[Document | Refusal]:
    """An answer for each document; where the batch as a whole is refused, each goes alone.

    That is so for a document that is too large or too deep, which must not stop the others.
    """
    try:
        return await door.submit_batch(batch.documents, batch.key)
    except Declined as refusal:
        if refusal.status not in _FOR_ITS_CONTENT:
            raise
    return [
        await _alone(door, document, f"{batch.key}-{number}")
        for number, document in enumerate(batch.documents)
    ]


async def _alone(door: Door, document: Document, key: str) -> Document | Refusal:
    try:
        return await door.submit(document, key)
    except Declined as refusal:
        if refusal.status not in _FOR_ITS_CONTENT:
            raise
        return Refusal(str(refusal))


def _show_refused(note: Note, refused: list[tuple[int, str]]) -> None:
    for line, why in refused[: max(0, REFUSED_SHOWN - note.refused)]:
        print(f"Line {line}: {screen.plain(why)}", file=sys.stderr)


def _tell(path: Path, notes: Notes, note: Note) -> None:
    if note.refused:
        listed = f"The refused rows are listed in {notes.refused_file}."
        raise Ended(Code.FAILED, f"{path}: {_counted(note)}. {listed}")
    print(f"{path}: {_counted(note)}.")


def _counted(note: Note) -> str:
    return f"{note.rows} rows, {note.accepted} accepted, {note.refused} refused"
