"""Asks SendGrid what an API key may do, to tell whether an account works: no mail is sent.

https://www.twilio.com/docs/sendgrid/api-reference/api-key-permissions: `GET /v3/scopes` tells the
permissions of the key that it is asked with.
"""

from __future__ import annotations

import ssl
from http import HTTPStatus

import msgspec
from msgspec.structs import replace

from franking.core.depth import UNREADABLE
from franking.core.fault import Failure
from franking.transports.sendgrid_answer import failure
from franking.transports.sendgrid_exchange import PROVIDER, Answer, Exchange
from franking.transports.sendgrid_settings import SendGridSettings

SCOPES = "/v3/scopes"
NEEDED = "mail.send"
MISSING = f"This key lacks the permission {NEEDED}"
# A person waits for it.
CONNECT_SECONDS, TOTAL_SECONDS = 10.0, 30.0


class _Scopes(msgspec.Struct):
    scopes: list[str]


async def sign_in(settings: SendGridSettings, tls: ssl.SSLContext | None = None) -> Failure | None:
    """Why the key may not send, or None."""
    hurried = replace(settings, connect_seconds=CONNECT_SECONDS, total_seconds=TOTAL_SECONDS)
    exchange = Exchange(hurried, 1, tls)
    try:
        found = await exchange.get(SCOPES)
    finally:
        await exchange.close()
    return found if isinstance(found, Failure) else _trouble(found)


def _trouble(answer: Answer) -> Failure | None:
    if answer.status != HTTPStatus.OK:
        return replace(failure(answer), step="login")
    try:
        scopes = msgspec.json.decode(answer.body, type=_Scopes).scopes
    except UNREADABLE:
        text = "What answered is not SendGrid's Web API"
        return Failure("login", text, f"Error: {text}", kind="protocol", provider=PROVIDER)
    if NEEDED in scopes:
        return None
    return Failure("login", MISSING, f"Error: {MISSING}", kind="http", provider=PROVIDER)
