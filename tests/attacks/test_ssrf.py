"""Nobody who hands something in has this machine, its network or its files asked for it.

End to end: what is thrown comes in over HTTP, and a trap on both loopback addresses proves that
nothing was asked. Each way of spelling an address is thrown at each door.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from attacks.places import FILES_HERE, PDF, PRIVATE, disguised, trap
from franking.config.hosts import file_hosts
from franking.transports.addresses import IPAddress
from franking.transports.fetching import HttpFetcher
from franking.transports.names import Names
from installation import Installation
from transports.files import FILES, Zone
from transports.receiver import answer, receiving

REFUSED = "Error: Attachment source is not allowed: "
GOOD = "ada@example.com"


def plain(**entry: Any) -> dict[str, Any]:
    return {"to": GOOD, "message": {"subject": "s", "text": "t", "attachments": [entry]}}


def event(address: str) -> dict[str, Any]:
    message = {"subject": "s", "text": "t", "icalEvent": {"method": "REQUEST", "href": address}}
    return {"to": GOOD, "message": message}


def filled(address: str) -> dict[str, Any]:
    return {"to": GOOD, "template": {"name": "filled", "data": {"address": address}}}


WAYS = {
    "path": lambda address: plain(path=address),
    "href": lambda address: plain(href=address, content="instead"),
    "both": lambda address: plain(path=address, href=f"http://{FILES}/"),
    "event": event,
    "template": filled,
}
TEMPLATE = {"subject": "s", "text": "t", "attachments": [{"path": "{{address}}"}]}


async def ended(it: Installation, documents: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The deliveries of these mails, all handed in at once."""
    for start in range(0, len(documents), 100):
        ids = [f"m{start + number}" for number in range(len(documents[start : start + 100]))]
        writes = (
            it.http.put(f"/v1/mail/{id}", content=json.dumps(document))
            for id, document in zip(ids, documents[start:], strict=False)
        )
        assert {answer.status_code for answer in await asyncio.gather(*writes)} <= {200, 201}
    found = [await it.ended(f"m{number}") for number in range(len(documents))]
    return [mail["delivery"] for mail in found]


def fetcher(
    *hosts: str, private: Any = "deny", zone: Zone | None = None, **more: Any
) -> HttpFetcher:
    names = Names(private, lookup=zone or Zone(), **more)
    return HttpFetcher(file_hosts(",".join(hosts)), names)


@pytest.mark.parametrize("way", WAYS)
async def test_no_spelling_reaches_this_machine(tmp_path: Path, way: str) -> None:
    """Though a name that leads here is on the list, and private addresses are open."""
    async with trap() as (four, _), receiving(PDF) as there:
        allowed = f"{FILES}:{there.port}"
        source = fetcher(allowed, private="allow")
        addresses = [*disguised(four.port, allowed), *FILES_HERE]
        async with Installation(tmp_path, fetcher=source) as it:
            await it.http.put("/v1/templates/filled", json=TEMPLATE)
            deliveries = await ended(it, [WAYS[way](address) for address in addresses])
        assert there.connections == 0
    told = [delivery["error"] for delivery in deliveries]
    assert [error for error in told if not str(error).startswith(REFUSED)] == []
    assert not any("meta-data" in error or "hostname" in error for error in told)


async def test_no_private_address_is_reached_though_it_is_on_the_list(tmp_path: Path) -> None:
    """As long as private addresses are closed, which they are unless somebody opens them."""
    async with trap() as (four, _):
        zone = Zone({f"n{n}.example.com": [one] for n, one in enumerate(PRIVATE)})
        listed = ("127.0.0.1", "localhost", "[::1]", "169.254.169.254", "*.example.com")
        source = fetcher(*(f"{host}:{four.port}" for host in listed), zone=zone)
        addresses = [f"http://{host}:{four.port}/x" for host in (*zone.names, *listed[:4])]
        async with Installation(tmp_path, fetcher=source) as it:
            deliveries = await ended(it, [plain(href=address) for address in addresses])
    assert {d["error"].startswith(REFUSED) for d in deliveries} == {True}


async def test_no_redirect_leads_here(tmp_path: Path) -> None:
    async with trap() as (four, _):
        named = "there.example.net:80"
        places = [
            *disguised(four.port, named),
            *(f"http://n{n}.example.com:{four.port}/" for n in range(len(PRIVATE))),
            *(place for place in FILES_HERE if ":" in place),
            f"//127.0.0.1:{four.port}/",
        ]
        sendable = [place for place in places if place.isprintable() and place.strip() == place]
        moved = [answer("302 Found", b"", f"Location: {place}") for place in sendable]
        zone = Zone({f"n{n}.example.com": [one] for n, one in enumerate(PRIVATE)})
        zone.names[FILES] = ["127.0.0.2"]
        async with receiving(*moved, answer("500 All used up"), host="127.0.0.2") as there:
            hosts = (f"{FILES}:{there.port}", f"*.example.com:{four.port}")
            source = fetcher(*hosts, zone=zone, closed=all_but("127.0.0.2"))
            url = f"http://{FILES}:{there.port}"
            async with Installation(tmp_path, fetcher=source) as it:
                documents = [plain(href=f"{url}/{n}") for n in range(len(moved))]
                deliveries = await ended(it, documents)
            # A place within the host itself is asked there, and finds nothing.
            assert len(moved) <= there.connections < 2 * len(moved)
        told = [d["error"] for d in deliveries]
        assert not [
            error for error in told if not error.startswith((REFUSED, "Error: Invalid sta"))
        ]
        assert it.box.dots == 0


def all_but(*open: str) -> Any:
    def closed(address: IPAddress) -> bool:
        return str(address) not in open

    return closed


async def test_a_name_that_moves_here_meanwhile_gains_nothing(tmp_path: Path) -> None:
    """It is at an open address when it is first asked for, and at a closed one ever after."""
    first_at = receiving(PDF, host="127.0.0.2")
    async with first_at as there, receiving(PDF, port=there.port) as here:
        zone = Moving(["127.0.0.2"], ["127.0.0.1"])
        source = fetcher(f"{FILES}:{there.port}", zone=zone, closed=all_but("127.0.0.2"))
        async with Installation(tmp_path, fetcher=source) as it:
            url = f"http://{FILES}:{there.port}/x"
            first = (await it.write(plain(href=url), "a1"))["delivery"]
            second = (await it.write(plain(href=url), "a2"))["delivery"]
            zone.answers = [["127.0.0.2"], ["127.0.0.1"]]
            there.answers = [answer("302 Found", b"", "Location: /again")]
            third = (await it.write(plain(href=url), "a3"))["delivery"]
        assert (there.connections, here.connections) == (2, 0)
    assert (first["state"], second["state"], third["state"]) == ("SUCCESS", "ERROR", "ERROR")
    assert second["error"] == third["error"] == f"{REFUSED}http://{FILES}:{there.port}"


class Moving(Zone):
    """One list of addresses after the other; the last stays."""

    def __init__(self, *answers: list[str]) -> None:
        super().__init__({FILES: []})
        self.answers = list(answers)

    def __call__(self, host: bytes, port: int, **more: Any) -> list[Any]:
        self.names[FILES] = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return super().__call__(host, port, **more)


async def test_a_host_that_sends_us_round_and_round_is_left(tmp_path: Path) -> None:
    async with receiving(answer("302 Found", b"", "Location: /x?again")) as there:
        source = fetcher(f"{FILES}:{there.port}", private="allow")
        async with Installation(tmp_path, fetcher=source) as it:
            found = await it.write(plain(href=f"http://{FILES}:{there.port}/x"))
        assert there.connections == 4
    assert found["delivery"]["error"] == "Error: Maximum redirect count exceeded"


SMUGGLED = (
    *(("Host", "evil.example"), ("host", "evil.example"), ("hoſt", "evil.example"), ("Host ", "x")),
    *(("X\r\nHost", "evil.example"), ("X: y\r\nHost", "evil.example"), ("", "x"), (" X", "x")),
    *(("X", "y\r\nHost: evil.example"), ("X", "y\nHost: evil.example"), ("X", "y\r\n\r\nGET / x")),
    *(("X", "y\u010d\u010aHost: evil.example"), ("X", "y\u2028Host: evil.example"), ("X", "\0")),
    *(("Transfer-Encoding", "chunked"), ("Content-Length", "9"), ("Connection", "keep-alive")),
    *(("Upgrade", "h2c"), ("Proxy-Authorization", "x"), ("Expect", "100-continue"), ("TE", "x")),
)


async def test_no_header_of_a_template_is_another(tmp_path: Path) -> None:
    """What is looked at when a document comes in is not yet there where data fills it in."""
    async with receiving(PDF) as there:
        source = fetcher(f"{FILES}:{there.port}", private="allow")
        entry = {
            "href": f"http://{FILES}:{there.port}/",
            "httpHeaders": {"{{{name}}}": "{{{value}}}"},
        }
        template = {"subject": "s", "text": "t", "attachments": [entry]}
        async with Installation(tmp_path, fetcher=source) as it:
            await it.http.put("/v1/templates/filled", json=template)
            given = [{"name": name, "value": value} for name, value in SMUGGLED]
            asked = [{"to": GOOD, "template": {"name": "filled", "data": one}} for one in given]
            deliveries = await ended(it, asked)
    for heard in there.heard:
        assert heard.header("host") == f"{FILES}:{there.port}"
        assert len(heard.headers) == 5
        assert not heard.body
    assert len(there.heard) == len([d for d in deliveries if d["state"] == "SUCCESS"]) <= 2
