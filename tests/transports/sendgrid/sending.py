"""Mails composed as letters, gates that tests open and shut, and a client that is closed."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from franking.compose.envelope import Envelope, Unsendable
from franking.compose.links import NOTHING, Fetched
from franking.compose.mime import compose
from franking.core.fault import Failure
from franking.transports.base import Answer, Doubt, Rejected
from franking.transports.sendgrid import SendGrid
from franking.transports.sendgrid_settings import SendGridSettings
from transports.scripted import until
from transports.sendgrid.fake import KEY, FakeSendGrid

A, B, C = "a@example.com", "b@example.com", "c@example.com"
DEADLINE_SECONDS = 10.0
HELLO: dict[str, Any] = {"subject": "Hello", "text": "plain", "html": "<b>html</b>"}


def composed(fetched: Fetched = NOTHING, **fields: Any) -> Envelope | Unsendable:
    """A document, to A where it says nothing else, as its transport gets it."""
    return compose(
        {"to": A, "message": HELLO, **fields},
        message_id="<1@example.com>",
        date_ms=1_795_269_900_000,
        boundary_seed="1",
        default_from="Default <default@example.com>",
        default_reply_to="reply@example.com",
        form="letter",
        fetched=fetched,
    )


def mail(**fields: Any) -> Envelope:
    found = composed(**fields)
    assert isinstance(found, Envelope), found
    return found


class Gate:
    """`commit` is what `transmitting` will find; unset, it waits for `decide`."""

    def __init__(self, commit: bool | Exception | None = True) -> None:
        self.begun = True
        self.ours = True
        self.asked = asyncio.Event()
        self.count = 0
        self.looks = 0
        self._commit = commit
        self._decided: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def decide(self, commit: bool) -> None:
        self._decided.set_result(commit)

    def begins(self) -> bool:
        return self.begun

    async def transmitting(self) -> bool:
        self.count += 1
        self.asked.set()
        if isinstance(self._commit, Exception):
            raise self._commit
        return await self._decided if self._commit is None else self._commit

    def held(self) -> bool:
        self.looks += 1
        return self.ours


def failure_of(answer: Answer) -> Failure:
    assert isinstance(answer, Rejected | Doubt), answer
    return answer.failure


async def let_go(client: SendGrid) -> None:
    """Wait until no request of the client's has a connection any more."""
    exchange = client._exchange
    assert exchange is not None
    connector: Any = exchange._session.connector
    await until(lambda: not connector._acquired)


@asynccontextmanager
async def sending(
    fake: FakeSendGrid | str,
    *,
    key: str = KEY,
    connections: int = 10,
    total_seconds: float = 5,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[SendGrid]:
    """A client that is closed at the end, within the deadline."""
    base = fake if isinstance(fake, str) else fake.url
    settings = SendGridSettings(key=key, base=base, total_seconds=total_seconds, connect_seconds=2)
    client = SendGrid(settings, connections=connections, tls=tls)
    async with asyncio.timeout(DEADLINE_SECONDS):
        yield client
        await client.close()
