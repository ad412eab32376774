"""The bar that shows how far an import has come; nothing where stderr is no terminal."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from franking.cli.importing.notes import Note


class Progress:
    """A bar over the bytes of a file, with the rows beside it."""

    def __init__(self, path: Path, note: Note) -> None:
        console = Console(stderr=True)
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[rows]:,} rows, {task.fields[refused]:,} refused"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task(
            "Importing", total=path.stat().st_size, rows=note.rows, refused=note.refused
        )

    def show(self, end: int, note: Note) -> None:
        self._bar.update(self._task, completed=end, rows=note.rows, refused=note.refused)

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()
