"""The way into franking for a command: a running `serve`, or else the database file itself.

Policy: where `--url` or FRANKING_URL names a server, that one. Else the lock beside the database
decides: who gets it has the file for itself and opens it; who doesn't talks to the `serve` (or
`demo`) that holds it. Another command that holds it is waited for, a while. Any
number of processes use a database in PostgreSQL: it is opened, which is said.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from franking.app.lock import DEMO, Holder, InUse, Lock, locked
from franking.cli.door import Door
from franking.config import Settings

OPENED = "No server is named by FRANKING_URL or --url: this is done on {} itself."


@asynccontextmanager
async def opened(settings: Settings, command: str) -> AsyncIterator[Door]:
    """The door, held open for one command."""
    if settings.url is not None:
        async with _remote(settings, settings.url, settings.url) as door:
            yield door
        return
    if settings.postgresql:
        print(OPENED.format(settings.database_name), file=sys.stderr)
        async with _local(settings, settings.database_name) as door:
            yield door
        return
    place = str(settings.database_path.absolute())
    found = await _found(settings, command)
    if isinstance(found, Lock):
        with found:
            async with _local(settings, place) as door:
                yield door
    else:
        # A demo's mails are not in the database that it stands in for.
        ours = place if found.command != DEMO else f"{DEMO} {found.pid}"
        async with _remote(settings, found.url or "", ours) as door:
            yield door


async def _found(settings: Settings, command: str) -> Lock | Holder:
    """The lock, or who holds it and listens."""
    try:
        return await locked(settings.database_path, command)
    except InUse as error:
        if error.holder is not None and error.holder.url is not None:
            return error.holder
        raise


@asynccontextmanager
async def _remote(settings: Settings, url: str, place: str) -> AsyncIterator[Door]:
    from franking.cli import remote

    # A server that was found by its database has the certificate that is set here, whose names
    # need not be this machine's.
    own = settings.tls_certificate if url != settings.url else None
    async with remote.connected(url, place, settings.key, own) as door:
        yield door


@asynccontextmanager
async def _local(settings: Settings, place: str) -> AsyncIterator[Door]:
    from franking.cli import local

    async with local.opened(settings, place) as door:
        yield door
