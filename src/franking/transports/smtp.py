"""Sends mails over SMTP for one account, on a few connections that are kept.

Policy. Connections are opened on demand, the first one alone: while none is open, only one is
tried at a time, so that a server that is down or a password that is wrong is met once and not
ten times; what waits then fails together, with that one failure. When further connections are
refused while one is open, the mails wait for the open ones, and no more are tried for a while.

A kept connection that turns out dead before it answered MAIL is no try: the mail goes again, on
a fresh connection, by itself. Once the gate was asked a mail is never sent again by us.

Cancelling `send` before the dot hangs up; after it, the connection reads the answer to its end
and nobody hears it.
"""

from __future__ import annotations

import asyncio
from collections import deque

from franking.compose.envelope import Envelope, Form
from franking.core.fault import Failure
from franking.transports.base import Answer, Gate, Rejected, Withheld
from franking.transports.oauth import Tokens
from franking.transports.smtp_connection import Connection
from franking.transports.smtp_credentials import credentials
from franking.transports.smtp_dial import tls_context
from franking.transports.smtp_failures import closed
from franking.transports.smtp_parcel import Parcel
from franking.transports.smtp_settings import SmtpSettings

# How long no further connection is tried after the server refused one while others were open.
CROWDED_SECONDS = 60


class Smtp:
    """A `Transport` that speaks SMTP."""

    wants: Form = "mime"

    def __init__(self, settings: SmtpSettings, *, connections: int = 10) -> None:
        self._settings = settings
        self._most = settings.max_connections or connections
        self._limit = self._most
        self._context = tls_context(settings.tls)
        self._tokens = Tokens(settings.oauth) if settings.oauth else None
        self._token_renewed = False
        self._waiting: deque[Parcel] = deque()
        # Those that a kept connection died on: only a fresh one may take them.
        self._returned: deque[Parcel] = deque()
        self._opening: dict[Connection, asyncio.Task[None]] = {}
        self._open: set[Connection] = set()
        self._idle: list[Connection] = []
        self._crowded: asyncio.TimerHandle | None = None
        self._closing = False
        self._gone: asyncio.Event = asyncio.Event()

    def __repr__(self) -> str:
        return f"Smtp({self._settings!r})"

    async def send(self, envelope: Envelope, gate: Gate) -> Answer:
        """Send one mail; waits for a free connection.

        Answers `Withheld` once `close` was called. Raises ValueError for an envelope that no
        composer may make (an address or a bare line end that would break its line), and what
        the gate raises.
        """
        if self._closing:
            return Withheld()
        parcel = Parcel(envelope, gate, asyncio.get_running_loop().create_future())
        self._waiting.append(parcel)
        self._dispatch()
        try:
            return await parcel.answer
        except asyncio.CancelledError:
            self._drop(parcel)
            raise

    async def close(self) -> None:
        """Finish what is on a connection, QUIT and hang up; what waits is `Withheld`.

        Cancelling it hangs up at once.
        """
        self._closing = True
        for parcel in self._take_waiting():
            parcel.finish(Withheld())
        try:
            for connection in (*self._opening, *self._open):
                connection.retire()
            while self._opening or self._open:
                self._gone.clear()
                await self._gone.wait()
        finally:
            for connection in (*self._opening, *self._open):
                connection.hang_up()
            if self._crowded is not None:
                self._crowded.cancel()

    def _drop(self, parcel: Parcel) -> None:
        for waiting in (self._waiting, self._returned):
            if parcel in waiting:
                waiting.remove(parcel)
        for connection in tuple(self._open):
            connection.drop(parcel)

    # What a connection asks and tells.

    def next_parcel(self, connection: Connection) -> Parcel | None:
        """The mail that waits longest; those returned go to a fresh connection, and first."""
        waiting = self._waiting
        if self._returned and connection.served == 0:
            waiting = self._returned
        return waiting.popleft() if waiting else None

    def opened(self, connection: Connection) -> None:
        """It logged in: it may take mails, and further ones may be opened beside it."""
        self._opening.pop(connection, None)
        self._open.add(connection)
        self._token_renewed = False
        asyncio.get_running_loop().call_soon(self._dispatch)

    def rested(self, connection: Connection) -> None:
        """It has nothing to do."""
        if connection not in self._idle:
            self._idle.append(connection)

    def returned(self, parcel: Parcel) -> None:
        """The kept connection was dead before the mail began."""
        if self._closing:
            parcel.finish(Withheld())
        elif not parcel.dropped:
            self._returned.append(parcel)

    def ended(self, connection: Connection, failure: Failure | None) -> None:
        """It is gone; `failure` says why, None after QUIT."""
        dialling = self._opening.pop(connection, None)
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        if dialling is not None:
            if dialling is not asyncio.current_task():
                dialling.cancel()
            self._opening_failed(failure or closed("connect"))
        self._gone.set()
        self._dispatch()

    # Opening.

    def _dispatch(self) -> None:
        """Wake idle connections for what waits, and open as many more as it takes."""
        while self._waiting and self._idle:
            self._idle.pop().proceed()
        while self._may_open():
            connection = Connection(self, self._settings, self._context)
            self._opening[connection] = asyncio.get_running_loop().create_task(
                self._reach(connection)
            )

    def _may_open(self) -> bool:
        wanted = len(self._waiting) + len(self._returned) - len(self._opening)
        if wanted <= 0 or self._closing:
            return False
        if not self._open:
            return not self._opening
        return len(self._open) + len(self._opening) < self._limit

    async def _reach(self, connection: Connection) -> None:
        try:
            login = await credentials(self._settings, self._tokens)
            if isinstance(login, Failure):
                connection.give_up(login)
            else:
                await connection.reach(login)
        except Exception as bug:
            # Nobody awaits this task; those who wait for its connection must hear of it.
            self._opening.pop(connection, None)
            for parcel in self._take_waiting():
                parcel.crash(bug)

    def _opening_failed(self, failure: Failure) -> None:
        if failure.step == "login" and self._tokens and not self._token_renewed:
            # The access token that we kept may have been revoked: once, ask for a new one.
            self._token_renewed = True
            self._tokens.forget()
        elif self._open:
            self._crowd()
            self._waiting.extendleft(reversed(self._returned))
            self._returned.clear()
        elif not self._opening:
            self._token_renewed = False
            for parcel in self._take_waiting():
                parcel.finish(Rejected(failure))

    def _crowd(self) -> None:
        """The server wants no more connections: be content with those that are open."""
        self._limit = len(self._open) + len(self._opening)
        if self._crowded is None:
            loop = asyncio.get_running_loop()
            self._crowded = loop.call_later(CROWDED_SECONDS, self._uncrowd)

    def _uncrowd(self) -> None:
        self._crowded = None
        self._limit = self._most
        self._dispatch()

    def _take_waiting(self) -> list[Parcel]:
        taken = [*self._returned, *self._waiting]
        self._returned.clear()
        self._waiting.clear()
        return taken
