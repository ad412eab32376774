"""An installation whose mails go through accounts, and a second server that asks for a login."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from installation import Installation
from postbox import Postbox

PASSWORD = "geheim-und-lang-73"
USER = "rep@example.com"


@pytest.fixture
async def it(tmp_path: Path) -> AsyncIterator[Installation]:
    async with Installation(tmp_path, accounts=True) as installation:
        yield installation


@pytest.fixture
async def box() -> AsyncIterator[Postbox]:
    """A server that takes mails of one user only."""
    box = Postbox()
    box.users[USER] = PASSWORD
    await box.start()
    yield box
    await box.stop()


def account(port: int, **fields: Any) -> dict[str, Any]:
    """What sets an account that sends through a port of this machine."""
    transport = {"type": "smtp", "host": "127.0.0.1", "port": port, "user": USER}
    return {"address": USER, "transport": transport, "password": PASSWORD, **fields}


def mail(account: str, **fields: Any) -> dict[str, Any]:
    """A mail of an account."""
    message = {"subject": "Hello", "text": "Hello, Ada."}
    return {"to": "ada@example.com", "account": account, "message": message, **fields}
