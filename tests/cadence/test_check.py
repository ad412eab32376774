"""The agreement check on a whole installation: each difference is planted, seen, and mended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from eventually import eventually
from installation import Installation
from stored import application

from .test_stories import UNKNOWN, Crm

Plant = tuple[str, ...]


@pytest.fixture
async def crm(tmp_path: Path) -> AsyncIterator[Crm]:
    async with Installation(tmp_path, cadence=True) as it:
        yield Crm(it)


@pytest.fixture
async def sent(crm: Crm) -> str:
    """A touchpoint that failed, was retried, and is Sent: events 1 and 2."""
    crm.it.box.rcpt["ada@example.com"] = [UNKNOWN]
    id = await crm.automated()
    await crm.reached(id, "Error")
    crm.it.box.rcpt.clear()
    assert (await crm.press(id)).status_code == 200
    await crm.reached(id, "Sent")
    await eventually(lambda: quiet(crm))
    return id


async def quiet(crm: Crm) -> bool:
    return bool((await crm.it.http.get("/v1/outbox?state=waiting")).json()["waiting"] == 0)


def planted(folder: Path, plant: Plant) -> None:
    """Write into the database, as nobody should."""
    with application(folder) as other:
        for statement in plant:
            assert other.execute(statement).rowcount > 0, statement


async def checked(crm: Crm) -> list[dict[str, Any]]:
    answer = await crm.it.http.get("/v1/cadence/check")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def repaired(crm: Crm) -> int:
    answer = await crm.it.http.post("/v1/cadence/check/repair")
    assert answer.status_code == 200, answer.text
    await eventually(lambda: quiet(crm))
    return int(answer.json()["resent"])


def fields(items: list[dict[str, Any]]) -> dict[str, str]:
    return {d["field"]: d["reason"] for item in items for d in item["differences"]}


_BEFORE_SENT = "last_sequence = 1, last_event_id = (SELECT id FROM event WHERE sequence = 1)"
SENT_LOST = f"UPDATE touchpoint SET status = 'Manual Retry', {_BEFORE_SENT}"
NEWEST = "SELECT seq, touchpoint_id, 'parked', 'it said no' FROM event WHERE sequence = 2"
# What is planted, the fields that differ, how many events that sends again, and the reason.
MENDED: dict[str, tuple[Plant, set[str], int, str]] = {
    "a missing child": (
        ("DELETE FROM conquer_error WHERE status = 'Error'",),
        {"event", "errors"},
        1,
        "was told, and is not applied",
    ),
    "a wrong status": ((SENT_LOST,), {"event", "actionStatus"}, 1, "was told, and is not applied"),
    "lost events": (
        (
            "UPDATE touchpoint SET status = 'Scheduled', manual_retry_count = 0,"
            " last_sequence = 0, last_event_id = NULL",
            "DELETE FROM conquer_error",
        ),
        {"event", "actionStatus", "manualRetryCount", "errors"},
        2,
        "was told, and is not applied",
    ),
    "a retry count too low": (
        (
            f"UPDATE touchpoint SET status = 'Error', manual_retry_count = 0, {_BEFORE_SENT}",
            "DELETE FROM conquer_error WHERE status = 'Manual Retry'",
        ),
        {"event", "actionStatus", "manualRetryCount", "errors"},
        1,
        "was told, and is not applied",
    ),
    "a parked event": (
        (SENT_LOST, f"INSERT INTO outbox (seq, touchpoint_id, state, error) {NEWEST}"),
        {"event", "actionStatus"},
        1,
        "is parked: it said no",
    ),
}
LEFT: dict[str, tuple[str, str]] = {
    "a status": ("UPDATE touchpoint SET status = 'Error'", "actionStatus"),
    "a code": ("UPDATE touchpoint SET error_code = '550'", "errorCode"),
    "a count": ("UPDATE touchpoint SET manual_retry_count = 5", "manualRetryCount"),
}


@pytest.mark.parametrize("name", LEFT)
async def test_what_no_event_mends_is_told_and_left(
    crm: Crm, sent: str, tmp_path: Path, name: str
) -> None:
    statement, field = LEFT[name]
    planted(tmp_path, (statement,))
    before = await checked(crm)
    [item] = before
    assert (item["touchpointId"], set(fields(before))) == (sent, {field})
    assert "was written by somebody else" in fields(before)[field]
    assert await repaired(crm) == 0
    assert await checked(crm) == before


@pytest.mark.parametrize("name", MENDED)
async def test_each_difference_is_named_repaired_and_gone(
    crm: Crm, sent: str, tmp_path: Path, name: str
) -> None:
    plant, differ, resent, why = MENDED[name]
    before = await crm.read(sent)
    planted(tmp_path, plant)
    items = await checked(crm)
    assert [item["touchpointId"] for item in items] == [sent]
    assert set(fields(items)) == differ
    assert all(why in reason for reason in fields(items).values())
    assert len(items[0]["missing"]) == resent
    assert await repaired(crm) == resent
    assert await checked(crm) == []
    after = await crm.read(sent)
    for one in (before, after):
        one.pop("statusLastUpdated")
        one["errors"] = sorted((e["status"], e["id"]) for e in one["errors"])
    assert after == before


async def test_a_repair_is_told_at_once_and_to_nobody_twice(
    crm: Crm, sent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[bool] = []
    wake = crm.it.office.agreement._wake

    def waking() -> None:
        woken.append(True)
        wake()

    monkeypatch.setattr(crm.it.office.agreement, "_wake", waking)
    planted(tmp_path, MENDED["lost events"][0])
    assert [await repaired(crm) for _ in range(2)] == [2, 0]
    assert woken == [True]
    assert (await crm.read(sent))["manualRetryCount"] == 1
    assert len(crm.it.box.mails) == 1


async def test_while_an_event_waits_nothing_is_sent_again(
    crm: Crm, sent: str, tmp_path: Path
) -> None:
    """The newer one waits where nobody will tell it, and the older one must not pass it."""
    waits = NEWEST.replace("parked", "waiting")
    planted(
        tmp_path,
        (
            *MENDED["lost events"][0],
            f"INSERT INTO outbox (seq, touchpoint_id, state, error) {waits}",
        ),
    )
    [item] = await checked(crm)
    assert [one["state"] for one in item["missing"]] == [None, "waiting"]
    answer = await crm.it.http.post("/v1/cadence/check/repair")
    assert answer.json()["resent"] == 0
    assert (await crm.read(sent))["actionStatus"] == "Scheduled"


async def test_a_difference_counts_once_it_was_seen_twice(
    crm: Crm, sent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record is read in steps: what was heard between two of them is no difference."""
    planted(tmp_path, ("UPDATE touchpoint SET error_code = '550'",))
    agreement, looks = crm.it.office.agreement, list[str]()
    look = agreement._look

    async def looked(id: str) -> Any:
        seen = await look(id)
        looks.append(id)
        if len(looks) == 1:
            planted(tmp_path, ("UPDATE touchpoint SET error_code = NULL",))
        return seen

    monkeypatch.setattr(agreement, "_look", looked)
    assert await checked(crm) == []
    assert looks == [sent, sent]


async def test_a_deleted_touchpoint_is_not_compared(crm: Crm, sent: str, tmp_path: Path) -> None:
    planted(tmp_path, ("UPDATE touchpoint SET status = 'Error', deleted_at = 1",))
    answer = (await crm.it.http.get("/v1/cadence/check")).json()
    assert (answer["items"], answer["compared"]) == ([], 1)


async def test_pages_follow_each_other_to_the_end(crm: Crm) -> None:
    for _ in range(5):
        await crm.manual()
    for limit in (1, 2, 5, 6):
        after, pages = "", []
        while True:
            page = (await crm.it.http.get(f"/v1/cadence/check?limit={limit}{after}")).json()
            pages.append(page["compared"])
            if page["next"] is None:
                break
            assert int(page["next"]) < page["newest"]
            after = f"&after={page['next']}"
        assert sum(pages) == 5
        assert all(count <= limit for count in pages)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"touchpoint": "t"}, "touchpoint"),
        ({"after": 5}, "after"),
        ({"after": "x"}, "after"),
        ({"limit": "5"}, "limit"),
        ({"limit": True}, "limit"),
        ({"limit": 0}, "limit"),
        ({"limit": 501}, "limit"),
    ],
)
async def test_a_wrong_page_is_refused_by_name(crm: Crm, body: dict[str, Any], field: str) -> None:
    answer = await crm.it.http.post("/v1/cadence/check/repair", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    query = await crm.it.http.get("/v1/cadence/check?state=x")
    assert (query.status_code, query.json()["field"]) == (400, "state")
