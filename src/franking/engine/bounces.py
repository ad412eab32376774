"""Takes bounces from a Maildir: whatever a mail server drops into `new` is filed.

Policy. Every EVERY_SECONDS the files in `new` are read, oldest first, BATCH at a time; each is
handed to the office and moved to `cur`, flagged as seen where it was a report on a mail of ours and
else as it is, with the reason in the log. A file that can't be read or moved is told of once and
passed over; while the store is out of reach all stay where they are. To file one twice is
harmless, so a stop between the two leaves nothing to mend.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from franking.compose.dsn import MAX_BYTES
from franking.core.bounce import Filing
from franking.office.bounces import NotABounce
from franking.stores.base import StoreUnavailable

log = structlog.get_logger()

EVERY_SECONDS = 3.0
BATCH = 100
MOST_PASSED_OVER = 10_000

Take = Callable[[bytes], Awaitable[Filing]]


class Maildir:
    """The loop over one folder; `take` files a report."""

    def __init__(self, folder: Path, take: Take) -> None:
        self._new = folder / "new"
        self._cur = folder / "cur"
        self._take = take
        self._passed_over: set[str] = set()

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            try:
                while await self.look() == BATCH:
                    pass
            except StoreUnavailable as error:
                log.warning("bounces wait for the store", why=str(error))
            except Exception:
                log.exception("the bounces can't be read", folder=str(self._new))
            await asyncio.sleep(EVERY_SECONDS)

    async def look(self) -> int:
        """Handle up to BATCH files; how many are out of the way."""
        moved = 0
        for path in await asyncio.to_thread(self._waiting):
            try:
                await self._one(path)
                moved += 1
            except OSError as error:
                self._pass_over(path, error.strerror or type(error).__name__)
        return moved

    async def _one(self, path: Path) -> None:
        raw = await asyncio.to_thread(_read, path)
        flags = ""
        try:
            filing = await self._take(raw)
            if filing.fresh or filing.repeated:
                flags = "S"
            else:
                log.info("a report on no mail of ours", file=path.name)
        except NotABounce as error:
            log.info("no delivery report", file=path.name, why=str(error))
        except StoreUnavailable:
            raise
        except Exception:
            log.exception("a bounce could not be handled", file=path.name)
        await asyncio.to_thread(path.rename, self._cur / f"{path.name}:2,{flags}")

    def _waiting(self) -> list[Path]:
        """Regular files only: a pipe would hold us for ever. The names begin with the time."""
        found = (p for p in self._new.iterdir() if p.name not in self._passed_over)
        return sorted(p for p in found if p.is_file() and not p.is_symlink())[:BATCH]

    def _pass_over(self, path: Path, why: str) -> None:
        log.warning("a bounce stays where it is", file=path.name, why=why)
        if len(self._passed_over) < MOST_PASSED_OVER:
            self._passed_over.add(path.name)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)
