"""`franking db migrate|status` and `franking doctor`: the database itself, asked directly.

The doctor reads beside a running `serve`, so that it tells the truth also of one that hangs. It
changes nothing: a database of another version is refused and not migrated.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace
from rich.table import Table

from franking.app import databases
from franking.app.lock import InUse, Lock, lock
from franking.cli import screen
from franking.cli.exits import Code, Ended
from franking.clock import Clock
from franking.config import Settings
from franking.config.database import SQLITE
from franking.core import times
from franking.core.timer import TimerState
from franking.stores.base import Counts

# A mail may be this much past its time while its turn comes.
GRACE_MS = 10_000


async def migrate(settings: Settings) -> None:
    """Bring the database to the version of this franking."""
    before = databases.versions(settings)
    with lock(settings, "db migrate"):
        store = databases.store(settings)
        await store.open()
        await store.close()
    if before.found is not None and before.found > before.known:
        print(f"{_place(settings)} is of version {before.found}, which is newer: it stays.")
        return
    when = "already" if before.found == before.known else "now"
    print(f"{_place(settings)} is of version {before.known} {when}.")


def status(settings: Settings) -> None:
    """Print the version, whether it is this franking's, and who uses it."""
    versions = databases.versions(settings)
    pairs = [
        ("Database", _place(settings, whole=True)),
        ("Version", versions.found if versions.found is not None else "there is no database yet"),
        ("Known up to", versions.known),
        ("In use by", None if versions.found is None else _user(settings)),
        ("Moved to", place := databases.moved(settings)),
    ]
    screen.console().print(screen.facts(pairs))
    if place is not None:
        raise Ended(Code.FAILED, "It is not served any more: set FRANKING_DATABASE_URL.")
    if not versions.usable:
        raise Ended(Code.FAILED, _next_step(versions))
    if versions.found != versions.known:
        print("A newer franking made it so; this one works on it too, as others that know")
        print(f"{versions.least} or later.")


async def doctor(settings: Settings, clock: Clock) -> None:
    """Print how many mails are in each state, and end in failure where one is stuck."""
    settings = _used(settings)
    versions = databases.versions(settings)
    if not versions.usable:
        raise Ended(Code.DATABASE_REFUSED, _next_step(versions))
    store = databases.store(settings)
    await store.open()
    try:
        there = await databases.followed(store, clock)
        counts = await store.counts(there.now(), GRACE_MS)
    finally:
        await store.close()
    screen.console().print(_states(counts))
    if counts.timers:
        screen.console().print(_timers(counts))
    for line in _outbox(counts.outbox, clock.now()):
        print(line)
    for line in _webhooks(counts.webhooks):
        print(line)
    for line in _inbox(counts.inbox):
        print(line)
    if counts.stuck:
        screen.console().print(_stuck(counts.stuck))
        raise Ended(Code.FAILED, f"{len(counts.stuck)} stuck. {_cure(_user(settings))}")
    print("0 stuck.")


def _states(counts: Counts) -> Table:
    table = Table("State", "Mails", box=None)
    for name in screen.COLOURS:
        table.add_row(screen.state(name), screen.cell(counts.states.get(name, 0)))
    return table


def _timers(counts: Counts) -> Table:
    table = Table("State", "Timers", box=None)
    for name in TimerState:
        table.add_row(screen.cell(name), screen.cell(counts.timers.get(name, 0)))
    return table


def _outbox(counts: dict[str, Any], now: int) -> Iterator[str]:
    """How many events wait for the CRM and are parked, and whether it is told anything now."""
    yield f"Outbox: {counts['waiting']} waiting, {counts['parked']} parked."
    if counts["oldest_at"] is not None:
        yield f"The oldest that waits is of {times.text(counts['oldest_at'])}."
    if counts["paused_until"] is not None:
        again = times.text(max(counts["paused_until"], now))
        since = "" if counts["since"] is None else f" since {times.text(counts['since'])}"
        why = screen.one_line(counts["reason"])
        yield f"It is paused{since}, and goes on by itself at {again}. {why}"
    if counts["parked"]:
        yield "`franking outbox list --state parked` says why, and what to do."


def _webhooks(counts: dict[str, int]) -> Iterator[str]:
    """How webhooks stand, where there are any, and what all have yet to hear."""
    held = counts["paused"] + counts["disabled"]
    if counts["ok"] + held == 0:
        return
    stand = ", ".join(f"{counts[name]} {name}" for name in ("ok", "paused", "disabled"))
    yield f"Webhooks: {stand}; {counts['waiting']} events waiting, {counts['parked']} parked."
    if held or counts["parked"]:
        yield "`franking webhook list` says why, `franking webhook show ID` what to do."


def _inbox(counts: dict[str, Any]) -> Iterator[str]:
    """What applications inserted and nobody has taken in yet, where there is any."""
    if counts["oldest_at"] is not None:
        oldest = times.text(counts["oldest_at"])
        yield f"Inbox: {counts['waiting']} waiting, {counts['put_off']} put off, oldest {oldest}."


def _stuck(stuck: list[dict[str, Any]]) -> Table:
    table = Table("Id", "State", "Why", box=None)
    for mail in stuck:
        table.add_row(
            screen.cell(mail.get("id")), screen.state(mail.get("state")), screen.cell(mail["why"])
        )
    return table


def _cure(user: str | None) -> str:
    if user is None:
        return "No serve is running: start `franking serve`, which ends them; then ask again."
    return (
        f"The database is in use by {user}. Its log says why it does not end them; to restart it is"
        " safe. If they stay, please report it with `franking mail show ID`."
    )


def _next_step(versions: databases.Versions) -> str:
    if versions.found is None:
        return "There is no database yet: `franking serve` or `franking db migrate` makes one."
    if versions.found > versions.known:
        return "The database belongs to a newer franking: use that one."
    return "The database is of an older version: `franking db migrate` brings it up to date."


def _used(settings: Settings) -> Settings:
    """These settings, or where a demo stands in for an absent database, with that of the demo."""
    if settings.postgresql or settings.database_path.exists():
        return settings
    try:
        Lock(settings.database_path, "doctor").release()
    except InUse as error:
        if error.holder is not None and error.holder.stands_in is not None:
            return replace(settings, database_url=SQLITE + error.holder.stands_in)
    return settings


def _place(settings: Settings, *, whole: bool = False) -> str:
    """The database in words; `whole`: a file by its whole path."""
    if settings.postgresql:
        return settings.database_name[:1].upper() + settings.database_name[1:]
    return str(settings.database_path.absolute() if whole else settings.database_path)


def _user(settings: Settings) -> str | None:
    """Who uses it, in words; of a database in PostgreSQL as far as it says."""
    if settings.postgresql:
        users = [f"{one.process} ({','.join(one.doing)})" for one in databases.present(settings)]
        return ", ".join(users) or None
    try:
        Lock(settings.database_path, "db status").release()
    except InUse as error:
        return str(error).partition(" is in use by ")[2].rstrip(".")
    return None
