"""A `serve` that is killed while it tells a webhook: nothing is lost, a repeat has its id again."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from cli.processes import Serving, mailbox, serving
from eventually import eventually

from .hearer import Hearer, Told, add

DOCUMENT = {"to": "ada@example.com", "message": {"subject": "Hello", "text": "Hello, Ada."}}
SENT = ["onStart", "onPending", "onProcessing", "onComplete", "onSuccess"]
MAILS = [f"m{number}" for number in range(4)]


@pytest.mark.parametrize("nth", [1, 4, 11])
@pytest.mark.parametrize("answered", [False, True])
async def test_kill_while_events_are_told(
    tmp_path: Path, hearer: Hearer, nth: int, answered: bool
) -> None:
    """Killed when the nth call has come: before it was answered, or just after."""
    victim: list[Serving] = []

    async def kill(one: Told) -> None:
        if victim and len(hearer.calls) >= nth:
            victim.pop().process.kill()

    if not answered:
        hearer.pause = kill
    async with mailbox() as box:
        async with (
            serving(tmp_path, box.port) as first,
            httpx.AsyncClient(base_url=first.url) as http,
        ):
            await add(http, hearer.receiver.url())
            victim.append(first)
            for id in MAILS:
                await _put(http, id)

            async def dead() -> bool:
                if answered and len(hearer.accepted) >= nth and victim:
                    victim.pop().process.kill()
                return first.process.returncode is not None

            await eventually(dead)
        hearer.pause = None
        # The tellers' claims end with time; here they have.
        with closing(sqlite3.connect(tmp_path / "franking.db")) as database, database:
            database.execute("UPDATE webhook_lane SET next_at = 0")
            database.execute("UPDATE mail SET lease_expires_at = 1 WHERE state = 'PROCESSING'")
        async with (
            serving(tmp_path, box.port) as again,
            httpx.AsyncClient(base_url=again.url) as http,
        ):
            for id in MAILS:
                await _put(http, id)
            for id in MAILS:
                await eventually(lambda id=id: _ended(hearer, id))  # type: ignore[misc]
            hooks = (await http.get("/v1/webhooks")).json()["items"]
            assert [hook["parked"] for hook in hooks] == [0]
    for id in MAILS:
        _whole([one for one in hearer.accepted if one.mail == id])


async def _put(http: httpx.AsyncClient, id: str) -> None:
    try:
        answer = await http.put(f"/v1/mail/{id}", json=DOCUMENT)
        assert answer.status_code in (200, 201)
    except httpx.TransportError:
        return  # it was killed, and is asked again


async def _ended(hearer: Hearer, id: str) -> bool:
    return bool({"onSuccess", "onError"} & {*hearer.kinds(id)})


def _whole(told: list[Told]) -> None:
    """Each event is there, in its order; what came more often came under its own id."""
    first = {one.id: one for one in reversed(told)}
    order = sorted(first.values(), key=lambda one: one.event["sequence"])
    kinds = [one.kind for one in order]
    assert kinds[:3] == SENT[:3], kinds
    assert kinds[-1] in ("onSuccess", "onError")
    assert kinds.count("onSuccess") + kinds.count("onError") == 1
    once = list(dict.fromkeys(one.id for one in told))
    assert once == [one.id for one in order]
