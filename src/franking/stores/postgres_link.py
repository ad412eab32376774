"""One connection to PostgreSQL: where it goes, how long it waits, and what its errors mean.

Policy. Nothing waits without an end: not for a connection, a lock, a statement, nor for an answer
that a network holds back. The limits are set with each transaction, so that they hold behind a
pooler too that hands out another server connection for each (PgBouncer, transaction mode). A URL
may say `prepare=off` for a pooler that knows no prepared statements, and `listen=URL` where whoever
waits for news must go around it, or `listen=off`.
"""

from __future__ import annotations

import select
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import msgspec
import psycopg
from psycopg import pq
from psycopg.abc import PQGen
from psycopg.types.numeric import Int8Dumper
from psycopg.waiting import Ready

CONNECT_SECONDS = 5
# A dead peer is found within so long, while nothing is asked and while something is.
KEEPALIVE_SECONDS = 10
UNACKNOWLEDGED_MS = 10_000
# The server ends what takes longer; an answer that does not come at all is waited for longer.
STATEMENT_MS = 10_000
LOCK_MS = 5_000
IDLE_MS = 10_000
ANSWER_SECONDS = 15.0
# From so many runs on a statement is prepared, and so many are kept.
PREPARE_AFTER = 1
PREPARED = 512

LIMITS = (
    f"SET LOCAL statement_timeout = {STATEMENT_MS}; SET LOCAL lock_timeout = {LOCK_MS};"
    f" SET LOCAL idle_in_transaction_session_timeout = {IDLE_MS}"
)
BEGIN = f"BEGIN ISOLATION LEVEL READ COMMITTED; {LIMITS}"
BEGIN_READING = f"BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; {LIMITS}"

T = TypeVar("T")


class Target(msgspec.Struct, frozen=True):
    """Where a database is; `listen` is where its news are heard, None where they are not. In the
    database's own lists our connections are `called` so."""

    url: str
    prepare: bool = True
    listen: str | None = None
    called: str = "franking"

    @property
    def name(self) -> str:
        """The database in words, without its password."""
        parts = urlsplit(self.url)
        return f"{parts.hostname or 'this host'}{parts.path}"


class NoAnswer(psycopg.OperationalError):
    """The server has not answered for ANSWER_SECONDS."""


class Link(psycopg.Connection[Any]):
    """A connection that gives up waiting after `answer_seconds`, unless they are None."""

    answer_seconds: float | None = ANSWER_SECONDS

    def wait(self, gen: PQGen[T], interval: float = 0, timeout: float | None = None) -> T:
        """Run one exchange. Raises `NoAnswer`, after which the connection is of no use."""
        poll = select.poll()
        socket = self.pgconn.socket
        try:
            wanted = next(gen)
            while True:
                poll.register(socket, _EVENTS[wanted])
                most = self.answer_seconds
                found = poll.poll(None if most is None else most * 1000)
                if not found:
                    self.close()
                    raise NoAnswer(f"no answer for {ANSWER_SECONDS:.0f} seconds")
                wanted = gen.send(_ready(found[0][1]))
        except StopIteration as end:
            result: T = end.value
            return result


def target(url: str, called: str = "franking") -> Target:
    """What a DATABASE_URL says, our own words taken out of it; connections are `called` so."""
    parts = urlsplit(url)
    own, others = {}, []
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name in ("prepare", "listen"):
            own[name] = value
        else:
            others.append((name, value))
    # Of libpq's own, '+' is no space.
    plain = urlunsplit(parts._replace(query=urlencode(others, quote_via=quote)))
    listen = own.get("listen", plain)
    prepare = own.get("prepare") != "off"
    return Target(plain, prepare, None if listen == "off" else listen, called)


def listen(target: Target) -> psycopg.Connection[Any]:
    """A new connection on which one may wait for news. Raises `psycopg.OperationalError`."""
    url = target.listen or target.url
    return psycopg.Connection.connect(url, autocommit=True, **_given(url, target.called))


def connect(target: Target) -> Link:
    """A new connection. Raises `psycopg.OperationalError`."""
    link = Link.connect(target.url, autocommit=True, **_given(target.url, target.called))
    link.prepare_threshold = PREPARE_AFTER if target.prepare else None
    link.prepared_max = PREPARED
    link.adapters.register_dumper(int, Int8Dumper)
    return link


@contextmanager
def unhurried(link: Link | None) -> Iterator[None]:
    """Let its statements take as long as they take, as those do which change a schema or fill a
    database; what ends them then is a dead peer (KEEPALIVE_SECONDS)."""
    if link is None:
        yield
        return
    link.answer_seconds = None
    try:
        yield
    finally:
        link.answer_seconds = ANSWER_SECONDS


def lost(link: Link | None) -> bool:
    """Is there no connection, or one that is of no more use?"""
    return link is None or link.closed or link.broken


def begun(link: Link | None) -> bool:
    """Is there a transaction on it?"""
    if link is None or lost(link):
        return False
    status = link.info.transaction_status
    return status in (pq.TransactionStatus.INTRANS, pq.TransactionStatus.INERROR)


def explain(error: psycopg.Error) -> str:
    """What a database's error means and what to do, for a person."""
    for kind, meaning in _MEANINGS:
        if isinstance(error, kind):
            return meaning
    words = str(error).strip().partition("\n")[0]
    return f"The database can't be used: {words}. Nothing was written."


def _given(url: str, called: str) -> dict[str, Any]:
    """Who we are and how long to wait, but for what the URL says itself."""
    said = psycopg.conninfo.conninfo_to_dict(url)
    ours = {"application_name": called, **_PATIENCE}
    return {name: value for name, value in ours.items() if name not in said}


def _ready(events: int) -> Ready:
    writable = Ready.W if events & select.POLLOUT else 0
    readable = Ready.R if events & ~select.POLLOUT else 0
    return Ready(readable | writable)


_EVENTS = {1: select.POLLIN, 2: select.POLLOUT, 3: select.POLLIN | select.POLLOUT}

_PATIENCE: dict[str, Any] = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives": 1,
    "keepalives_idle": KEEPALIVE_SECONDS,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": UNACKNOWLEDGED_MS,
}

_MEANINGS: tuple[tuple[type[psycopg.Error], str], ...] = (
    (
        psycopg.errors.DiskFull,
        "The database's disk is full: nothing was written. Make room; franking goes on by itself.",
    ),
    (
        psycopg.errors.TooManyConnections,
        "The database has no connection left. Raise max_connections, or use a pooler.",
    ),
    (
        psycopg.errors.LockNotAvailable,
        "Somebody holds what was to be written. Look for who in pg_locks, then try again.",
    ),
    (
        psycopg.errors.QueryCanceled,
        "The database took too long: nothing was written. Look at its load, then try again.",
    ),
    (
        psycopg.errors.ReadOnlySqlTransaction,
        "The database is read-only: this is a standby. Name the primary in DATABASE_URL.",
    ),
    (
        NoAnswer,
        "The database has not answered: nothing was written. Look at it and at the network.",
    ),
)
