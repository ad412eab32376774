"""Which addresses are public, however they are spelled, and what a name may lead to."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

import pytest

from franking.core.timer.calls import Called
from franking.transports.addresses import IPAddress, closed, spelled
from franking.transports.names import Names, PrivateAddress

from .receiver import receiving, timer
from .test_webhook import webhook

CLOSED = [
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255"),
    *("100.100.100.200", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1"),
    *("172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1"),
    *("198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255"),
    *("240.0.0.1", "255.255.255.255", "168.63.129.16"),
    *("::", "::1", "fe80::1", "fe80::1%eth0", "febf::1", "fec0::1", "fc00::1", "fd00:ec2::254"),
    *("ff02::1", "100::1", "2001:db8::1", "3fff::1", "5f00::1", "4000::1", "64:ff9b:1::1"),
    "2001::1",  # Teredo
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0.0.0.0", "::ffff:169.254.169.254"),
    *("::127.0.0.1", "::8.8.8.8"),  # was "IPv4-compatible", and is nothing now
    *("2002:7f00:1::", "2002:a9fe:a9fe::1", "64:ff9b::10.0.0.1", "64:ff9b::127.0.0.1"),
]
OPEN = [
    *("1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0"),
    *("126.255.255.255", "128.0.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.1.1"),
    *("198.17.0.1", "198.20.0.1", "223.255.255.255", "168.63.129.15", "168.63.129.17"),
    *("2606:4700::1111", "2a00:1450:4001::1", "2001:4860:4860::8888", "2003::1", "3ffe::1"),
    *("::ffff:8.8.8.8", "2002:808:808::1", "64:ff9b::8.8.8.8"),
]


@pytest.mark.parametrize(
    ("address", "expected"), [*((a, True) for a in CLOSED), *((a, False) for a in OPEN)]
)
def test_an_address_is_open_only_where_it_is_public(address: str, expected: bool) -> None:
    assert closed(ip_address(address)) is expected


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1.", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("0X7F.1.", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("0177.0.0.01", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("0", "0.0.0.0"),
        ("0xa9fea9fe", "169.254.169.254"),
        ("::1", "::1"),
        ("0:0:0:0:0:ffff:7f00:1", "::ffff:127.0.0.1"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("localhost", "127.0.0.1"),
        ("LocalHost.", "127.0.0.1"),
        ("a.b.localhost", "127.0.0.1"),
    ],
)
def test_an_address_is_known_in_every_spelling(host: str, address: str) -> None:
    assert spelled(host) == ip_address(address)


@pytest.mark.parametrize(
    "host",
    ["example.com", "localhost.example.com", "notlocalhost", "256.0.0.1.x", "0x7g.1", "", "bücher"],
)
def test_a_name_is_no_address(host: str) -> None:
    assert spelled(host) is None


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "LOCALHOST", "localhost.", "2130706433", "0x7f.1", "0177.1"),
        *("127.1", "0", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"),
        *("169.254.169.254", "0xa9fea9fe", "[fe80::1%25eth0]", "[64:ff9b::7f00:1]", "１２７.0.0.1"),
        *("127.0.0.1.", "me:pw@127.0.0.1", "a.localhost"),
    ],
)
async def test_a_private_address_is_not_called_in_any_spelling(host: str) -> None:
    async with receiving() as receiver, webhook(Names("deny")) as caller:
        ended = await caller.call(timer(f"http://{host}:{receiver.port}/x?token=hunter2"))
        assert receiver.connections == 0
    assert ended.error is not None
    assert ended.error.endswith(
        " is at a private address, and FRANKING_WEBHOOK_PRIVATE_ADDRESSES is deny"
    )
    assert "hunter2" not in ended.error
    assert not ended.again


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f.1"])
async def test_a_private_address_is_called_where_nothing_forbids_it(host: str) -> None:
    async with receiving() as receiver, webhook() as caller:
        assert await caller.call(timer(f"http://{host}:{receiver.port}/")) == Called()


class Lookups:
    """Stands for the servers of names: one list of addresses after the other, the last stays."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[bytes, int]] = []

    def __call__(self, host: bytes, port: int, **_: Any) -> list[Any]:
        self.asked.append((host, port))
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0))
            if ":" in address
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in found
        ]


@pytest.mark.parametrize("found", [["10.0.0.1"], ["127.0.0.1", "::1", "fe80::1"], ["0.0.0.0"]])
async def test_a_name_at_private_addresses_is_not_called(found: list[str]) -> None:
    async with webhook(Names("deny", lookup=Lookups(found))) as caller:
        for _ in range(2):
            ended = await caller.call(timer("https://hooks.example.com/"))
            assert ended == Called(
                "hooks.example.com is at a private address, and "
                "FRANKING_WEBHOOK_PRIVATE_ADDRESSES is deny"
            )


async def test_those_who_ask_for_a_private_name_at_once_are_all_refused() -> None:
    async with webhook(Names("deny", lookup=Lookups(["10.0.0.1"]))) as caller:
        calls = (caller.call(timer("http://hooks.example.com/")) for _ in range(10))
        ends = await asyncio.gather(*calls)
    assert all("private address" in (end.error or "") and not end.again for end in ends)


async def test_of_a_names_addresses_the_open_ones_are_used() -> None:
    lookups = Lookups(["127.0.0.1", "93.184.216.34", "::1", "2606:2800:220:1::1"])
    found = await Names("deny", lookup=lookups).find("hooks.example.com", 443)
    assert [one.address for one in found] == ["93.184.216.34", "2606:2800:220:1::1"]
    found = await Names("allow", lookup=lookups).find("hooks.example.com", 443)
    assert len(found) == 4


async def test_the_address_that_was_checked_is_the_one_that_is_called() -> None:
    """A name that points to an open address at first, and to a closed one a moment later."""
    lookups = Lookups(["127.0.0.1", "127.0.0.2"], ["127.0.0.2"])
    names = Names("deny", lookup=lookups, closed=only_the_second)
    async with receiving() as first, receiving(host="127.0.0.2", port=first.port) as second:
        async with webhook(names) as caller:
            uri = f"http://hooks.example.com:{first.port}/"
            assert await caller.call(timer(uri)) == Called()
        assert (first.connections, second.connections) == (1, 0)
        assert first.heard[0].header("host") == f"hooks.example.com:{first.port}"
    assert lookups.asked == [(b"hooks.example.com", first.port)]


async def test_no_more_addresses_than_so_many_are_tried() -> None:
    many = [f"93.184.216.{number}" for number in range(200)]
    assert len(await Names("deny", lookup=Lookups(many)).find("hooks.example.com", 80)) == 16


async def test_names_need_no_lookup_to_be_refused() -> None:
    lookups = Lookups(["93.184.216.34"])
    with pytest.raises(PrivateAddress):
        await Names("deny", lookup=lookups).find("a.localhost", 80)
    assert lookups.asked == []


def only_the_second(address: IPAddress) -> bool:
    return str(address) == "127.0.0.2"
