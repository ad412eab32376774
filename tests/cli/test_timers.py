"""`franking timer`, on a database that nobody serves; and what it shows of hostile timers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from franking.cli import timers
from franking.cli.door import Declined, Document, Door, Response
from franking.cli.exits import Ended
from franking.clock import SystemClock
from franking.core.timer.request import asked
from franking.office import Office
from franking.office.timer_door import NewTimer
from franking.stores.sqlite import SqliteStore

from .processes import franking

CALLBACK = {"transport": "http", "method": "post", "uri": "http://127.0.0.1:9/hook"}
MAIL = {"transport": "mail", "method": "post", "uri": "mail:"}
LETTER = {"to": "ada@example.com", "message": {"subject": "Hello", "text": "Hi"}}
HOUR = 3_600_000


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """A database with three timers: one waits, one of a mail was deleted, one was replaced."""
    store = SqliteStore(tmp_path / "franking.db")
    await store.open()
    door = Office(store, SystemClock(), lambda: None).timers
    await door.create([new("waits", data="hello"), new("a/b"), new("mailed", MAIL, LETTER)])
    await door.delete("mailed")
    await door.replace("a/b", new("a/b", data={"b": 2}).asked)
    await store.close()
    return tmp_path


def new(id: str, callback: Any = CALLBACK, data: Any = None) -> NewTimer:
    fields = {"timeout": HOUR, "callback": callback, "data": data}
    return NewTimer(asked({name: msgspec.json.encode(v) for name, v in fields.items()}), id)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("show", "none"), 1, "There is no timer with id none.\n"),
        (("retry", "none"), 1, "There is no timer with id none.\n"),
        (("retry", "waits"), 1, "This timer is already scheduled to be sent.\n"),
        (("retry", "mailed", "--mail", "{"), 2, "--mail is no JSON: "),
        (("retry", "mailed", "--mail", "no-such-file"), 2, "no-such-file can't be read: "),
        (("retry", "mailed", "--mail", '{"to": 5}'), 1, ""),
        (("retry", "waits", "--mail", '{"to":"b@example.com"}'), 1, ""),
        (("list", "--state", "late"), 1, "Query parameter 'state' must be one of scheduled, "),
        (("list", "--transport", "zmq"), 1, "Query parameter 'transport' must be one of http, "),
        (("list", "--q", ""), 1, "Query parameter 'q' must have 1 to 255 "),
        (("list", "--limit", "0"), 2, ""),
    ],
)
async def test_what_can_not_be_done_is_told(
    folder: Path, arguments: tuple[str, ...], code: int, told: str
) -> None:
    ended = await franking(folder, "timer", *arguments)
    assert (ended.code, ended.err[: len(told)]) == (code, told)
    assert ended.err


async def test_timers_are_listed_newest_first(folder: Path) -> None:
    every = await franking(folder, "timer", "list", "--json")
    assert {one["id"] for one in every.values} == {"waits", "a/b", "mailed"}
    for wanted, ids in (
        (("--state", "DELETED"), ["mailed"]),
        (("--transport", "mail"), ["mailed"]),
        (("--q", "wai"), ["waits"]),
        (("--q", "nothing"), []),
    ):
        found = await franking(folder, "timer", "list", *wanted, "--json")
        assert [one["id"] for one in found.values] == ids
    table = await franking(folder, "timer", "list")
    assert "POST http://127.0.0.1:9/hook" in table.out
    assert (await franking(folder, "timer", "list", "--limit", "1", "--json")).out.count("\n") == 1


async def test_where_there_is_none_it_says_so(tmp_path: Path) -> None:
    assert (await franking(tmp_path, "timer", "list")).out == "No timer.\n"


async def test_a_timer_is_shown_with_its_lives(folder: Path) -> None:
    shown = await franking(folder, "timer", "show", "a/b")
    assert shown.code == 0
    for told in ("a/b", "scheduled", '{"b": 2}', "Life 1", "ended when it was replaced"):
        assert told in shown.out
    [found] = (await franking(folder, "timer", "show", "a/b", "--json")).values
    assert (found["data"], len(found["lives"])) == ({"b": 2}, 1)


async def test_a_timer_is_retried_with_other_fields_in_its_mail(folder: Path) -> None:
    (folder / "fields").write_text('{"to":"b@example.com"}')
    for given in ("fields", "-", '{"to":"b@example.com"}'):
        stdin = b'{"to":"b@example.com"}'
        ended = await franking(
            folder, "timer", "retry", "mailed", "--force", "--mail", given, stdin=stdin
        )
        if given == "fields":
            assert ended.code == 0
            assert "Retried 1x." in ended.out
        else:  # it is scheduled by now
            assert (ended.code, ended.err[:26]) == (1, "This email is already sche")
    [found] = (await franking(folder, "timer", "show", "mailed", "--json")).values
    assert found["data"]["to"] == "b@example.com"
    assert (found["state"], found["retryCount"]) == ("scheduled", 1)


class Answers:
    """A carrier that knows its answer, and what it was asked for."""

    def __init__(self, status: int, body: Any) -> None:
        self._answer = Response(status, msgspec.json.encode(body))
        self.asked: list[tuple[str, str]] = []

    async def __call__(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> Response:
        self.asked.append((method, path))
        return self._answer


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error_message": "It is being sent."}, "It is being sent."),
        ({"error_message": "No key.", "next": "Send one."}, "No key. Send one."),
        ({"detail": "No key.", "next": "Send one."}, "No key. Send one."),
        ({"message": "Not Found"}, "The server answered 400, which is no answer of franking's."),
        ([], "The server answered 400, which is no answer of franking's."),
    ],
)
async def test_a_refusal_is_told_in_the_servers_words(body: Any, words: str) -> None:
    carry = Answers(400, body)
    with pytest.raises(Declined) as declined:
        await Door(carry, "x", sends=True).timer("a/b ü")
    assert str(declined.value) == words
    assert carry.asked == [("GET", "/timer/a%2Fb%20%C3%BC")]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("{", "--mail is no JSON: "),
        ("none", "none can't be read: "),
        (".", ". can't be read: "),
    ],
)
def test_fields_that_can_not_be_read_are_refused(given: str, told: str) -> None:
    with pytest.raises(Ended) as ended:
        timers.fields(given)
    assert str(ended.value).startswith(told)


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"[1]", "--mail is no JSON object."), (b"\xff", "mail is no UTF-8."), (b"", "--mail is no")],
)
def test_a_file_that_holds_no_fields_is_refused(
    content: bytes, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mail").write_bytes(content)
    with pytest.raises(Ended) as ended:
        timers.fields("mail")
    assert str(ended.value).startswith(told)


def timer(**fields: Any) -> Document:
    """A timer as the server shows it."""
    times = dict.fromkeys(("servedAt", "executedAt", "deletedAt", "nextAttemptTime"))
    before = {f"previous{n}": None for n in ("ServedAt", "ExecutedAt", "DeletedAt", "Error")}
    known = {"id": "t", "state": "served", "dueAt": "D", "createdAt": "C", "callback": CALLBACK}
    counts: Document = {
        "error": None,
        "retryCount": 0,
        "attempt": 1,
        "tries": [],
        "lives": [],
        "data": None,
    }
    return {**times, **before, **known, **counts, **fields}


TRY = {"attempt": 1, "at": "A", "error": "503 Service Unavailable"}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"state": "failed", "error": "410 Gone", "tries": [TRY]}, "410 Gone"),
        ({"tries": [TRY], "nextAttemptTime": "N"}, "503 Service Unavailable. Called again at N."),
        ({"tries": [TRY], "attempt": 2}, "503 Service Unavailable."),
        ({"state": "scheduled", "retryCount": 2}, "Retried 2x."),
        ({"callback": {"transport": "tcp", "method": "", "uri": "tcp://h:1"}}, "tcp tcp://h:1"),
        ({"callback": MAIL}, "mail"),
        ({"error": "\x1b[2J", "id": "\x1b]0;pwned\x07"}, "\\x1b[2J"),
    ],
)
async def test_the_most_telling_thing_is_shown_and_can_do_nothing(
    capsys: pytest.CaptureFixture[str], fields: Document, told: str
) -> None:
    door = Door(Answers(200, {"items": [timer(**fields)], "next": None}), "x", sends=True)
    await timers.list_timers(door, {}, 5, False)
    out = capsys.readouterr().out
    assert told in out
    assert "\x1b" not in out


async def test_each_call_that_failed_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    life = {"endedBy": "retried", "dueAt": "D", "createdAt": "C", "error": "\x1b[2J"}
    ends = dict.fromkeys(("servedAt", "executedAt", "deletedAt"))
    shown = timer(tries=[TRY, {**TRY, "attempt": 2}], data="\x1b[2J", lives=[{**life, **ends}])
    await timers.show(Door(Answers(200, shown), "x", sends=True), "t", False)
    out = capsys.readouterr().out
    assert [out.count(told) for told in ("Call 1", "Call 2", "ended when it was retried")] == [
        1,
        1,
        1,
    ]
    assert "\x1b" not in out
    await timers.show(Door(Answers(200, shown), "x", sends=True), "t", True)
    assert json.loads(capsys.readouterr().out) == shown


async def test_long_data_is_shown_as_far_as_one_can_look(
    capsys: pytest.CaptureFixture[str],
) -> None:
    door = Door(Answers(200, timer(data="x" * 5_000)), "x", sends=True)
    await timers.show(door, "t", False)
    out = capsys.readouterr().out
    assert 0 < out.count("x") < 250
