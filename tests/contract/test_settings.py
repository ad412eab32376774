"""The contract's settings, cases 115 to 122: from the environment to what a real SMTP server sees.

Each test starts the whole service, as `serve` does, and speaks HTTP to it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from eventually import eventually
from franking.app.sender import through
from franking.config import SettingRefused
from franking.core import times
from franking.transports.smtp_settings import SmtpSettings
from postbox import Postbox
from serviced import loaded, served

A = "a@example.com"
MAIL: dict[str, Any] = {"to": A, "message": {"subject": "s", "text": "t"}}
REP, PASSWORD = "rep@example.com", "p@ss:/ %41?"
DAY_MS = 24 * 3_600_000


@pytest_asyncio.fixture
async def box() -> AsyncIterator[Postbox]:
    box = Postbox()
    await box.start()
    yield box
    await box.stop()


async def written(http: httpx.AsyncClient, id: str = "m1", **fields: Any) -> dict[str, Any]:
    """The delivery of a document that was written, once it has ended."""
    assert (await http.put(f"/v1/mail/{id}", json={**MAIL, **fields})).status_code == 201

    async def ended() -> dict[str, Any] | None:
        delivery: dict[str, Any] = (await http.get(f"/v1/mail/{id}")).json()["delivery"]
        return delivery if delivery["state"] in ("SUCCESS", "ERROR") else None

    return await eventually(ended)


LIVES = [("day", 5, 432_000_000), ("hour", 2, 7_200_000), ("day", 2, 172_800_000)]


@pytest.mark.case(115)
@pytest.mark.parametrize(
    ("unit", "value", "ms"), [*LIVES, ("week", 2, 1_209_600_000)], ids=lambda part: str(part)
)
async def test_a_document_expires(
    tmp_path: Path, box: Postbox, unit: str, value: int, ms: int
) -> None:
    ttl = {"ttl_expire_type": unit, "ttl_expire_value": str(value)}
    async with served(tmp_path, smtp_connection_uri=f"smtp://127.0.0.1:{box.port}", **ttl) as http:
        delivery = await written(http)
    assert times.parse(delivery["expireAt"]) - times.parse(delivery["startTime"]) == ms


@pytest.mark.case(115)
@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("ttl_expire_type", "fortnight", "must be never, hour, day, week, month or year"),
        ("ttl_expire_value", "0", "must be a whole number from 1"),
        ("ttl_expire_value", "1.5", "must be a whole number from 1"),
    ],
)
def test_what_is_no_time_to_live_is_refused_by_name(
    tmp_path: Path, name: str, text: str, told: str
) -> None:
    with pytest.raises(SettingRefused, match=f"FRANKING_{name.upper()} is '{text}': it {told}"):
        loaded(tmp_path, **{name: text})


@pytest.mark.case(117)
@pytest.mark.parametrize(("password", "state"), [(PASSWORD, "SUCCESS"), ("", "ERROR")])
async def test_the_password_goes_before_the_uris(
    tmp_path: Path, box: Postbox, password: str, state: str
) -> None:
    box.users[REP] = PASSWORD
    uri = f"smtp://{REP}:another@127.0.0.1:{box.port}"
    async with served(tmp_path, smtp_connection_uri=uri, smtp_password=password) as http:
        delivery = await written(http)
    assert (delivery["state"], box.logins) == (state, [REP] if password else [])


@pytest.mark.case(118)
async def test_a_uri_without_a_user_logs_nobody_in(tmp_path: Path, box: Postbox) -> None:
    gmail = loaded(tmp_path, smtp_connection_uri="smtp://smtp.gmail.com:465")
    bare = SmtpSettings(host="smtp.gmail.com", port=465, secure=False, user=None, password=None)
    assert through(gmail) == bare
    async with served(tmp_path, smtp_connection_uri=f"smtp://127.0.0.1:{box.port}") as http:
        assert (await written(http))["state"] == "SUCCESS"
    assert box.logins == []


@pytest.mark.case(120)
def test_a_service_names_its_server(tmp_path: Path) -> None:
    uri = "smtps://u@127.0.0.1:1?pool=true&service=gmail"
    found = through(loaded(tmp_path, smtp_connection_uri=uri, smtp_password="p"))
    assert found == SmtpSettings(
        host="smtp.gmail.com", port=465, secure=True, user="u", password="p"
    )


@pytest.mark.case(120)
@pytest.mark.parametrize(("pool", "sessions"), [("true", 1), ("false", 2)])
async def test_a_pool_keeps_its_connection(
    tmp_path: Path, box: Postbox, pool: str, sessions: int
) -> None:
    uri = f"smtp://127.0.0.1:{box.port}?pool={pool}"
    async with served(tmp_path, smtp_connection_uri=uri) as http:
        for id in ("m1", "m2"):
            assert (await written(http, id))["state"] == "SUCCESS"
    assert box.sessions == sessions


@pytest.mark.case(120)
@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("pol=true", "unknown parameter 'pol' in the SMTP connection URI"),
        ("service=gmial", "unknown service 'gmial' in the SMTP connection URI"),
        ("pool=yes", "parameter 'pool' in the SMTP connection URI must be true or false"),
    ],
)
async def test_a_misspelt_option_is_refused_by_name(tmp_path: Path, query: str, told: str) -> None:
    with pytest.raises(SettingRefused) as refused:
        async with served(tmp_path, smtp_connection_uri=f"smtp://127.0.0.1:25?{query}"):
            pass
    assert str(refused.value) == f"FRANKING_SMTP_CONNECTION_URI can't be used: {told}."


@pytest.mark.case(122)
@pytest.mark.parametrize("sender", ["a@localhost", "A <a@localhost>", "localhost", "a@", "a b"])
async def test_a_default_sender_without_a_whole_host_is_refused(
    tmp_path: Path, sender: str
) -> None:
    with pytest.raises(SettingRefused, match=r"^FRANKING_DEFAULT_FROM is "):
        async with served(tmp_path, smtp_connection_uri="smtp://127.0.0.1:25", default_from=sender):
            pass


async def test_the_defaults_are_who_it_is_from_and_who_is_answered(
    tmp_path: Path, box: Postbox
) -> None:
    given = {"default_from": "F <f@example.com>", "default_reply_to": "r@example.com"}
    uri = f"smtp://127.0.0.1:{box.port}"
    async with served(tmp_path, smtp_connection_uri=uri, **given) as http:
        await written(http)
    [(sender, _, sent)] = box.taken
    assert (sender, sent["from"], sent["reply-to"]) == (
        *("f@example.com", "F <f@example.com>", "r@example.com"),
    )


UNSET = [
    (12, "users_collection", {"toUids": ["u1"]}, "a users collection to send using uids."),
    (85, "templates_collection", {"template": {"name": "t"}}, "a templates collection to send"),
]


@pytest.mark.parametrize(("case", "name", "fields", "told"), UNSET, ids=["users", "templates"])
async def test_an_empty_collection_is_none(
    tmp_path: Path, box: Postbox, case: int, name: str, fields: dict[str, Any], told: str
) -> None:
    uri = f"smtp://127.0.0.1:{box.port}"
    async with served(tmp_path, smtp_connection_uri=uri, **{name: ""}) as http:
        delivery = await written(http, **fields)
    assert delivery["error"].startswith(f"Error: Must specify {told}")
    assert box.dots == 0
