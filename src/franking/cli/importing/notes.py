"""What is known of an import while it goes on: how far it came, and what was refused.

The note stands beside the file (`FILE.import.json`) and has an entry for each place that the
file was imported into. It saves time, and tells that a file was changed since; that no row is
sent twice rests on the batches' keys and not on the note.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

import msgspec

from franking.cli.importing.rows import UnusableFile


class Note(msgspec.Struct, frozen=True):
    """How far the import of one content of a file came, in one place."""

    sha256: str
    rows: int = 0
    accepted: int = 0
    refused: int = 0
    refused_bytes: int = 0
    finished: bool = False


class Notes:
    """The notes of one file, and the list of its refused rows."""

    def __init__(self, path: Path, place: str) -> None:
        self._file = path.with_name(path.name + ".import.json")
        self.refused_file = path.with_name(path.name + ".refused.csv")
        self._place = place

    def read(self) -> Note | None:
        return self._all().get(self._place)

    def write(self, note: Note) -> None:
        """Replace the note in one step, so that a kill leaves the old one or the new one."""
        entries = self._all() | {self._place: note}
        draft = self._file.with_name(self._file.name + f".{os.getpid()}")
        draft.write_bytes(msgspec.json.format(msgspec.json.encode(entries)))
        draft.replace(self._file)

    def list_refused(self, at: int, refused: list[tuple[int, str]]) -> int:
        """Write lines and reasons from byte `at` on, where the last note left; its new end."""
        if not refused and at == 0 and not self.refused_file.exists():
            return 0
        with self.refused_file.open("a", encoding="utf-8", newline="") as stream:
            stream.truncate(at)
            writer = csv.writer(stream)
            if at == 0 and refused:
                writer.writerow(("line", "why"))
            writer.writerows(refused)
            stream.flush()
            return os.fstat(stream.fileno()).st_size

    def _all(self) -> dict[str, Note]:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=dict[str, Note])
        except FileNotFoundError:
            return {}
        except msgspec.MsgspecError as error:
            words = "Remove it and import again: what was handed in is known by its key"
            raise UnusableFile(f"{self._file} can't be read: {error}. {words}.") from error
