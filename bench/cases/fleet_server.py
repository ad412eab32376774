"""The PostgreSQL of a bench: the one that was named, or one of its own on this machine's disk.

Its own is the wheel's that the tests use, with what a crash could cost left on: fsync, full page
writes and autovacuum. A database is made for each case, and dropped after it.
"""

from __future__ import annotations

import importlib
import itertools
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

from bench.cases import child
from bench.cases.run import Run

SETTINGS = (
    "listen_addresses=",
    "max_connections=200",
    "shared_buffers=1GB",
    "max_wal_size=8GB",
    "maintenance_work_mem=512MB",
    "log_min_messages=fatal",
)


class Server:
    """Where databases are made; `url` is of one that is there already."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._names = itertools.count(1)

    @contextmanager
    def database(self, template: str | None = None) -> Iterator[str]:
        """The URL of a new database while in the block: franking's schema, or a copy of another,
        which nobody may be connected to."""
        name = f"franking_bench_{os.getpid()}_{next(self._names)}"
        source = "template0" if template is None else _name(template)
        self._run(f'CREATE DATABASE "{name}" TEMPLATE "{source}" STRATEGY FILE_COPY')
        url = urlunsplit(urlsplit(self._url)._replace(path=f"/{name}"))
        try:
            if template is None:
                child.call("filling", path=url, count=0)
            yield url
        finally:
            self._run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _run(self, statement: str) -> None:
        with connected(self._url) as connection:
            connection.execute(statement.encode())


def server(run: Run) -> Server:
    """The server of a run, the same for all of its cases. Raises `Broken`."""
    found: Server = run.keep("server", lambda: _named(run.database) if run.database else _own())
    return found


def connected(url: str) -> psycopg.Connection[Any]:
    """A connection of which each statement is a transaction. Raises `Broken`."""
    try:
        return psycopg.connect(url, autocommit=True)
    except psycopg.OperationalError as error:
        raise child.Broken(f"There is no PostgreSQL: {error}") from error


@contextmanager
def _named(url: str) -> Iterator[Server]:
    yield Server(url)


@contextmanager
def _own() -> Iterator[Server]:
    sys.path.append(str(child.ROOT / "tests"))
    cluster = importlib.import_module("postgres").Cluster(
        Path(mkdtemp(prefix="franking-bench-")), SETTINGS
    )
    try:
        cluster.init()
        cluster.start()
        yield Server(cluster.url("postgres"))
    finally:
        cluster.remove()


def _name(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")
