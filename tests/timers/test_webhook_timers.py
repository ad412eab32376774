"""Timers that call out, from the POST to the end of the call, against real receivers."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from eventually import eventually
from franking.clock import HandClock
from franking.core.timer.calls import WORKER_LOST
from timers.conftest import Proxied, proxied, request
from transports.receiver import HANG_UP, OK, RESET, SILENCE, Receiver, answer, receiving

DUE = "2026-01-01T00:00:00Z"
BUSY = answer("500 Internal Server Error", b"sorry")


def to(receiver: Receiver, data: Any = "hello", **given: Any) -> dict[str, Any]:
    """What a timer for this receiver is asked for with."""
    return {"data": data, "transport": "http", "uri": receiver.url(), **given}


FINAL: tuple[tuple[bytes, str], ...] = (
    (answer("404 Not Found"), "404 Not Found"),
    (answer("302 Found", b"", "Location: http://example.com/"), "302 Found"),
    (answer("400 Bad Request", b"what is this?"), "what is this?"),
)


@pytest.mark.parametrize(("said", "words"), FINAL, ids=["404", "302", "400"])
async def test_an_answer_that_will_not_change_fails_the_timer_at_once(
    here: Proxied, said: bytes, words: str
) -> None:
    # case 41
    async with receiving(said) as receiver:
        timer = await here.ended(await here.create(**to(receiver)))
    assert timer["state"] == "failed"
    assert words in timer["error"]
    assert len(receiver.heard) == 1
    assert [t["attempt"] for t in timer["tries"]] == [1]


UNCALLABLE: tuple[tuple[dict[str, Any], str], ...] = (
    ({"method": "fake"}, "ESRHTTP"),  # case 42
    ({"uri": "ftp://127.0.0.1/"}, "http"),
    ({"uri": "no address"}, "http"),
    ({"uri": "tcp:nowhere", "transport": "tcp"}, "ETCPERR"),
)


@pytest.mark.parametrize(("given", "words"), UNCALLABLE)
async def test_what_cannot_be_called_is_taken_and_fails_when_it_is_due(
    here: Proxied, given: dict[str, Any], words: str
) -> None:
    async with receiving(OK) as receiver:
        timer = await here.ended(await here.create(**(to(receiver) | given)))
    assert timer["state"] == "failed"
    assert words in timer["error"]
    assert receiver.heard == []


AGAIN: tuple[bytes, ...] = (
    BUSY,
    answer("503 Service Unavailable"),
    answer("429 Too Many Requests"),
    HANG_UP,
    RESET,
)


@pytest.mark.parametrize("said", AGAIN, ids=["500", "503", "429", "hang up", "reset"])
async def test_what_may_change_is_tried_five_times_and_then_fails(
    tmp_path: Path, said: bytes
) -> None:
    clock = HandClock()
    async with receiving(said) as receiver, proxied("direct", tmp_path, clock=clock) as here:
        id = await here.create(**to(receiver, dueAt=DUE))
        for tries in range(1, 5):
            timer = await here.tried(id, tries)
            assert timer["state"] == "served"
            refused = await here.retry(id)
            assert refused.status_code == 400
            told = refused.json()
            assert told["error_message"] == "This timer is being tried again automatically."
            clock.advance(600_000)
        timer = await here.ended(id)
        assert (timer["state"], len(timer["tries"])) == ("failed", 5)
        assert timer["error"] == timer["tries"][-1]["error"]
        assert (await here.retry(id)).json()["retryCount"] == 1
        await here.tried(id, 1)
        attempts = [h.header("x-timer-attempt") for h in receiver.heard]
        assert attempts == [str(number) for number in range(1, 7)]
        assert {h.header("x-timer-id") for h in receiver.heard} == {id}


async def test_a_refused_connection_is_tried_again(tmp_path: Path) -> None:
    # case 43
    clock = HandClock()
    async with receiving(OK) as receiver:
        port = receiver.port
    async with proxied("direct", tmp_path, clock=clock) as here:
        id = await here.create(**to(receiver, dueAt=DUE))
        await here.tried(id, 1)
        async with receiving(OK, port=port) as back:
            clock.advance(600_000)
            assert (await here.ended(id))["state"] == "executed"
            assert [h.header("x-timer-attempt") for h in back.heard] == ["2"]


async def test_a_receiver_that_hangs_runs_out_of_time_and_holds_up_nobody(
    tmp_path: Path,
) -> None:
    clock = HandClock()
    async with (
        receiving(SILENCE) as hanging,
        receiving(OK) as quick,
        proxied("direct", tmp_path, clock=clock, call_seconds=3.0) as here,
    ):
        # All fall due in one moment: how long making them takes is no matter.
        hung = [await here.create(**to(hanging, timeout=60_000)) for _ in range(80)]
        clock.advance(60_000)
        await eventually(lambda: _at_once(hanging, 64))
        other = await here.create(**to(quick))
        clock.advance(1)
        assert (await here.ended(other))["state"] == "executed"
        assert hanging.most_at_once == 64
        timer = await here.tried(hung[0], 1)
        assert timer["state"] == "served"
        assert "did not answer within 3 s" in timer["tries"][0]["error"]


async def _at_once(receiver: Receiver, calls: int) -> bool:
    return receiver.at_once >= calls


async def test_a_closed_private_address_is_not_called(way: str, tmp_path: Path) -> None:
    async with receiving(OK) as receiver, proxied(way, tmp_path, private="deny") as here:
        timer = await here.ended(await here.create(**to(receiver)))
    assert timer["state"] == "failed"
    assert "private" in timer["error"]
    assert receiver.connections == 0


async def test_a_timer_is_called_with_its_data_when_it_is_due(here: Proxied) -> None:
    # cases 2 and 38
    async with receiving(OK) as receiver:
        id = await here.create(**to(receiver, '{"a":1}', timeout=300))
        timer = await here.ended(id)
    assert timer["state"] == "executed"
    assert timer["dueAt"] <= timer["servedAt"] <= timer["executedAt"]
    [heard] = receiver.heard
    assert (heard.verb, heard.body) == ("POST", b'{"a":1}')
    assert heard.header("content-type") == "application/x-www-form-urlencoded"
    assert heard.header("x-timer-id") == id
    assert heard.header("x-timer-attempt") == "1"
    assert heard.header("x-timer-due") == timer["dueAt"]


async def test_a_line_is_written_over_tcp(here: Proxied) -> None:
    lines: list[bytes] = []
    done = asyncio.Event()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.append(await reader.read())
        writer.close()
        done.set()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    uri = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    timer = await here.ended(await here.create(data={"a": [1]}, transport="tcp", uri=uri))
    await done.wait()
    server.close()
    assert (timer["state"], lines) == ("executed", [b'{"a":[1]}\n'])


async def test_replacing_and_deleting_between_two_tries_drop_those_that_were_left(
    tmp_path: Path,
) -> None:
    clock = HandClock()
    async with (
        receiving(BUSY) as receiver,
        receiving(OK) as other,
        proxied("direct", tmp_path, clock=clock) as here,
    ):
        replaced = await here.create(**to(receiver, dueAt=DUE))
        deleted = await here.create(**to(receiver, dueAt=DUE))
        for id in (replaced, deleted):
            await here.tried(id, 1)
        body = request(**to(other, "new", dueAt=DUE))
        assert (await here.http.put(f"/timer/{replaced}", json=body)).status_code == 200
        assert (await here.http.delete(f"/timer/{deleted}")).status_code == 202
        assert (await here.ended(replaced))["state"] == "executed"
        clock.advance(3_600_000)
        marker = await here.create(**to(receiver, dueAt=DUE))
        await here.tried(marker, 1)
        assert (await here.http.put(f"/timer/{replaced}", json=body)).status_code == 404
        assert (await here.http.delete(f"/timer/{deleted}")).status_code == 404
    assert [heard.body for heard in other.heard] == [b"new"]
    assert [heard.header("x-timer-id") for heard in receiver.heard][2:] == [marker]


async def test_a_call_under_way_writes_nothing_over_what_replaced_it(tmp_path: Path) -> None:
    async with (
        receiving(SILENCE) as receiver,
        proxied("direct", tmp_path, call_seconds=0.5) as here,
    ):
        id = await here.create(**to(receiver))
        await eventually(lambda: _at_once(receiver, 1))
        assert (await here.retry(id)).json()["error_message"] == "This timer is being sent now."
        taken = await here.post(id, **to(receiver))
        assert taken.status_code == 409
        assert taken.json()["error_message"] == f"Timer with id {id} already exists"
        body = request(**to(receiver, timeout=3_600_000))
        assert (await here.http.put(f"/timer/{id}", json=body)).status_code == 200
        await eventually(lambda: _at_once(receiver, 0))
        witness = await here.create(**to(receiver))
        await here.tried(witness, 1)
        timer = await here.read(id)
        assert (timer["state"], timer["tries"], timer["attempt"]) == ("scheduled", [], 0)


async def test_what_a_lost_worker_began_is_called_again_with_a_higher_attempt(
    tmp_path: Path,
) -> None:
    clock = HandClock()
    async with (
        receiving(OK) as receiver,
        proxied("direct", tmp_path, clock=clock, started=False) as here,
    ):
        id = await here.create(**to(receiver, dueAt=DUE))
        [lost] = await here.it.store.timers.claim(clock.now(), 10, 60_000, {}, 10)
        assert lost.id == id
        clock.advance(60_000)
        here.it.engine.start()
        timer = await here.ended(id)
    assert (timer["state"], timer["tries"][0]["error"]) == ("executed", WORKER_LOST)
    assert [h.header("x-timer-attempt") for h in receiver.heard] == ["2"]


async def test_a_stop_finishes_calls_and_leaves_no_lease(tmp_path: Path) -> None:
    async with receiving(SILENCE) as receiver, proxied("direct", tmp_path) as here:
        id = await here.create(**to(receiver))
        await eventually(lambda: _at_once(receiver, 1))
        await here.it.engine.stop(0.2)
        timer = await here.read(id)
    assert (timer["state"], timer["tries"][0]["error"]) == ("served", WORKER_LOST)


async def test_a_clock_that_is_set_forward_serves_what_came_due_and_nothing_twice(
    tmp_path: Path,
) -> None:
    clock = HandClock()
    async with receiving(OK) as receiver, proxied("direct", tmp_path, clock=clock) as here:
        ids = {await here.create(**to(receiver, timeout=ms)) for ms in (60_000, 3_600_000)}
        late = await here.create(**to(receiver, timeout=86_400_000))
        clock.advance(3_600_000)
        for id in ids:
            assert (await here.ended(id))["state"] == "executed"
        clock.advance(-3_600_000)
        assert (await here.read(late))["state"] == "scheduled"
        clock.advance(2 * 86_400_000)
        assert (await here.ended(late))["state"] == "executed"
    assert len(receiver.heard) == 3
