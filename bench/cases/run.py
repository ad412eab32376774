"""What every case is given: how large to be, a folder, the limit, and a place to tell progress."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

from rich.progress import Progress

from bench import limit


class Limit:
    """The machine's limit around a case: `ratio` is to be asked once the case has ended."""

    def __init__(self) -> None:
        self.rates: list[float] = []

    def ratio(self, rate: float) -> float | None:
        """Of the mean of before and after; None where Postfix's tools are missing."""
        return rate / mean(self.rates) if self.rates else None


class Run:
    """One run of the bench; `port` is the sink's, None where Postfix's tools are missing.

    `scale` is what the largest numbers of rows are multiplied by; `database` is the URL of a
    PostgreSQL that was named.
    """

    def __init__(
        self,
        *,
        small: bool,
        port: int | None,
        progress: Progress,
        scale: float = 1.0,
        database: str | None = None,
    ) -> None:
        self.small = small
        self.port = port
        self.progress = progress
        self.scale = scale
        self.database = database
        self._stack = ExitStack()
        self._kept: dict[str, Any] = {}

    def keep(self, name: str, made: Callable[[], AbstractContextManager[Any]]) -> Any:
        """What several cases use: made by the first, until the run is closed."""
        if name not in self._kept:
            self._kept[name] = self._stack.enter_context(made())
        return self._kept[name]

    def close(self) -> None:
        """Nothing of it stays."""
        self._stack.close()

    @contextmanager
    def limited(self) -> Iterator[Limit]:
        """Takes the limit just before and just after what is done in the block."""
        found = Limit()
        self._take(found)
        yield found
        self._take(found)

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """A folder on the disk of this machine's temporary files, for a database."""
        with TemporaryDirectory(prefix="franking-bench-") as path:
            yield Path(path)

    @contextmanager
    def steps(self, what: str, total: int) -> Iterator[Callable[..., None]]:
        """A progress bar of its own, for what takes long; call what it gives after each step, or
        after several."""
        task = self.progress.add_task(what, total=total)
        yield lambda count=1: self.progress.advance(task, count)
        self.progress.remove_task(task)

    def say(self, text: str) -> None:
        """Tell a person something beside the table."""
        self.progress.console.print(text)

    def _take(self, found: Limit) -> None:
        if self.port is not None:
            mails = limit.MAILS_SMALL if self.small else limit.MAILS
            found.rates.append(limit.rate(self.port, mails))
