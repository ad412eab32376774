"""A COMMIT whose answer never came: the caller is told that nobody knows, and who asks again with
the same id, or under the same key, makes nothing twice.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

from franking.stores.postgres_link import Link
from kill.spots import Spots
from kill.worker import weaken_postgres

from .processes import Part, part
from .test_waking import MAIL

TIMER = {
    "timeout": 60_000,
    "data": "d",
    "callback": {"transport": "http", "method": "post", "uri": "http://127.0.0.1:9/"},
}
KEY = {"idempotency-key": "k"}


class Call(NamedTuple):
    """A call that writes `kind` (`kill.spots`), a row of a table; how it is answered when it is
    repeated and had not been done, and had."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    kind: str
    table: str
    anew: int
    again: int


CALLS = {
    "a mail under a key": Call("POST", "/v1/mail", KEY, MAIL, "submit", "mail", 201, 201),
    "a mail by its id": Call("PUT", "/v1/mail/m1", {}, MAIL, "submit", "mail", 201, 200),
    "a timer under a key": Call("POST", "/timer", KEY, TIMER, "timer_create", "timer", 201, 201),
    "a timer by its id": Call(
        "POST", "/timer", {"x-timer-id": "t1"}, TIMER, "timer_create", "timer", 201, 409
    ),
    "a touchpoint by its id": Call(
        "POST",
        "/cadence/touchpoints",
        {},
        {"id": "p1", "cadenceMemberId": "c", "type": "manual"},
        "touchpoint_create",
        "touchpoint",
        201,
        409,
    ),
}


@pytest.mark.parametrize("written", [False, True], ids=["lost", "written"])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
async def test_a_call_whose_commit_nobody_knows_of(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch, call: Call, written: bool
) -> None:
    spot = tmp_path / "spot"
    monkeypatch.setenv("KILL_SPOT", str(spot))
    monkeypatch.setattr(Link, "execute", Link.execute)
    weaken_postgres(Spots())
    async with part(tmp_path, database, "api,proxy,cadence") as door:
        spot.write_text(f"{call.kind}:{'after' if written else 'before'}:1:lose")
        answer = await asked(door, call)
        assert (answer.status_code, "not known" in answer.text) == (503, True), answer.text
        assert int(answer.headers["retry-after"]) > 0
        assert rows(database, call.table) == int(written)
        repeated = await asked(door, call)
        assert repeated.status_code == (call.again if written else call.anew), repeated.text
        assert rows(database, call.table) == 1


async def test_nobody_is_told_that_nothing_was_written_where_nobody_knows(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spot = tmp_path / "spot"
    monkeypatch.setenv("KILL_SPOT", str(spot))
    monkeypatch.setattr(Link, "execute", Link.execute)
    weaken_postgres(Spots())
    async with part(tmp_path, database, "api") as door:
        spot.write_text("submit:after:1:lose")
        told = (await door.http.post("/v1/mail", json=MAIL)).json()
        assert told["reason"] == "store_unsure"
        assert "othing was written" not in told["detail"] + told["next"]
        assert "same Idempotency-Key" in told["next"]


async def asked(door: Part, call: Call) -> Any:
    return await door.http.request(call.method, call.path, json=call.body, headers=call.headers)


def rows(database: str, table: str) -> int:
    with psycopg.connect(database) as there:
        [count] = there.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() or [0]
    return int(count)
