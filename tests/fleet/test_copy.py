"""An installation with work in every state moves to PostgreSQL, and is served on from there."""

from __future__ import annotations

import base64
import json
import signal
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import httpx
import psycopg
from aiosmtpd.smtp import SMTP, Envelope, Session

from cli.processes import franking, serving
from eventually import eventually
from fleet.processes import part
from fleet.test_copy_refused import move
from franking.clock import SystemClock
from franking.core import times
from postbox import Postbox
from transports.receiver import OK, receiving
from webhooks.hearer import Hearer, hearing

SET = {
    "secret_key": base64.b64encode(bytes(range(32))).decode(),
    "retry_seconds": "3600",
    "transient_attempts": "3",
    "webhook_private_addresses": "allow",
}
# The lease of the one that was killed ends when the test says so.
IN_AN_HOUR, OVER = SystemClock().now() + 3_600_000, SystemClock().now()
FRONT = "api,cadence,console"
WAITING = [f"p{n}" for n in range(20)]
# What is looked at before and after: the same documents, word by word.
LOOKED_AT = (
    *("/v1/mail?limit=500", "/v1/accounts", "/v1/templates", "/v1/users/ada", "/v1/webhooks"),
    *("/v1/suppressions", "/cadence/touchpoints", "/v1/timers", "/v1/mail/refused/timeline"),
    *("/v1/mail?q=busy", "/v1/templates/following"),
)


class Quiet(Postbox):
    """Never answers the dot of a mail to `doubt`."""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.answered = not envelope.rcpt_tos[0].startswith("doubt")
        if self.answered:
            return await super().handle_DATA(server, session, envelope)
        self.offered.append(cast(Any, None))
        transport = cast(Any, server).transport
        await eventually(lambda: _closing(transport), 60)
        return "250 never heard"


async def _closing(transport: Any) -> bool:
    return bool(transport.is_closing())


def to(name: str, **more: Any) -> dict[str, Any]:
    return {
        "to": f"{name}@example.com",
        "message": {"subject": f"For {name}", "text": "Hi"},
        **more,
    }


async def put(http: httpx.AsyncClient, name: str, **more: Any) -> None:
    answer = await http.put(f"/v1/mail/{name}", json=to(name, **more))
    assert answer.status_code == 201, answer.text


def later(ms: int) -> str:
    return times.text(SystemClock().now() + ms)


async def states(http: httpx.AsyncClient) -> dict[str, str]:
    items = (await http.get("/v1/mail?limit=500")).json()["items"]
    return {item["id"]: item["delivery"]["state"] for item in items}


async def attempted(folder: Path, box: Quiet) -> None:
    """One mail sent, one refused, one tried again in an hour, and one whose dot went out when the
    process was killed."""
    box.rcpt["refused@example.com"] = ["550 5.1.1 No such user"]
    box.rcpt["busy@example.com"] = ["451 4.3.2 Try again later"]
    wanted = {"sent": "SUCCESS", "refused": "ERROR", "busy": "RETRY", "doubt": "PROCESSING"}
    async with (
        serving(folder, box.port, **SET) as serve,
        httpx.AsyncClient(base_url=serve.url) as http,
    ):
        for name in wanted:
            await put(http, name)

        async def there() -> bool:
            return await states(http) == wanted and len(box.offered) == 2

        await eventually(there)
        assert await serve.stop(signal.SIGKILL) == -signal.SIGKILL
    with closing(sqlite3.connect(folder / "franking.db")) as file, file:
        file.execute(f"UPDATE mail SET lease_expires_at = {IN_AN_HOUR} WHERE id = 'doubt'")


async def handed_in(http: httpx.AsyncClient, folder: Path, port: int, uris: dict[str, str]) -> None:
    """What waits, of every kind."""
    uri = f"smtp://rep:geheim@127.0.0.1:{port}"
    made = {
        "/v1/accounts/rep": {"transport": {"uri": uri}},
        "/v1/templates/following": {"subject": "{{who}}", "text": "Hi {{who}}"},
        "/v1/users/ada": {"email": "ada@example.com"},
        "/v1/suppressions/nobody@example.com": {"reason": "manual"},
    }
    for path, body in made.items():
        answer = await http.put(path, json=body)
        assert answer.status_code in (200, 201), (path, answer.text)
    posted: list[tuple[str, dict[str, Any]]] = [
        ("/v1/webhooks", {"url": uris["events"]}),
        ("/timer", _timer(uris["timer"], 10)),
        ("/timer", _timer(uris["timer"], 3_600_000)),
        ("/cadence/touchpoints", _touchpoint("t1", 10)),
        ("/cadence/touchpoints", _touchpoint("t2", 3_600_000)),
    ]
    for path, body in posted:
        answer = await http.post(path, json=body)
        assert answer.status_code == 201, (path, answer.text)
    for name in WAITING:
        await put(http, name)
    await put(http, "hour", sendAt=later(3_600_000))
    await put(http, "rep", account="rep")
    template = {"toUids": ["ada"], "template": {"name": "following", "data": {"who": "Ada \0"}}}
    answer = await http.put("/v1/mail/templated", json=template)
    assert answer.status_code == 201, answer.text
    keyed = {"Idempotency-Key": "k1"}
    assert (await http.post("/v1/mail", json=to("keyed"), headers=keyed)).status_code == 201
    with closing(sqlite3.connect(folder / "franking.db")) as shop, shop:
        insert = "INSERT INTO inbox (id, document) VALUES (?, ?)"
        shop.execute(insert, ("order", json.dumps(to("order"))))
        shop.execute(insert, ("no-json", b'{"to": "\xff\0"}'))


def _timer(uri: str, timeout: int) -> dict[str, Any]:
    callback = {"transport": "http", "method": "post", "uri": uri}
    return {"timeout": timeout, "data": "raw \0 data", "callback": callback}


def _touchpoint(id: str, ms: int) -> dict[str, Any]:
    mail = to(id)
    return {"type": "automated", "id": id, "cadenceMemberId": "m", "dueAt": later(ms), "mail": mail}


async def seen(http: httpx.AsyncClient) -> dict[str, Any]:
    found = {}
    for path in LOOKED_AT:
        answer = await http.get(path)
        assert answer.status_code == 200, (path, answer.text)
        found[path] = answer.json()
    return found


async def test_a_running_installation_moves_and_nothing_is_lost_or_sent_twice(
    tmp_path: Path, database: str
) -> None:
    box, own = Quiet(), Postbox()
    own.users = {"rep": "geheim"}
    await box.start()
    await own.start()
    async with receiving() as receiver, hearing() as hearer:
        receiver.answers = [OK]
        events = f"http://127.0.0.1:{hearer.receiver.port}/"
        uris = {"timer": f"http://127.0.0.1:{receiver.port}/due", "events": events}
        await attempted(tmp_path, box)
        async with part(tmp_path, f"sqlite:///{tmp_path}/franking.db", FRONT, **SET) as front:
            await handed_in(front.http, tmp_path, own.port, uris)
            before = await seen(front.http)
        rows = move(tmp_path, database, rehearse=False, **SET)
        assert rows > len(WAITING)
        async with part(tmp_path, database, FRONT, **SET) as front:
            now = await seen(front.http)
            for path, found in before.items():
                assert now[path] == found, path
        with psycopg.connect(database) as there:
            query = f"UPDATE mail SET lease_expires_at = {OVER} WHERE id = 'doubt'"
            assert there.execute(query.encode()).rowcount == 1
        uri = f"smtp://127.0.0.1:{box.port}"
        async with part(tmp_path, database, smtp_connection_uri=uri, **SET) as whole:
            await _finished(whole.http, hearer)
        checked = await franking(tmp_path, "doctor", database_url=database)
        assert (checked.code, checked.out.splitlines()[-1]) == (0, "0 stuck.")
        assert len(receiver.heard) == 1
        assert receiver.heard[0].body == b"raw \0 data"
    sent = Counter(recipient for _, [recipient], _ in box.taken)
    once = ["sent", *WAITING, "ada", "keyed", "t1", "order"]
    assert sent == {f"{name}@example.com": 1 for name in once}
    assert [to for _, [to], _ in own.taken] == ["rep@example.com"]
    await box.stop()
    await own.stop()


async def _finished(http: httpx.AsyncClient, hearer: Hearer) -> None:
    """All that was due has ended; who asks again is answered as before."""
    waits = {"hour": "PENDING", "busy": "RETRY"}

    async def ended() -> bool:
        found = await states(http)
        left = {id: state for id, state in found.items() if state not in ("SUCCESS", "ERROR")}
        touchpoint = (await http.get("/cadence/touchpoints/t1")).json()
        return left == waits and touchpoint["actionStatus"] == "Sent" and len(found) > 28

    await eventually(ended, 40)
    doubt = (await http.get("/v1/mail/doubt")).json()["delivery"]
    assert (doubt["state"], doubt["outcome"]) == ("ERROR", "unknown")
    assert "is no JSON" in (await http.get("/v1/mail/no-json")).json()["delivery"]["error"]
    keyed = {"Idempotency-Key": "k1"}
    again = await http.post("/v1/mail", json=to("keyed"), headers=keyed)
    assert again.status_code == 201
    touchpoint = (await http.get("/cadence/touchpoints/t2")).json()
    assert touchpoint["actionStatus"] == "Scheduled"
    for name in WAITING:
        await hearer.last("onSuccess", name)
