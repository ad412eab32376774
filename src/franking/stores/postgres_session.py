"""The connection that writes to PostgreSQL, and the queries of one transaction on it.

Policy. A transaction that met another in its way, or whose connection went before COMMIT, is run
again; a COMMIT whose answer never came is not, for it may have been written. What is not unique is
tried again as well: whoever was first has committed by then, and is found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import psycopg
import structlog

from franking.stores.base import AlreadyExists, StoreUnavailable, Unsure
from franking.stores.postgres_link import BEGIN, Link, Target, begun, connect, explain, lost

log = structlog.get_logger()

MOST_TRIES = 5
MOST_TAKEN = 3
# While there is always more to do, others are told of so many commits together.
TOLD_TOGETHER = 10
# What these write gives nobody else anything to do.
QUIET = frozenset(("mark_transmitting", "renew_leases", "renew_probes"))
# PostgreSQL has no U+0000 in a text.
NUL, INSTEAD = "\0", "\ufffd"

CONFLICTS = (
    psycopg.errors.SerializationFailure,
    psycopg.errors.DeadlockDetected,
)


class PostgresDb:
    """`franking.stores.queries.Db` on a connection that may be another one tomorrow."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        self.link: Link | None = None
        self.wrote = False
        self.news = False

    def run(self, name: str, **values: Any) -> int:
        count = self._execute(name, values).rowcount
        self.wrote = self.wrote or count > 0
        self.news = self.news or (count > 0 and name not in QUIET)
        return count

    def value(self, name: str, **values: Any) -> Any:
        row = self.row(name, **values)
        return row[0] if row is not None else None

    def row(self, name: str, **values: Any) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._execute(name, values).fetchone()
        return row

    def alone(self, do: Callable[[], None]) -> Exception | None:
        self.say("SAVEPOINT alone")
        try:
            do()
        except Exception as error:
            if not begun(self.link):
                raise
            self.say("ROLLBACK TO alone; RELEASE alone")
            return error
        self.say("RELEASE alone")
        return None

    def say(self, words: str) -> psycopg.Cursor[Any]:
        """Run what has no values, and is not prepared."""
        if self.link is None:
            raise StoreUnavailable("The database is closed.")
        return self.link.execute(words.encode(), prepare=False)

    def _execute(self, name: str, values: dict[str, Any]) -> psycopg.Cursor[Any]:
        if self.link is None:
            raise StoreUnavailable("The database is closed.")
        kept = {key: _writable(value) for key, value in values.items()}
        return self.link.execute(self._texts[name].encode(), kept)


class PostgresSession:
    """`franking.stores.writer.Session` on one connection at a time; `me` is who wakes others."""

    near = False

    def __init__(self, target: Target, texts: Mapping[str, str], me: str) -> None:
        self._target = target
        self._me = me
        self._untold = 0
        self.connects = 0
        self.db = PostgresDb(texts)

    def begin(self) -> None:
        if lost(self.db.link):
            self._connect()
        self.db.wrote = self.db.news = False
        self.db.say(BEGIN)

    def commit(self) -> bool:
        try:
            said = self.db.say("COMMIT").statusmessage
        except psycopg.Error as error:
            if lost(self.db.link):
                raise Unsure(UNSURE) from error
            raise
        if said != "COMMIT":
            raise psycopg.errors.InFailedSqlTransaction("a failed transaction was committed")
        self._untold += self.db.news
        return self.db.wrote

    def undo(self) -> None:
        if not begun(self.db.link):
            return
        try:
            self.db.say("ROLLBACK")
        except psycopg.Error:
            self.close()

    def apart(self, do: Callable[[], None]) -> None:
        self.db.say("SAVEPOINT caller")
        try:
            do()
        except BaseException:
            if self.begun:
                self.db.say("ROLLBACK TO caller; RELEASE caller")
            raise
        self.db.say("RELEASE caller")

    @property
    def begun(self) -> bool:
        return begun(self.db.link)

    def again(self, error: Exception, tries: int) -> bool:
        if isinstance(error, psycopg.errors.UniqueViolation):
            return tries < MOST_TAKEN
        if isinstance(error, CONFLICTS) or (isinstance(error, psycopg.Error) and self._lost):
            return tries < MOST_TRIES
        return False

    def told(self, error: Exception) -> BaseException:
        if isinstance(error, psycopg.IntegrityError):
            return AlreadyExists(f"The database holds that already: {error}.")
        if isinstance(error, psycopg.Error):
            return StoreUnavailable(explain(error))
        return error

    def rest(self, busy: bool) -> None:
        if not self._untold or (busy and self._untold < TOLD_TOGETHER):
            return
        self._untold = 0
        try:
            self.db.value("tell", me=self._me)
        except psycopg.Error as error:
            log.warning("others could not be woken", why=str(error))

    def close(self) -> None:
        if self.db.link is not None:
            self.db.link.close()

    @property
    def _lost(self) -> bool:
        return lost(self.db.link)

    def _connect(self) -> None:
        try:
            self.db.link = connect(self._target)
        except psycopg.Error as error:
            raise StoreUnavailable(unreachable(self._target, error)) from error
        self.connects += 1


def unreachable(target: Target, error: psycopg.Error) -> str:
    """What is told where there is no connection."""
    words = str(error).strip().partition("\n")[0]
    return f"The database at {target.name} can't be reached: {words}. Nothing was written."


def _writable(value: Any) -> Any:
    return value.replace(NUL, INSTEAD) if isinstance(value, str) and NUL in value else value


UNSURE = (
    "The connection to the database was lost as it committed: whether that was written is not"
    " known. Look before you try again."
)
