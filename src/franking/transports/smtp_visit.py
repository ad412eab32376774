"""Signs in to a server and leaves again, to tell whether an account works: no mail is sent."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from franking.core.fault import Failure
from franking.transports import smtp_failures as say
from franking.transports.oauth import Tokens
from franking.transports.smtp_connection import Connection
from franking.transports.smtp_credentials import credentials
from franking.transports.smtp_dial import tls_context
from franking.transports.smtp_parcel import Parcel
from franking.transports.smtp_settings import SmtpSettings, Timeouts

# A person waits for it, so every wait is short; mails have those of RFC 5321.
TIMEOUTS = Timeouts(connect=10, greeting=15, command=15, quit=2)
VISIT_SECONDS = 40


async def sign_in(settings: SmtpSettings) -> Failure | None:
    """Connect, encrypt and log in, then QUIT; why that did not work, or None."""
    hurried = replace(settings, timeouts=TIMEOUTS)
    tokens = Tokens(settings.oauth) if settings.oauth else None
    visit = _Visit()
    connection = Connection(visit, hurried, tls_context(settings.tls))
    try:
        async with asyncio.timeout(VISIT_SECONDS):
            login = await credentials(hurried, tokens)
            if isinstance(login, Failure):
                return login
            await connection.reach(login)
            return await visit.result
    except TimeoutError:
        return say.timed_out("connect")
    finally:
        if tokens is not None:
            tokens.forget()
        if not visit.over:
            connection.hang_up()


class _Visit:
    """`franking.transports.smtp_connection.Owner` of one connection that takes no mail."""

    def __init__(self) -> None:
        self.result: asyncio.Future[Failure | None] = asyncio.get_running_loop().create_future()
        self.over = False
        self._welcome = False

    def next_parcel(self, connection: Connection) -> Parcel | None:
        return None

    def opened(self, connection: Connection) -> None:
        self._welcome = True

    def rested(self, connection: Connection) -> None:
        connection.retire()

    def returned(self, parcel: Parcel) -> None:
        """There are no mails to come back."""

    def ended(self, connection: Connection, failure: Failure | None) -> None:
        self.over = True
        if not self.result.done():
            # Once logged in, however it leaves, it works.
            known = failure or say.closed("connect")
            self.result.set_result(None if self._welcome else known)
