"""Who uses a database file: one `serve`, or one command at a time, by an exclusive lock.

The lock is `flock` on a file beside the database, so the system frees it however its holder
ends. The file tells who holds it, as JSON: the process, what it does, and where it listens. It is
emptied and never removed, for a removed lock file could be locked twice. A holder that does not
listen is a command that will soon have ended, or a `serve` that starts: it is waited for.
A database in PostgreSQL is used by any number of processes, and nothing is locked.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from pathlib import Path
from types import TracebackType

import msgspec

from franking.clock import SystemClock
from franking.config import Settings
from franking.stores.base import StoreRefused

DEMO = "demo"
CONTENT_BYTES_MAX = 4096
WAIT_SECONDS = 10
LOOK_SECONDS = 0.02


class Holder(msgspec.Struct, frozen=True):
    """Who holds a lock; `url` once it listens; `stands_in` is the database it really uses."""

    pid: int
    command: str
    url: str | None = None
    stands_in: str | None = None


class InUse(StoreRefused):
    """Another process holds the lock; `holder` is None where it has not said yet who it is."""

    def __init__(self, database: Path, holder: Holder | None) -> None:
        super().__init__(f"{database} is in use by {_described(holder)}.")
        self.holder = holder


class Lock:
    """Held from its making to `release`, or to the end of a `with`. Raises `InUse`."""

    def __init__(self, database: Path, command: str) -> None:
        self._holder = Holder(os.getpid(), command)
        self._file = lock_file(database)
        self._descriptor = _opened(self._file)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _read(self._descriptor)
            os.close(self._descriptor)
            raise InUse(database, holder) from None
        self._write(msgspec.json.encode(self._holder))

    def announce(self, url: str, stands_in: Path | None = None) -> None:
        """Tell where this process listens, and which other database it stands in for this one."""
        used = None if stands_in is None else str(stands_in)
        holder = msgspec.structs.replace(self._holder, url=url, stands_in=used)
        self._write(msgspec.json.encode(holder))

    def release(self) -> None:
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)

    def __enter__(self) -> Lock:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def _write(self, content: bytes) -> None:
        os.ftruncate(self._descriptor, 0)
        try:
            os.pwrite(self._descriptor, content, 0)
        except OSError as error:
            raise StoreRefused(f"{self._file} can't be written: {error.strerror}.") from error


class Shared:
    """In the place of a lock, where any number of processes use the database."""

    def announce(self, url: str, stands_in: Path | None = None) -> None:
        """Nobody looks for us here."""

    def release(self) -> None:
        """Nothing is held."""

    def __enter__(self) -> Shared:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def lock(settings: Settings, command: str) -> Lock | Shared:
    """What a command holds while it uses the database. Raises `InUse`."""
    return Shared() if settings.postgresql else Lock(settings.database_path, command)


async def waited_for(settings: Settings, command: str) -> Lock | Shared:
    """As `lock`, as soon as it is to be had."""
    return Shared() if settings.postgresql else await locked(settings.database_path, command)


async def locked(database: Path, command: str) -> Lock:
    """The lock, as soon as it is to be had. Raises `InUse`: by one who listens, or for long."""
    clock = SystemClock()
    deadline = clock.steady_ms() + WAIT_SECONDS * 1000
    while True:
        try:
            return Lock(database, command)
        except InUse as error:
            listens = error.holder is not None and error.holder.url is not None
            if listens or clock.steady_ms() > deadline:
                raise
        await asyncio.sleep(LOOK_SECONDS)


def lock_file(database: Path) -> Path:
    """The file that is locked for a database."""
    return database.with_name(database.name + "-lock")


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        raise StoreRefused(f"The folder {path.parent.absolute()} does not exist.") from None
    except OSError as error:
        raise StoreRefused(f"{path} can't be opened: {error.strerror}.") from error


def _read(descriptor: int) -> Holder | None:
    try:
        return msgspec.json.decode(os.pread(descriptor, CONTENT_BYTES_MAX, 0), type=Holder)
    except msgspec.MsgspecError:
        return None


def _described(holder: Holder | None) -> str:
    if holder is None:
        return "another process"
    where = f" at {holder.url}" if holder.url else ""
    return f"franking {holder.command} (process {holder.pid}){where}"
