"""/v1/outbox: what is refused, what waits and is parked, and what is sent again."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from franking.apis.http import Front, build
from franking.clock import HandClock
from franking.core import times
from franking.core.key import Scope
from franking.core.reporting import Report
from franking.office import Office
from franking.stores.base import Store

PARKED = "NOT_FOUND: There is no touchpoint with id t2."


class Woken:
    """Counts how often the outbox was woken."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


@pytest.fixture
def woken() -> Woken:
    return Woken()


@pytest.fixture
def office(store: Store, clock: HandClock, woken: Woken) -> Office:
    return Office(store, clock, woken)


@pytest.fixture
def front(office: Office, clock: HandClock) -> Front:
    return build(office, clock)


@pytest.fixture
async def filled(client: httpx.AsyncClient, store: Store, clock: HandClock) -> None:
    """Five events of t0 to t4, one each, newest last; those of t2 and t4 are parked."""
    for number in range(5):
        document = {"touchpointId": f"t{number}", "message": {}}
        await client.put(f"/v1/mail/m{number}", json=document)
    now = clock.now()
    waiting = await store.outbox.claim(now, 10, 10, now + 60_000)
    parked = [w for w in waiting if w.touchpoint_id in ("t2", "t4")]
    reports = [Report(w.seq, w.touchpoint_id, "parked", now, now, PARKED) for w in parked]
    await store.outbox.settle(reports)


async def listed(client: httpx.AsyncClient, query: str = "") -> dict[str, Any]:
    answer = await client.get(f"/v1/outbox?{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def touchpoints(page: dict[str, Any]) -> list[str]:
    return [item["touchpointId"] for item in page["items"]]


@pytest.mark.parametrize(
    ("query", "field", "detail"),
    [
        ("state=told", "state", "must be one of waiting, parked"),
        ("state=", "state", "must be one of"),
        ("touchpoint=", "touchpoint", "must have 1 to 255"),
        ("after=x", "after", "must be the 'next' of an earlier page"),
        ("limit=0", "limit", "must be a whole number from 1 to 500"),
        ("limit=501", "limit", "must be a whole number from 1 to 500"),
        ("seq=1", "seq", "There is no query parameter 'seq'"),
        ("limit=1&limit=2", "limit", "is given twice"),
    ],
)
async def test_a_wrong_query_is_refused_by_name(
    client: httpx.AsyncClient, query: str, field: str, detail: str
) -> None:
    answer = await client.get(f"/v1/outbox?{query}")
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert detail in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, None),
        ({"seq": 1, "all": True}, None),
        ({"events": [1]}, None),
        ({"seq": "1"}, "seq"),
        ({"seq": True}, "seq"),
        ({"seq": 0}, "seq"),
        ({"seq": 2**63}, "seq"),
        ({"touchpoint": ""}, "touchpoint"),
        ({"touchpoint": 5}, "touchpoint"),
        ({"touchpoint": "x" * 256}, "touchpoint"),
        ({"all": False}, "all"),
    ],
)
@pytest.mark.usefixtures("filled")
async def test_what_is_to_be_sent_again_is_named_in_one_way(
    client: httpx.AsyncClient, body: dict[str, Any], field: str | None
) -> None:
    answer = await client.post("/v1/outbox/resend", json=body)
    assert (answer.status_code, answer.json()["reason"]) == (422, "bad_field")
    assert answer.json().get("field") == field
    assert (await listed(client))["parked"] == 2


async def test_only_a_key_of_the_package_may_look_and_resend(
    client: httpx.AsyncClient, office: Office
) -> None:
    calls = (
        ("GET", "/v1/outbox"),
        ("POST", "/v1/outbox/resend"),
        ("GET", "/v1/cadence/check"),
        ("POST", "/v1/cadence/check/repair"),
    )
    for scope, status in ((Scope.MAIL_WRITE, 403), (Scope.CADENCE, 200), (Scope.ADMIN, 200)):
        _, key = await office.keys.create("", [scope], None)
        for method, path in calls:
            body = {"all": True} if path.endswith("resend") else None
            headers = {"authorization": f"Bearer {key}"}
            answer = await client.request(method, path, json=body, headers=headers)
            assert answer.status_code == status, (scope, path)


async def test_an_empty_outbox_says_so(client: httpx.AsyncClient) -> None:
    assert await listed(client) == {
        "items": [],
        "next": None,
        "waiting": 0,
        "parked": 0,
        "oldestAt": None,
        "pausedUntil": None,
        "reason": None,
        "since": None,
    }


@pytest.mark.usefixtures("filled")
async def test_what_waits_and_is_parked_is_listed_newest_first(
    client: httpx.AsyncClient, clock: HandClock
) -> None:
    found = await listed(client)
    assert touchpoints(found) == ["t4", "t3", "t2", "t1", "t0"]
    now = times.text(clock.now())
    assert (found["waiting"], found["parked"], found["oldestAt"]) == (3, 2, now)
    newest = found["items"][0]
    body = newest.pop("body")
    assert newest == {
        "seq": newest["seq"],
        "eventId": body["eventId"],
        "event": "email_Error",
        "touchpointId": "t4",
        "mailId": "m4",
        "state": "parked",
        "tries": 1,
        "triedAt": now,
        "error": PARKED,
        "occurredAt": now,
    }
    assert (body["mailId"], body["sequence"], body["retryCount"]) == ("m4", 1, 0)


@pytest.mark.usefixtures("filled")
async def test_each_filter_leaves_out_the_others(client: httpx.AsyncClient) -> None:
    assert touchpoints(await listed(client, "state=parked")) == ["t4", "t2"]
    assert touchpoints(await listed(client, "state=waiting")) == ["t3", "t1", "t0"]
    assert touchpoints(await listed(client, "touchpoint=t2")) == ["t2"]
    assert touchpoints(await listed(client, "touchpoint=t2&state=waiting")) == []


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("limit", [1, 2, 4, 5, 6])
async def test_pages_follow_each_other_to_the_end(client: httpx.AsyncClient, limit: int) -> None:
    seen: list[str] = []
    page = await listed(client, f"limit={limit}")
    while True:
        assert 0 < len(page["items"]) <= limit
        seen += touchpoints(page)
        if page["next"] is None:
            break
        page = await listed(client, f"limit={limit}&after={page['next']}")
    assert seen == ["t4", "t3", "t2", "t1", "t0"]


async def test_a_pause_is_told_with_its_reason(
    client: httpx.AsyncClient, store: Store, clock: HandClock
) -> None:
    now = clock.now()
    await store.outbox.pause(now + 30_000, "org: invalid_grant", now)
    found = await listed(client)
    told = (found["pausedUntil"], found["reason"], found["since"])
    assert told == (times.text(now + 30_000), "org: invalid_grant", times.text(now))


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("which", "left"),
    [("seq", ["t4"]), ("touchpoint", ["t2"]), ("all", []), ("waiting", ["t4", "t2"])],
)
async def test_parked_events_wait_again_and_the_outbox_is_woken(
    client: httpx.AsyncClient, woken: Woken, which: str, left: list[str]
) -> None:
    by_touchpoint = {one["touchpointId"]: one["seq"] for one in (await listed(client))["items"]}
    body = {
        "seq": {"seq": by_touchpoint["t2"]},
        "touchpoint": {"touchpoint": "t4"},
        "all": {"all": True},
        "waiting": {"seq": by_touchpoint["t1"]},
    }[which]
    before = woken.times
    answer = await client.post("/v1/outbox/resend", json=body)
    assert (answer.status_code, answer.json()) == (200, {"resent": 2 - len(left)})
    assert woken.times > before
    assert touchpoints(await listed(client, "state=parked")) == left
    again = [one for one in (await listed(client))["items"] if one["touchpointId"] in ("t2", "t4")]
    assert {one["tries"] for one in again if one["state"] == "waiting"} <= {0}


@pytest.mark.usefixtures("filled")
async def test_all_is_all_though_a_transaction_takes_but_some(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("franking.office.outbox.AT_ONCE", 1)
    answer = await client.post("/v1/outbox/resend", json={"all": True})
    assert answer.json() == {"resent": 2}
    assert (await listed(client))["parked"] == 0
