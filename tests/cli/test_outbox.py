"""`franking outbox`, `cadence check` and the doctor on events, with and without a `serve`."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from franking.cli import agreeing, outboxes
from franking.cli.door import Door, Response
from franking.cli.exits import Ended
from franking.clock import HandClock, SystemClock
from franking.core.reporting import Report
from franking.core.touchpoint import Touchpoint
from franking.office import Office
from franking.stores.sqlite import SqliteStore

from .processes import franking, mailbox, serving

GONE = "NOT_FOUND: There is no touchpoint with id t1. \x1b[2J"


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """Events of t0, t1 and t2, that of t1 parked; t0 is a touchpoint that heard nothing yet."""
    store = SqliteStore(tmp_path / "franking.db")
    await store.open()
    clock = SystemClock()
    office, now = Office(store, clock, lambda: None), clock.now()
    for number in range(3):
        await office.put(f"m{number}", {"touchpointId": f"t{number}", "message": {}})
    waiting = await store.outbox.claim(now, 10, 10, now)
    reports = [
        Report(w.seq, "t1", "parked", now, now, GONE) for w in waiting if w.touchpoint_id == "t1"
    ]
    await store.outbox.settle(reports)
    await store.cadence.create(Touchpoint("t0", "manual", "Pending Manual Send", now, now), None)
    await store.close()
    return tmp_path


async def outbox(folder: Path, *arguments: str) -> list[Any]:
    return (await franking(folder, "outbox", "list", *arguments, "--json")).values


def planted(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "franking.db", timeout=10)) as database:
        assert database.execute(statement).rowcount > 0
        database.commit()


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("outbox", "show", "99"), 1, "Event 99 is not in the outbox: it was heard, or there"),
        (("outbox", "show", "0"), 2, ""),
        (("outbox", "list", "--state", "told"), 1, "Query parameter 'state' must be one of wait"),
        (("outbox", "list", "--limit", "0"), 2, ""),
        (("outbox", "resend"), 2, "Name events by their numbers, or --touchpoint ID, or --all."),
        (("outbox", "resend", "1", "--all"), 2, "Name events by their numbers, or --touch"),
        (("outbox", "resend", "--touchpoint", "t", "--all"), 2, "Name events by their numbers"),
        (("outbox", "resend", "1", "99"), 1, "Not parked: 1, 99.\n"),
        (("outbox", "resend", "--touchpoint", ""), 1, "Field 'touchpoint' must be a touchpoint's"),
    ],
)
async def test_what_can_not_be_done_is_told(
    folder: Path, arguments: tuple[str, ...], code: int, told: str
) -> None:
    ended = await franking(folder, *arguments)
    assert (ended.code, ended.err[: len(told)]) == (code, told)
    assert ended.err


async def test_an_empty_outbox_says_so(tmp_path: Path) -> None:
    assert (await franking(tmp_path, "outbox", "list")).out == "0 waiting, 0 parked.\n"


async def test_events_are_listed_with_why_and_what_to_do(folder: Path) -> None:
    every = await franking(folder, "outbox", "list")
    assert every.code == 0
    for told in ("There is no touchpoint with id t1", "send it again: franking outbox resend"):
        assert told in " ".join(every.out.split())
    assert "\x1b" not in every.out
    assert "2 waiting, 1 parked. The oldest that waits is of " in every.out
    for wanted, ids in (
        (("--state", "PARKED"), ["t1"]),
        (("--touchpoint", "t2"), ["t2"]),
        (("--limit", "1"), ["t2"]),
        ((), ["t2", "t1", "t0"]),
    ):
        assert [one["touchpointId"] for one in await outbox(folder, *wanted)] == ids


async def test_an_event_is_shown_with_its_body(folder: Path) -> None:
    [parked] = await outbox(folder, "--state", "parked")
    shown = await franking(folder, "outbox", "show", str(parked["seq"]))
    assert shown.code == 0
    for told in ("What to do", "\\x1b[2J", '"mailId": "m1"', parked["eventId"]):
        assert told in shown.out
    assert (await franking(folder, "outbox", "show", str(parked["seq"]), "--json")).values == [
        parked
    ]


@pytest.mark.parametrize("which", ["seq", "--touchpoint", "--all"])
async def test_what_is_parked_is_sent_again(folder: Path, which: str) -> None:
    [parked] = await outbox(folder, "--state", "parked")
    arguments = {"seq": (str(parked["seq"]),), "--touchpoint": (which, "t1"), "--all": (which,)}
    ended = await franking(folder, "outbox", "resend", *arguments[which])
    words = "1 to be sent again. They are told when `franking serve` runs.\n"
    assert (ended.code, ended.out) == (0, words)
    assert await outbox(folder, "--state", "parked") == []


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("NOT_FOUND: The touchpoint t was deleted.", "Nothing need be done: the touchpoint was"),
        ("NOT_FOUND: There is no touchpoint with id t.", "Make the touchpoint, or correct"),
        ("REQUIRED_FIELD_MISSING: Required fields are", "The package asks for a field"),
        ("INVALID_FIELD: Field 'event' must be", "The package does not know the event"),
        ("APEX_ERROR: System.NullPointerException", "The package failed five times"),
        ("The account 'x' has no org", "Name the account's org"),
        ("Something went wrong inside franking while the event was told.", "Its log tells where"),
        ("STRING_TOO_LONG", "Mend what these words name; then send it again: franking outbox re"),
        (None, "Mend what these words name"),
    ],
)
def test_each_reason_has_its_advice(error: str | None, told: str) -> None:
    parked = {"state": "parked", "error": error, "seq": 7}
    assert outboxes.advice(parked).startswith(told)
    assert "{" not in outboxes.advice(parked)
    assert outboxes.advice({**parked, "state": "waiting"}) == outboxes.WAITS


def test_what_to_send_again_is_named_once() -> None:
    assert outboxes.chosen([2, 1, 2], None, False) == [{"seq": 2}, {"seq": 1}]
    with pytest.raises(Ended):
        outboxes.chosen([], None, False)


async def test_the_doctor_tells_of_the_outbox_and_its_pause(folder: Path) -> None:
    store = SqliteStore(folder / "franking.db")
    await store.open()
    await store.outbox.pause(HandClock().now(), "org: invalid_grant", HandClock().now())
    await store.close()
    ended = await franking(folder, "doctor")
    assert ended.code == 0
    for told in (
        "Outbox: 2 waiting, 1 parked.",
        "The oldest that waits is of ",
        "It is paused since ",
        "org: invalid_grant",
        "`franking outbox list --state parked`",
    ):
        assert told in ended.out


async def test_the_doctor_finds_an_event_that_nobody_will_tell(folder: Path) -> None:
    planted(folder, "DELETE FROM outbox_lane WHERE touchpoint_id = 't2'")
    ended = await franking(folder, "doctor")
    assert ended.code == 1
    assert ended.err.startswith("1 stuck. ")
    assert "event 3" in ended.out
    assert "nobody will tell it" in ended.out


async def test_what_waits_differs_until_somebody_serves(folder: Path) -> None:
    ended = await franking(folder, "cadence", "check")
    assert (ended.code, ended.err) == (1, "")
    for told in ("actionStatus", "Pending Manual Send", "1 touchpoints compared, 1 differ."):
        assert told in ended.out
    repaired = await franking(folder, "cadence", "check", "--repair")
    assert repaired.code == 1
    assert "Events wait until `franking serve` runs; then check again." in repaired.out
    async with mailbox() as box, serving(folder, box.port) as server:
        healed = await franking(folder, "cadence", "check", "--repair", url=server.url)
    assert (healed.code, healed.out) == (0, "1 touchpoints compared, 0 differ.\n")


async def test_what_was_lost_waits_for_somebody_to_serve(folder: Path) -> None:
    planted(folder, "DELETE FROM outbox WHERE touchpoint_id = 't0'")
    ended = await franking(folder, "cadence", "check", "--repair")
    assert ended.code == 1
    assert "1 events sent again. 1 touchpoints compared, 1 differ." in ended.out
    assert "Events wait until `franking serve` runs; then check again." in ended.out
    assert (await outbox(folder, "--touchpoint", "t0"))[0]["state"] == "waiting"


async def test_what_was_lost_is_sent_again_by_a_running_serve(folder: Path) -> None:
    planted(folder, "DELETE FROM outbox WHERE touchpoint_id = 't0'")
    async with mailbox() as box, serving(folder, box.port) as server:
        [found] = (await franking(folder, "cadence", "check", "--json", url=server.url)).values
        assert (found["touchpointId"], found["missing"][0]["state"]) == ("t0", None)
        ended = await franking(folder, "cadence", "check", "--repair", url=server.url)
        assert (ended.code, ended.out) == (
            0,
            "1 events sent again. 1 touchpoints compared, 0 differ.\n",
        )
        assert (await franking(folder, "cadence", "check", url=server.url)).code == 0


class Pages:
    """A carrier that answers with pages of the check, and what it was asked for."""

    def __init__(self, *pages: dict[str, Any]) -> None:
        self._pages = list(pages)
        self.asked: list[str] = []

    async def __call__(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> Response:
        self.asked.append(path)
        return Response(200, msgspec.json.encode(self._pages.pop(0)))


def page(next: str | None, *ids: str) -> dict[str, Any]:
    item = {"differences": [], "missing": [{"state": "waiting"}]}
    items = [{"touchpointId": id, **item} for id in ids]
    return {"items": items, "next": next, "compared": 2, "newest": 4, "resent": 0}


@pytest.mark.parametrize(
    ("outlet", "told"),
    [
        ("package", ""),
        ("salesforce", "Events go to Salesforce, which can't be read from here"),
        ("none", "Events go nowhere"),
    ],
)
async def test_of_what_it_can_not_read_it_says_so(
    capsys: pytest.CaptureFixture[str], outlet: str, told: str
) -> None:
    door = Door(Pages(page(None)), "x", sends=True)
    await agreeing.check(door, outlet, repair=False, as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "2 touchpoints compared, 0 differ."
    assert "".join(lines[1:])[: len(told)] == told
    await agreeing.check(Door(Pages(page(None)), "x", sends=True), outlet, False, as_json=True)
    printed = capsys.readouterr()
    assert (printed.out, printed.err[: len(told)]) == ("", told)


async def test_nothing_is_sent_again_to_an_org_that_can_not_be_read() -> None:
    with pytest.raises(Ended) as ended:
        await agreeing.check(Door(Pages(), "x", sends=True), "salesforce", True, as_json=False)
    assert (ended.value.code, str(ended.value)) == (2, agreeing.NOT_THERE)


async def test_a_repair_waits_until_what_it_sent_was_heard(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(agreeing, "LOOK_SECONDS", 0)
    waits, heard = {"items": [{"seq": 1}]}, {"items": list[int]()}
    pages = Pages({**page(None, "a"), "resent": 1}, waits, heard, page(None), page(None))
    await agreeing.check(Door(pages, "x", sends=True), "package", repair=True, as_json=False)
    asked = [path.partition("?")[0].rpartition("/")[2] for path in pages.asked]
    assert asked == ["repair", "outbox", "outbox", "repair", "check"]
    out = capsys.readouterr().out
    assert out == "1 events sent again. 2 touchpoints compared, 0 differ.\n"


async def test_it_goes_on_to_the_last_page(capsys: pytest.CaptureFixture[str]) -> None:
    pages = Pages(page("2", "a"), page(None, "b"))
    with pytest.raises(Ended) as ended:
        await agreeing.check(Door(pages, "x", sends=True), "package", repair=False, as_json=False)
    assert ended.value.code == 1
    assert pages.asked == ["/v1/cadence/check?limit=100", "/v1/cadence/check?after=2&limit=100"]
    out = capsys.readouterr().out
    assert "4 touchpoints compared, 2 differ." in out
    assert "Events wait to be told: `franking outbox list` says why." in out
