"""The fake refuses what SendGrid documents that it refuses, and says so as SendGrid does."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest

from transports.sendgrid.fake import KEY, UNAUTHORIZED, FakeSendGrid, fake_sendgrid

GOOD: dict[str, Any] = {
    "personalizations": [{"to": [{"email": "a@example.com"}]}],
    "from": {"email": "f@example.com"},
    "subject": "s",
    "content": [{"type": "text/plain", "value": "t"}],
}
FILE = {"content": "eA==", "filename": "a.txt", "type": "text/plain"}
MANY = [{"email": f"a{n}@example.com"} for n in range(1001)]
BAD: list[tuple[dict[str, Any], str, str | None]] = [
    ({"personalizations": None}, "Bad Request", None),
    ({"personalizations": []}, "at least one personalization", "personalizations"),
    ({"personalizations": [{}]}, "The to array is required", "personalizations.0.to"),
    ({"personalizations": [{"to": [{"email": "nobody"}]}]}, "valid address", "…0.to.0.email"),
    (
        {"personalizations": [{"to": MANY[:1], "cc": [{"email": "A0@EXAMPLE.com"}]}]},
        *("should be unique between to, cc, and bcc", "personalizations.0"),
    ),
    ({"personalizations": [{"to": MANY}]}, "a limit of 1000 total recipients", "personalizations"),
    ({"from": {}}, "The from object must be provided", "from"),
    ({"from": {"email": "x"}}, "Does not contain a valid address.", "from.email"),
    ({"subject": ""}, "The subject is required", "subject"),
    ({"content": []}, "content parameter is required", "content"),
    ({"content": [{"type": "text/plain", "value": ""}]}, "one character", "content.0.value"),
    ({"content": [{"type": "text/plain; x=y", "value": "t"}]}, "';'", "content.0.type"),
    (
        {"content": [{"type": kind, "value": "t"} for kind in ("text/html", "text/plain")]},
        *("text/plain needs to be first", "content"),
    ),
    ({"attachments": [{**FILE, "content": "Hello!"}]}, "base64 encoded", "attachments.0.content"),
    ({"attachments": [{**FILE, "content": ""}]}, "one character", "attachments.0.content"),
    ({"attachments": [{**FILE, "filename": ""}]}, "filename is", "attachments.0.filename"),
    ({"attachments": [{**FILE, "disposition": "x"}]}, "either", "attachments.0.disposition"),
    ({"attachments": [{**FILE, "disposition": "inline"}]}, "content ID", "…0.content_id"),
    ({"headers": {"Subject": "x"}}, "reserved keys", "headers.Subject"),
    ({"headers": {"X-A": "x", "x-a": "y"}}, "duplicate keys", "headers.x-a"),
    ({"headers": {"X-A": 1}}, "must be strings", "headers.X-A"),
    ({"template_id": "d-9"}, "must be a valid template id", "template_id"),
    ({"categories": [str(n) for n in range(11)]}, "a limit of 10 categories", "categories"),
    ({"categories": ["a", "a"]}, "must be a unique list", "categories"),
    ({"custom_args": {"a": 1}}, "must be strings", "custom_args"),
    ({"custom_args": {}}, "can't be empty", "custom_args"),
    ({"ip_pool_name": "x"}, "valid pool name", "ip_pool_name"),
    ({"mail_settings": {"sandboxMode": {}}}, "Bad Request", None),
    ({"dynamicTemplateData": {}}, "Bad Request", None),
]


async def told(
    fake: FakeSendGrid, body: bytes, key: str = KEY, kind: str = "application/json"
) -> tuple[int, list[dict[str, Any]]]:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": kind}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{fake.url}/v3/mail/send", data=body, headers=headers) as answer,
    ):
        return answer.status, (await answer.json())["errors"] if answer.status >= 400 else []


@pytest.mark.parametrize(("change", "message", "field"), BAD, ids=[b[1] for b in BAD])
async def test_a_bad_mail_is_refused_by_its_field(
    change: dict[str, Any], message: str, field: str | None
) -> None:
    async with fake_sendgrid() as fake:
        status, errors = await told(fake, json.dumps({**GOOD, **change}).encode())
        assert status == 400
        found = [one for one in errors if message in one["message"]]
        assert found, errors
        if field is not None:
            assert found[0]["field"].endswith(field.lstrip("…"))
        assert fake.taken == []


async def test_a_good_mail_is_taken_and_the_rest_is_refused_with_its_status() -> None:
    async with fake_sendgrid() as fake:
        good = json.dumps(GOOD).encode()
        assert await told(fake, good) == (202, [])
        assert (await told(fake, good[:-1]))[0] == 400
        status, [error] = await told(fake, good, key="SG.other")
        assert (status, error["message"]) == (401, UNAUTHORIZED)
        fake.keys["SG.reads"] = ["alerts.read"]
        status, [error] = await told(fake, good, key="SG.reads")
        assert (status, error["message"]) == (403, "access forbidden")
        assert (await told(fake, good, kind="text/plain"))[0] == 415
        fake.verified = {"other@example.com"}
        status, [error] = await told(fake, good)
        assert (status, error["field"]) == (403, "from")
        assert "verified Sender Identity" in error["message"]
        fake.most_octets = 10
        assert (await told(fake, good))[0] == 413
        assert len(fake.taken) == 1
