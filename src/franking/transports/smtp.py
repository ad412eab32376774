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
import socket
from collections import deque

from franking.compose.envelope import Envelope
from franking.core.fault import Failure
from franking.transports.base import Answer, Gate, Rejected, Withheld
from franking.transports.oauth import Tokens
from franking.transports.smtp_connection import Connection
from franking.transports.smtp_dial import Unreachable, dial, tls_context
from franking.transports.smtp_login import Login
from franking.transports.smtp_parcel import Parcel
from franking.transports.smtp_protocol import Introduction
from franking.transports.smtp_settings import SmtpSettings

# How long no further connection is tried after the server refused one while others were open.
CROWDED_SECONDS = 60


class Smtp:
    """A `Transport` that speaks SMTP."""

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
        self._carrying: dict[Parcel, Connection] = {}
        self._crowded: asyncio.TimerHandle | None = None
        self._closing = False
        self._gone: asyncio.Event = asyncio.Event()
