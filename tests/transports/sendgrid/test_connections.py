"""Who can be reached, over how many connections, and with whose certificate."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl

import trustme

from franking.core.fault import judge
from franking.transports.base import Receipt, Rejected, Withheld
from transports.scripted import until
from transports.sendgrid.fake import (
    HANG_UP_EARLY,
    fake_sendgrid,
)
from transports.sendgrid.sending import HELLO, Gate, failure_of, let_go, mail, sending


async def test_a_stop_while_it_waits_for_a_place_sends_nothing() -> None:
    async with fake_sendgrid() as fake, sending(fake, connections=1) as client:
        first, second = Gate(commit=None), Gate()
        one = asyncio.create_task(client.send(mail(), first))
        await first.asked.wait()
        two = asyncio.create_task(client.send(mail(), second))
        closed = asyncio.create_task(client.close())
        await until(lambda: client._closing)
        assert not closed.done()
        first.decide(True)
        assert isinstance(await one, Receipt)
        assert await two == Withheld()
        await closed
        assert await client.send(mail(), Gate()) == Withheld()
        assert len(fake.taken) == 1


async def test_nobody_at_the_port_is_certain_and_told_as_node_does() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        async with sending(f"http://127.0.0.1:{port}") as client:
            gate = Gate()
            answer = await client.send(mail(), gate)
    assert isinstance(answer, Rejected)
    name = errno.errorcode[errno.ECONNREFUSED]
    assert answer.failure.error == f"Error: connect {name} 127.0.0.1:{port}"
    assert (answer.failure.kind, gate.count) == ("refused", 0)
    assert judge(answer.failure).category == "service_unavailable"


async def test_a_host_without_an_address_is_told() -> None:
    async with sending("http://no-such-host.invalid:1") as client:
        answer = await client.send(mail(), Gate())
    assert failure_of(answer).error == "Error: getaddrinfo ENOTFOUND no-such-host.invalid"


async def test_the_certificate_is_checked() -> None:
    authority = trustme.CA()
    server, client_side = _contexts(authority)
    async with fake_sendgrid(server) as fake:
        async with sending(fake) as stranger:
            answer = await stranger.send(mail(), Gate())
        assert isinstance(answer, Rejected)
        assert answer.failure.kind == "tls"
        assert "certificate" in answer.failure.text
        assert fake.asked == 0
        async with sending(fake, tls=client_side) as friend:
            assert isinstance(await friend.send(mail(), Gate()), Receipt)
        other = fake.url.replace("localhost", "127.0.0.1")
        async with sending(other, tls=client_side) as misled:
            assert failure_of(await misled.send(mail(), Gate())).kind == "tls"


def _contexts(authority: trustme.CA) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return server, client


async def test_a_large_mail_goes_whole() -> None:
    async with fake_sendgrid() as fake, sending(fake) as client:
        files = [{"filename": "a.bin", "content": "x" * (8 * 1024 * 1024)}]
        answer = await client.send(mail(message={**HELLO, "attachments": files}), Gate())
        assert isinstance(answer, Receipt)
        assert len(fake.taken[0]["attachments"][0]["content"]) > 8 * 1024 * 1024


async def test_no_more_at_once_than_connections_and_they_are_kept() -> None:
    async with fake_sendgrid() as fake, sending(fake, connections=3) as client:
        await client.send(mail(), Gate())
        gates = [Gate(commit=None) for _ in range(30)]
        sent = asyncio.gather(*[client.send(mail(), gate) for gate in gates])
        await until(lambda: fake.at_once == 3)
        assert sum(gate.count for gate in gates) == 3
        for gate in gates:
            gate.decide(True)
        assert all(isinstance(answer, Receipt) for answer in await sent)
        assert (len(fake.taken), fake.most_at_once) == (31, 3)
        assert len(fake.peers) <= 3


async def test_a_wrong_key_is_met_by_one_mail_where_the_others_are_held_back() -> None:
    async with fake_sendgrid() as fake, sending(fake, key="SG.wrong") as client:
        gates = [Gate() for _ in range(8)]

        async def one(gate: Gate) -> object:
            answer = await client.send(mail(), gate)
            if isinstance(answer, Rejected):
                for other in gates:
                    other.begun = False
            return answer

        answers = await asyncio.gather(*map(one, gates))
        assert [type(answer) for answer in answers].count(Rejected) == 1
        assert (fake.asked, answers.count(Withheld())) == (1, 7)


async def test_a_connection_that_breaks_is_no_matter_of_the_key() -> None:
    async with fake_sendgrid() as fake, sending(fake) as client:
        fake.troubles = [HANG_UP_EARLY]
        first = Gate(commit=None)
        sent = asyncio.create_task(client.send(mail(), first))
        await fake.begun.wait()
        await let_go(client)
        first.decide(True)
        assert isinstance(await sent, Rejected)
        gates = [Gate(commit=None) for _ in range(3)]
        others = asyncio.gather(*[client.send(mail(), gate) for gate in gates])
        await until(lambda: fake.at_once == 3)
        for gate in gates:
            gate.decide(True)
        assert all(isinstance(answer, Receipt) for answer in await others)
