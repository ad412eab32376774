"""Signatures, against the official library of Standard Webhooks."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
import standardwebhooks

from franking.clock import SystemClock
from franking.core.timer.calls import Called
from franking.transports.webhook import Webhook
from franking.transports.webhook_signature import secret_key, signed

from .receiver import receiving, timer

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = f"whsec_{base64.b64encode(bytes(range(64))).decode()}"


def test_the_example_of_the_official_libraries_is_signed_alike() -> None:
    found = signed(
        [secret_key(SECRET)],
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert found == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize("body", ["", "hello", '{"é":"\u00e9"}', "a=1&b=2\r\n", "x" * 100_000])
@pytest.mark.parametrize("ident", ["t-1.1", "t%C3%BCr.7", "a.b.c.12"])
def test_each_secret_signs_as_the_official_library_does(ident: str, body: str) -> None:
    found = signed([secret_key(SECRET), secret_key(OTHER)], ident, 1795269900, body.encode())
    when = datetime.fromtimestamp(1795269900, UTC)
    assert found["webhook-signature"].split(" ") == [
        standardwebhooks.Webhook(secret).sign(ident, when, body) for secret in (SECRET, OTHER)
    ]


@pytest.mark.parametrize("secret", [SECRET, OTHER])
@pytest.mark.parametrize("data", [b'"h\xc3\xa9llo"', b'{"a" : [1]}', None])
async def test_a_receiver_can_check_what_it_was_sent(secret: str, data: bytes | None) -> None:
    async with receiving() as receiver:
        caller = Webhook(SystemClock(), secrets=[SECRET, OTHER])
        assert await caller.call(timer(receiver.url(), data)) == Called()
        await caller.close()
        (heard,) = receiver.heard
    official = standardwebhooks.Webhook(secret)
    official.verify(heard.body, dict(heard.headers), json_parse=False)
    forged = {**dict(heard.headers), "webhook-id": "t-1.4"}
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        official.verify(heard.body, forged, json_parse=False)
