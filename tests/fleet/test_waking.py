"""What one process has committed, an idle one begins: told at once, and once a second untold."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cli.processes import mailbox
from eventually import eventually
from franking.engine.news import News

from .processes import Part, part

MAIL = {"to": "ada@example.com", "message": {"subject": "s", "text": "t"}}
# Benches say how fast it is; this only says that nobody waited for the next look.
WOKEN_MS = 500


async def test_a_mail_handed_in_at_one_process_starts_in_another(
    tmp_path: Path, database: str
) -> None:
    async with (
        mailbox() as capture,
        part(tmp_path, database, "api") as door,
        part(tmp_path, database, "worker", smtp_connection_uri=at(capture.port)),
    ):
        waits = [await waited(door) for _ in range(10)]
    assert len(capture.mails) == 10
    assert sorted(waits)[5] < WOKEN_MS


async def test_it_starts_within_a_second_where_nobody_is_told(
    tmp_path: Path, database: str
) -> None:
    async with (
        mailbox() as capture,
        part(tmp_path, database, "api") as door,
        part(tmp_path, f"{database}&listen=off", "worker", smtp_connection_uri=at(capture.port)),
    ):
        await waited(door)
    assert len(capture.mails) == 1


async def test_a_timer_and_its_events_wake_those_who_serve_them(
    tmp_path: Path, database: str
) -> None:
    async with (
        mailbox() as capture,
        part(tmp_path, database, "api") as door,
        part(tmp_path, database, "timers"),
        part(tmp_path, database, "outbox", outlet="package"),
        part(tmp_path, database, "worker", smtp_connection_uri=at(capture.port)),
    ):
        data = {**MAIL, "touchpointId": "t1"}
        callback = {"transport": "mail", "method": "", "uri": ""}
        timer = {"timeout": 50, "data": data, "callback": callback}
        answer = await door.http.post("/timer", json=timer)
        assert answer.status_code == 201, answer.text
        where = answer.headers["location"]

        async def executed() -> bool:
            return bool((await door.http.get(where)).json()["state"] == "executed")

        await eventually(executed)

        async def told() -> bool:
            found = (await door.http.get("/v1/outbox")).json()
            return bool(found["waiting"] == 0)

        await eventually(told)
    assert len(capture.mails) == 1


async def test_those_who_have_nothing_to_do_wake_nobody(tmp_path: Path, database: str) -> None:
    async with part(tmp_path, database) as one, part(tmp_path, database) as other:
        await one.http.put("/v1/users/u1", json={"email": "ada@example.com"})
        counts = [one.service.office.watching.usage().commits, 0]

        async def quiet() -> bool:
            counts.append(sum(p.service.office.watching.usage().commits for p in (one, other)))
            return counts[-5:] == [counts[-1]] * 5

        await eventually(quiet)


async def test_what_is_changed_in_one_process_others_see_within_two_seconds(
    tmp_path: Path, database: str
) -> None:
    async with (
        mailbox() as capture,
        part(tmp_path, database, "api") as door,
        part(tmp_path, database, "api") as other,
        part(tmp_path, database, "worker", smtp_connection_uri=at(capture.port)),
    ):
        for words in ("one", "two"):
            template = {"subject": words, "text": "t"}
            assert (await door.http.put("/v1/templates/t", json=template)).status_code < 300
            await eventually(lambda words=words: subject(other, capture, words), 2.5)  # type: ignore[misc]
        made = (await door.http.post("/v1/keys", json={"name": "k", "scopes": ["admin"]})).json()
        key = {"authorization": f"Bearer {made['key']}"}
        await eventually(lambda: refused(other, {}), 2.5)
        assert (await other.http.get("/v1/mail", headers=key)).status_code == 200
        assert (await door.http.delete(f"/v1/keys/{made['id']}", headers=key)).status_code < 300
        await eventually(lambda: refused(other, key), 2.5)


async def subject(door: Part, capture: Any, words: str) -> bool:
    """Does a mail go out by the newest template?"""
    answer = await door.http.post(
        "/v1/mail", json={"to": "a@example.com", "template": {"name": "t"}}
    )
    count = len(capture.mails)

    async def came() -> bool:
        return len(capture.mails) > count

    assert answer.status_code == 201, answer.text
    await eventually(came)
    return f"Subject: {words}".encode() in capture.mails[-1].content


async def refused(door: Part, key: dict[str, str]) -> bool:
    return (await door.http.get("/v1/mail", headers=key)).status_code == 401


async def waited(door: Part) -> int:
    """For how long a mail waited until it was claimed, in ms."""
    answer = await door.http.post("/v1/mail", json=MAIL)
    assert answer.status_code == 201, answer.text
    path = f"/v1/mail/{answer.json()['id']}/timeline"

    async def ended() -> Any:
        found = (await door.http.get(path)).json()["attempts"]
        return found or None

    [attempt] = await eventually(ended)
    stored = await door.service.office.read(answer.json()["id"])
    began = (await door.service.office.timeline(answer.json()["id"]))[0].started_at
    assert attempt["outcome"] == "sent"
    return began - stored.mail.delivery.start_at  # type: ignore[operator]


def at(port: int) -> str:
    return f"smtp://127.0.0.1:{port}"


# -- passing it on


async def test_news_are_passed_on_at_once_and_then_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("franking.engine.news.EVERY_SECONDS", 0.05)
    woken: list[int] = []
    news = News(lambda: woken.append(1))
    for _ in range(50):
        news.hear()
    for _ in range(3):
        await asyncio.sleep(0)
    assert woken == [1]

    async def rested() -> bool:
        return not news._resting

    await eventually(rested)
    assert woken == [1, 1]


async def test_the_last_news_are_never_lost() -> None:
    woken: list[int] = []
    news = News(lambda: woken.append(1))
    news.hear()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await asyncio.to_thread(news.hear)

    async def again() -> bool:
        return len(woken) == 2

    await eventually(again)
