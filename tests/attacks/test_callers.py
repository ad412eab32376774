"""Timers and webhooks call nobody on this machine, and documents choose no server to go through.

A trap on both loopback addresses proves it; private addresses are closed by the setting.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from attacks.besieged import Besieged
from attacks.places import HOSTS, LOOKED_UP, trap
from eventually import eventually, until
from installation import Installation

GOOD = "ada@example.com"


async def test_no_timer_or_webhook_calls_here(tmp_path: Path) -> None:
    async with trap() as (four, six):
        await asyncio.to_thread(_called, tmp_path, four.port)
        assert (four.connections, six.connections) == (0, 0)


def _called(folder: Path, port: int) -> None:
    hosts = [host for host in HOSTS if host not in LOOKED_UP]
    with Besieged(folder) as it:
        for number, host in enumerate(hosts):
            for scheme, transport in (("http", "http"), ("tcp", "tcp")):
                callback = {
                    "transport": transport,
                    "method": "post",
                    "uri": f"{scheme}://{host}:{port}",
                }
                spec = {"timeout": 1, "data": "x", "callback": callback}
                made = it.http.post(
                    "/timer", json=spec, headers={"x-timer-id": f"{scheme}{number}"}
                )
                assert made.status_code == 201
        for host in hosts:
            hook = {"url": f"http://{host}:{port}/"}
            added = it.http.post("/v1/webhooks", json=hook)
            if added.status_code == 201:
                one = f"/v1/webhooks/{added.json()['id']}"
                assert it.http.post(f"{one}/test").json()["ok"] is False
                it.http.delete(one)
        until(lambda: _all_failed(it, 2 * len(hosts)))


def _all_failed(it: Besieged, count: int) -> bool:
    found = it.http.get("/v1/timers", params={"limit": 200, "state": "failed"}).json()["items"]
    return len(found) == count


async def test_no_document_names_the_server_that_it_goes_through(tmp_path: Path) -> None:
    """Only an admin may: what a document says of servers is kept, and followed by nobody."""
    async with trap() as (four, _), Installation(tmp_path) as it:
        server = f"smtp://127.0.0.1:{four.port}"
        names = ("transport", "smtp", "uri", "host", "server", "tokenUrl", "proxy", "dsn", "url")
        document = {
            "to": GOOD,
            "message": {"subject": "s", "text": "t"},
            **dict.fromkeys(names, server),
        }
        assert (await it.write(document))["delivery"]["state"] == "SUCCESS"
        flat = {"to": GOOD, "subject": "s", "text": "t", "host": server}
        for transport, data in (("smtp", flat), ("mail", document)):
            callback = {"transport": transport, "method": "x", "uri": server}
            made = await it.http.post(
                "/timer", json={"timeout": 1, "data": data, "callback": callback}
            )
            assert made.status_code == 201
        await eventually(lambda: _taken(it, 3))


async def _taken(it: Installation, count: int) -> bool:
    return len(it.box.taken) == count
