"""How webhooks are told: order, tries, pauses, and that no receiver slows another."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from standardwebhooks.webhooks import Webhook as Verifier

from eventually import eventually
from franking.core import webhook as policy
from franking.core.lifecycle import TYPE
from franking.engine import webhook_teller
from franking.engine.webhooks import Webhooks
from installation import Installation
from transports.receiver import OK, RESET, SILENCE, answer

from .hearer import Hearer, Told, add, hearing

SENT = ["onStart", "onPending", "onProcessing", "onComplete", "onSuccess"]
DOCUMENT = {"to": "ada@example.com", "message": {"subject": "Hello", "text": "Hello, Ada."}}
LATER = {**DOCUMENT, "sendAt": "2100-01-01T00:00:00Z"}
NO = answer("500 No")

pytestmark = pytest.mark.usefixtures("quickly")


async def put(it: Installation, id: str, document: dict[str, Any] = LATER) -> None:
    answer = await it.http.put(f"/v1/mail/{id}", json=document)
    assert answer.status_code in (200, 201), answer.text


async def shown(it: Installation, hook: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await it.http.get(f"/v1/webhooks/{hook['id']}")).json()
    return found


async def reached(it: Installation, hook: dict[str, Any], **wanted: Any) -> dict[str, Any]:
    """The webhook once it is as wanted."""

    async def there() -> dict[str, Any] | None:
        found = await shown(it, hook)
        return found if all(found[name] == value for name, value in wanted.items()) else None

    return await eventually(there)


async def deliveries(it: Installation, hook: dict[str, Any], query: str = "") -> list[Any]:
    answer = await it.http.get(f"/v1/webhooks/{hook['id']}/deliveries{query}")
    assert answer.status_code == 200, answer.text
    items: list[Any] = answer.json()["items"]
    return items


@pytest.mark.parametrize("turns", range(4))
async def test_it_stops_at_whatever_moment_it_is_asked_to(tmp_path: Path, turns: int) -> None:
    """Also while it is told that a webhook changed, so many turns of the loop before."""
    async with Installation(tmp_path, started=False) as it:
        webhooks = Webhooks(it.store, it.clock, it.poster)
        task = asyncio.create_task(webhooks.run())
        resting: Any = webhooks._changed
        await eventually(lambda: asyncio.sleep(0, resting._waiters))
        webhooks.changed()
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        assert task in (await asyncio.wait([task], timeout=2))[0]


async def test_what_is_told(it: Installation, hearer: Hearer) -> None:
    hook = await add(it.http, hearer.receiver.url("/a?b=c"))
    await put(it, "m1", {**DOCUMENT, "touchpointId": "t1"})
    found = await hearer.heard(*SENT)
    for one in found:
        headers = dict(one.heard.headers)
        assert one.heard.path == "/a?b=c"
        assert Verifier(hook["secret"]).verify(one.heard.body, headers) == one.event
        assert headers["webhook-id"] == one.event["id"]
        event = from_structured_event(HTTPMessage(headers, one.heard.body))
        assert event.get_type() == TYPE + one.kind
        assert event.get_subject() == "m1"
        assert event.get_source().startswith("/franking/")
        assert event.get_data() == one.event["data"]
    assert len({one.id for one in found}) == len(SENT)
    sequences = [one.event["sequence"] for one in found]
    assert sequences == sorted(sequences)
    times = [one.event["time"] for one in found]
    assert times == sorted(times)
    assert found[0].event["data"]["doc"]["touchpointId"] == "t1"
    assert (await reached(it, hook, waiting=0))["toldTime"] is not None


@pytest.mark.parametrize("trouble", [NO, RESET, answer("301 Moved"), answer("404 Not Found")])
async def test_an_event_is_told_again_until_it_is_taken(
    it: Installation, hearer: Hearer, trouble: bytes
) -> None:
    await add(it.http, hearer.receiver.url())
    fail = [trouble] * 3
    hearer.say = lambda _: fail.pop() if fail else OK
    await put(it, "m1")
    await hearer.heard("onStart", "onPending")
    calls = hearer.calls
    assert [one.kind for one in calls] == ["onStart"] * 4 + ["onPending"]
    assert len({one.id for one in calls[:4]}) == 1
    signatures = {one.heard.header("webhook-timestamp") for one in calls}
    assert all(signatures)


async def test_later_events_of_a_mail_wait_behind_and_other_mails_go_on(
    it: Installation, hearer: Hearer
) -> None:
    hook = await add(it.http, hearer.receiver.url())
    free = asyncio.Event()
    hearer.say = lambda one: OK if one.mail != "m1" or free.is_set() else NO
    await put(it, "m1", DOCUMENT)
    await put(it, "m2", DOCUMENT)
    await hearer.heard(*SENT, mail="m2")
    assert {one.kind for one in hearer.calls if one.mail == "m1"} == {"onStart"}

    async def only_m1() -> list[Any] | None:
        waiting = await deliveries(it, hook, "?state=waiting")
        return waiting if {one["mailId"] for one in waiting} == {"m1"} else None

    # That the last event of m2 was told is written down after it was heard.
    waiting = await eventually(only_m1)
    assert waiting[-1]["error"] == "500 No"
    assert waiting[-1]["tries"] >= 1
    free.set()
    await hearer.heard(*SENT)


async def test_after_the_last_try_an_event_is_parked_and_later_ones_pass_it(
    it: Installation, hearer: Hearer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy, "MOST_TRIES", 3)
    hook = await add(it.http, hearer.receiver.url())
    poisoned = [True]
    hearer.say = lambda one: NO if one.kind == "onStart" and poisoned else OK
    await put(it, "m1", DOCUMENT)
    await hearer.heard(*SENT[1:])
    assert [one.kind for one in hearer.calls].count("onStart") == 3
    await reached(it, hook, parked=1, waiting=0)
    [parked] = await deliveries(it, hook)
    assert (parked["state"], parked["event"], parked["tries"]) == ("parked", "onStart", 3)
    assert parked["nextAt"] is None
    poisoned.clear()
    url = f"/v1/webhooks/{hook['id']}/resend"
    assert (await it.http.post(url, json={"seq": parked["seq"]})).json() == {"resent": 1}
    await hearer.heard(*SENT[1:], "onStart")
    assert hearer.accepted[-1].id == parked["eventId"]
    assert (await it.http.post(url, json={"all": True})).json() == {"resent": 0}


async def test_a_receiver_that_is_down_is_asked_with_one_event_at_a_time(
    it: Installation, hearer: Hearer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy, "PAUSE_MS", 400)
    hook = await add(it.http, hearer.receiver.url(), types=["onStart"])
    asked_at: list[int] = []

    def refuse(_: Told) -> bytes:
        asked_at.append(it.clock.now())
        return NO

    hearer.say = refuse
    for number in range(40):
        await put(it, f"m{number}")
    paused = await reached(it, hook, state="paused")
    assert (paused["reason"], paused["waiting"]) == ("500 No", 40)
    assert paused["pausedUntil"] > paused["since"]
    # What was under way when the fifth failed may have ended since; nothing else is begun.
    assert len(asked_at) <= policy.FAILED_MAILS + webhook_teller.CONNECTIONS
    asked_at.clear()

    async def probed() -> bool:
        return len(asked_at) >= 4

    await eventually(probed)
    probes = asked_at[-3:]
    assert all(after - before >= 200 for before, after in pairwise(probes)), probes
    hearer.say = lambda _: OK
    await reached(it, hook, state="ok", waiting=0, reason=None, since=None)
    assert {one.mail for one in hearer.accepted} == {f"m{number}" for number in range(40)}


async def test_a_dead_receiver_slows_no_other(it: Installation, hearer: Hearer) -> None:
    async with hearing() as dead:
        dead.say = lambda _: SILENCE
        stuck = await add(it.http, dead.receiver.url())
        await add(it.http, hearer.receiver.url())
        for number in range(30):
            await put(it, f"m{number}")

        async def all_told() -> bool:
            return len(hearer.accepted) == 60

        # The other's calls end after two seconds; these need none of its time.
        await eventually(all_told, seconds=1.9)
        assert dead.accepted == []
        assert (await shown(it, stuck))["waiting"] == 60
    assert set(map(tuple, hearer.by_mail().values())) == {("onStart", "onPending")}


async def test_no_more_than_so_many_calls_at_once(it: Installation, hearer: Hearer) -> None:
    free = asyncio.Event()

    async def wait(_: Told) -> None:
        await free.wait()

    hearer.pause = wait
    hook = await add(it.http, hearer.receiver.url())
    for number in range(20):
        await put(it, f"m{number}")

    async def full() -> bool:
        return hearer.receiver.at_once == webhook_teller.CONNECTIONS

    await eventually(full)
    free.set()
    await reached(it, hook, waiting=0)
    assert hearer.receiver.most_at_once == webhook_teller.CONNECTIONS
    assert set(map(tuple, hearer.by_mail().values())) == {("onStart", "onPending")}


async def test_410_gone_disables_it(it: Installation, hearer: Hearer) -> None:
    hook = await add(it.http, hearer.receiver.url())
    hearer.say = lambda _: answer("410 Gone")
    await put(it, "m1")
    gone = await reached(it, hook, state="disabled", enabled=False)
    assert gone["reason"] == webhook_teller.GONE
    assert len(hearer.calls) == 1
    await put(it, "m2")
    assert (await shown(it, hook))["waiting"] == 2
    hearer.say = lambda _: OK
    again = {"url": hook["url"], "enabled": True}
    answered = await it.http.put(f"/v1/webhooks/{hook['id']}", json=again)
    assert answered.json()["state"] == "ok"
    await put(it, "m3")
    await hearer.heard("onStart", "onPending", mail="m3")
    # What waited for it is told; of what happened while it was disabled it hears nothing.
    await hearer.heard("onStart", "onPending")
    assert hearer.by_mail().keys() == {"m1", "m3"}


async def test_three_days_of_failure_disable_it(
    it: Installation, hearer: Hearer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_teller, "GIVE_UP_MS", 300)
    hook = await add(it.http, hearer.receiver.url())
    hearer.say = lambda _: NO
    for number in range(10):
        await put(it, f"m{number}")
    gone = await reached(it, hook, state="disabled")
    assert gone["reason"] == "The receiver took nothing for three days. The last error: 500 No"


@pytest.mark.parametrize("status", ["429 Slow Down", "503 Busy"])
async def test_a_receiver_that_asks_for_peace_gets_it(
    it: Installation, hearer: Hearer, status: str
) -> None:
    asked = [answer(status, b"", "Retry-After: 1")]
    hearer.say = lambda _: asked.pop() if asked else OK
    hook = await add(it.http, hearer.receiver.url())
    await put(it, "m1")
    await reached(it, hook, state="paused", reason=status)
    begun = len(hearer.calls)
    until = it.clock.now() + 700
    await put(it, "m2")
    assert len(hearer.calls) == begun
    await hearer.heard("onStart", "onPending", mail="m2")
    assert it.clock.now() >= until
    await hearer.heard("onStart", "onPending")
    await reached(it, hook, state="ok")


async def test_only_the_types_that_it_wants(it: Installation, hearer: Hearer) -> None:
    await add(it.http, hearer.receiver.url(), types=[TYPE + "onError", "onSuccess"])
    await put(it, "m1", DOCUMENT)
    await it.http.put("/v1/mail/m2", json={"to": 5})
    await hearer.heard("onSuccess")
    await hearer.heard("onError", mail="m2")


async def test_the_document_is_shown_as_it_was(it: Installation, hearer: Hearer) -> None:
    free = asyncio.Event()
    hearer.say = lambda _: OK if free.is_set() else NO
    await add(it.http, hearer.receiver.url())
    await put(it, "m1", LATER)
    await put(it, "m1", {**LATER, "cc": "bob@example.com"})
    await put(it, "m1", {**LATER, "cc": "eve@example.com", "delivery": None})
    assert (await it.http.delete("/v1/mail/m1")).status_code == 204
    free.set()
    found = await hearer.heard("onStart", "onPending", "onStart", "onPending", "onComplete")
    docs = [one.event["data"]["doc"] for one in found]
    ccs = [doc.get("cc") for doc in docs]
    assert ccs == [None, None, "eve@example.com", "eve@example.com", "eve@example.com"]
    assert all(doc["message"] == DOCUMENT["message"] for doc in docs)
    assert not any("docTruncated" in one.event["data"] for one in found)


@pytest.mark.parametrize(
    ("large", "left"),
    [
        ({"message": {**DOCUMENT["message"], "html": "x" * 300_000}}, {"to", "message"}),  # type: ignore[dict-item]
        ({"headers": {"X-Large": "x" * 300_000}}, {"to"}),
    ],
)
async def test_a_large_document_is_told_without_its_bodies(
    it: Installation, hearer: Hearer, large: dict[str, Any], left: set[str]
) -> None:
    await add(it.http, hearer.receiver.url())
    await put(it, "m1", {**LATER, **large})
    found = await hearer.heard("onStart", "onPending")
    for one in found:
        data = one.event["data"]
        assert data["docTruncated"] is True
        assert data["doc"].keys() - {"id", "delivery", "sendAt"} == left
        assert data["doc"].get("message", {}).keys() <= {"subject"}
        assert len(one.heard.body) < 5_000


async def test_a_document_of_just_the_size_is_whole(it: Installation, hearer: Hearer) -> None:
    await add(it.http, hearer.receiver.url())
    document = {**LATER, "x": ""}
    room = 256 * 1024 - len(json.dumps(document, separators=(",", ":")))
    await put(it, "m1", {**document, "x": "x" * room})
    await put(it, "m2", {**document, "x": "x" * (room + 1)})
    [one, _] = await hearer.heard("onStart", "onPending")
    assert len(one.event["data"]["doc"]["x"]) == room
    assert one.event["data"]["doc"]["message"] == DOCUMENT["message"]
    [one, _] = await hearer.heard("onStart", "onPending", mail="m2")
    assert one.event["data"]["docTruncated"] is True


async def test_a_webhook_may_want_the_delivery_alone(it: Installation, hearer: Hearer) -> None:
    await add(it.http, hearer.receiver.url(), include="delivery")
    await put(it, "m1", {**LATER, "categories": ["a"], "other": 1})
    found = await hearer.heard("onStart", "onPending")
    doc = found[0].event["data"]["doc"]
    assert doc.keys() == {"id", "delivery", "to", "sendAt", "categories"}
    assert "docTruncated" not in found[0].event["data"]


async def test_a_removed_webhook_hears_nothing(it: Installation, hearer: Hearer) -> None:
    hook = await add(it.http, hearer.receiver.url())
    hearer.say = lambda _: NO
    await put(it, "m1")
    await reached(it, hook, waiting=2)
    url = f"/v1/webhooks/{hook['id']}"
    assert (await it.http.delete(url)).status_code == 204
    assert (await it.http.delete(url)).status_code == 404
    assert (await it.http.get("/v1/webhooks")).json() == {"items": []}
    # What was being told then may still come, and is refused.
    hearer.say = lambda one: OK if one.mail == "m2" else NO
    await add(it.http, hearer.receiver.url())
    await put(it, "m2")
    await hearer.heard("onStart", "onPending", mail="m2")
    assert {one.kind for one in hearer.calls if one.mail == "m1"} <= {"onStart"}


async def test_what_was_told_and_not_written_down_is_told_again(
    tmp_path: Path, hearer: Hearer
) -> None:
    """As after a kill between the receiver's answer and our commit."""
    async with Installation(tmp_path) as it:
        webhooks = it.engine.webhooks
        assert webhooks is not None
        webhooks._claim_ms = 300
        hook = await add(it.http, hearer.receiver.url())
        died = asyncio.Event()

        async def dies(*_: object) -> None:
            died.set()
            await asyncio.get_running_loop().create_future()

        settle = it.store.webhooks.settle
        it.store.webhooks.settle = dies  # type: ignore[method-assign,assignment]
        await put(it, "m1", DOCUMENT)
        await died.wait()
        told = list(hearer.accepted)
        assert told
        it.store.webhooks.settle = settle  # type: ignore[method-assign]
        for _, task in webhooks._running.values():
            task.cancel()
        webhooks._running.clear()
        webhooks.changed()
        await hearer.last("onSuccess")
        await reached(it, hook, waiting=0)
    ids = {kind: {one.id for one in hearer.accepted if one.kind == kind} for kind in SENT}
    # Nothing is lost, what is repeated has its id again, and the order is kept.
    assert {kind: len(found) for kind, found in ids.items()} == dict.fromkeys(SENT, 1)
    again = hearer.accepted[len(told) :]
    assert again[: len(told)][0].id == told[0].id
    assert [one.kind for one in again] == SENT


async def test_a_graceful_stop_leaves_no_claim_behind(tmp_path: Path, hearer: Hearer) -> None:
    free = asyncio.Event()

    async def wait(_: Told) -> None:
        await free.wait()

    async with Installation(tmp_path) as it:
        hearer.pause = wait
        await add(it.http, hearer.receiver.url())
        await put(it, "m1")

        async def begun() -> bool:
            return hearer.receiver.at_once == 1

        await eventually(begun)
        stopping = asyncio.create_task(it.engine.stop(5))

        async def asked_to() -> bool:
            assert it.engine.webhooks is not None
            return not it.engine.webhooks._running

        await eventually(asked_to)
        # A look that comes meanwhile begins nothing.
        assert it.engine.webhooks is not None
        await it.engine.webhooks._look()
        assert not it.engine.webhooks._running
        free.set()
        await stopping
        assert hearer.kinds() == ["onStart"]
        hook = (await it.store.webhooks.every())[0].id
        assert (await it.store.webhooks.next_due(hook) or 0) <= it.clock.now()


async def test_nothing_is_stuck_and_the_doctor_says_how_webhooks_stand(
    it: Installation, hearer: Hearer
) -> None:
    hook = await add(it.http, hearer.receiver.url())
    hearer.say = lambda _: NO
    await put(it, "m1")
    await reached(it, hook, waiting=2)
    counts = await it.store.counts(it.clock.now(), 60_000)
    assert counts.stuck == []
    expected = {"ok": 1, "paused": 0, "disabled": 0, "waiting": 2, "parked": 0}
    assert counts.webhooks == expected
