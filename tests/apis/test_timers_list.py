"""GET /v1/timers: what is refused, then which timers and in what order; over the real store."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import pytest

from franking.apis.http import Front, build
from franking.clock import HandClock
from franking.core.key import Scope
from franking.core.timer.request import asked
from franking.office import Office
from franking.office.timer_door import NewTimer, Unreachable
from franking.stores.base import Store

from .timers_at_hand import TimersAtHand

CALLBACKS = {
    "http": {"transport": "http", "method": "post", "uri": "http://127.0.0.1:9/u"},
    "tcp": {"transport": "tcp", "method": "", "uri": "tcp://127.0.0.1:9"},
}


@pytest.fixture
def office(store: Store, clock: HandClock) -> Office:
    return Office(store, clock, lambda: None)


@pytest.fixture
def front(office: Office, clock: HandClock) -> Front:
    return build(office, clock)


@pytest.fixture
async def filled(office: Office) -> None:
    """Seven timers: a-0 to a-3 over HTTP, b-4 to b-6 over TCP; a-1 was deleted."""
    for number in range(7):
        name, transport = ("a", "http") if number < 4 else ("b", "tcp")
        wanted = {"timeout": 1000, "data": "x" * 100, "callback": CALLBACKS[transport]}
        fields = {key: msgspec.json.encode(value) for key, value in wanted.items()}
        await office.timers.create([NewTimer(asked(fields), f"{name}-{number}")])
    await office.timers.delete("a-1")


@pytest.mark.parametrize(
    ("query", "field", "detail"),
    [
        ("state=SCHEDULED", "state", "must be one of scheduled, served"),
        ("state=", "state", "must be one of"),
        ("transport=zmq", "transport", "must be one of http, mail, smtp, tcp"),
        ("q=", "q", "must have 1 to 255 printable characters"),
        ("q=%00", "q", "must have 1 to 255 printable characters"),
        (f"q={'x' * 256}", "q", "must have 1 to 255 printable characters"),
        ("after=x", "after", "must be the 'next' of an earlier page"),
        ("limit=0", "limit", "must be a whole number from 1 to 500"),
        ("limit=501", "limit", "must be a whole number from 1 to 500"),
        ("account=a", "account", "There is no query parameter 'account'"),
        ("state=failed&state=served", "state", "is given twice"),
    ],
)
async def test_a_query_that_is_wrong_is_refused_by_name(
    client: httpx.AsyncClient, query: str, field: str, detail: str
) -> None:
    answer = await client.get(f"/v1/timers?{query}")
    told = answer.json()
    assert (answer.status_code, told["reason"], told["field"]) == (400, "bad_query", field)
    assert detail in told["detail"]
    assert told["next"] == "The parameters are state, transport, q, after, limit."


@pytest.mark.parametrize("held", list(Scope))
async def test_a_key_needs_the_scope_of_timers(
    client: httpx.AsyncClient, office: Office, held: Scope
) -> None:
    _, key = await office.keys.create("", [held], None)
    answer = await client.get("/v1/timers", headers={"authorization": f"Bearer {key}"})
    assert answer.status_code == (200 if held in (Scope.TIMERS, Scope.ADMIN) else 403)


async def test_out_of_reach_is_503(office: Office, clock: HandClock) -> None:
    timers = TimersAtHand(clock)
    timers.broken = Unreachable("The Data API is out of reach.")
    transport: Any = httpx.ASGITransport(build(office, clock, timers=timers))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.get("/v1/timers")
    assert (answer.status_code, answer.json()["reason"]) == (503, "unreachable")
    assert answer.headers["retry-after"] == "5"


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", ["b-6", "b-5", "b-4", "a-3", "a-2", "a-1", "a-0"]),
        ("state=deleted", ["a-1"]),
        ("state=failed", []),
        ("transport=tcp", ["b-6", "b-5", "b-4"]),
        ("q=a", ["a-3", "a-2", "a-1", "a-0"]),
        ("q=a-3", ["a-3"]),
        ("q=%25", []),  # no pattern
        ("q=a_3", []),
        ("q=-3", []),  # the beginning of an id, no part of it
        ("transport=http&state=scheduled&q=a-&limit=2", ["a-3", "a-2"]),
    ],
)
async def test_the_newest_that_match_come_first(
    client: httpx.AsyncClient, query: str, ids: list[str]
) -> None:
    answer = await client.get(f"/v1/timers?{query}")
    assert answer.status_code == 200
    assert [item["id"] for item in answer.json()["items"]] == ids


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
async def test_pages_follow_each_other_to_the_end(client: httpx.AsyncClient, limit: int) -> None:
    ids: list[str] = []
    query = f"limit={limit}"
    while True:
        page = (await client.get(f"/v1/timers?{query}")).json()
        ids += [item["id"] for item in page["items"]]
        assert len(page["items"]) <= limit
        if page["next"] is None:
            break
        query = f"limit={limit}&after={page['next']}"
    assert ids == ["b-6", "b-5", "b-4", "a-3", "a-2", "a-1", "a-0"]


@pytest.mark.usefixtures("filled")
async def test_a_timer_in_a_list_is_told_without_its_data(client: httpx.AsyncClient) -> None:
    listed = (await client.get("/v1/timers?q=a-1")).json()["items"][0]
    shown = (await client.get("/timer/a-1")).json()
    assert shown.pop("data") == "x" * 100
    assert shown.pop("lives") == []
    assert listed == shown
