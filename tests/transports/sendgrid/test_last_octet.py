"""The last octet goes when the gate says so, and doubt begins with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from franking.core.fault import judge
from franking.transports.base import Doubt, Receipt, Rejected, Withheld
from franking.transports.sendgrid_body import Body, Unfinished
from transports.scripted import until
from transports.sendgrid.fake import (
    GIBBERISH,
    HANG_UP,
    HANG_UP_EARLY,
    SILENCE,
    Trouble,
    fake_sendgrid,
)
from transports.sendgrid.sending import Gate, let_go, mail, sending

LOST = "Error: Connection lost before the server confirmed the message."


@pytest.mark.parametrize(("trouble", "seconds"), [(HANG_UP, 5), (GIBBERISH, 5), (SILENCE, 1)])
async def test_no_answer_behind_the_last_octet_is_a_doubt(trouble: Trouble, seconds: float) -> None:
    async with fake_sendgrid() as fake, sending(fake, total_seconds=seconds) as client:
        fake.troubles = [trouble]
        answer = await client.send(mail(), Gate())
        assert isinstance(answer, Doubt)
        assert answer.failure.error == LOST
        assert fake.whole.is_set()


async def test_the_last_octet_waits_for_the_commit() -> None:
    async with fake_sendgrid() as fake, sending(fake) as client:
        gate = Gate(commit=None)
        sent = asyncio.create_task(client.send(mail(), gate))
        await fake.begun.wait()
        await gate.asked.wait()
        assert not fake.whole.is_set()
        assert gate.looks == 0
        gate.decide(True)
        assert isinstance(await sent, Receipt)
        assert (gate.count, gate.looks) == (1, 1)


async def test_a_lease_that_is_lost_before_the_last_octet_sends_nothing() -> None:
    async with fake_sendgrid() as fake, sending(fake) as client:
        gate = Gate(commit=None)
        sent = asyncio.create_task(client.send(mail(), gate))
        await fake.begun.wait()
        gate.ours = False
        gate.decide(True)
        assert await sent == Withheld()
        await until(lambda: fake.incomplete == 1)
        assert (fake.taken, fake.whole.is_set()) == ([], False)


async def test_a_commit_that_is_refused_sends_nothing() -> None:
    async with fake_sendgrid() as fake, sending(fake) as client:
        gate = Gate(commit=False)
        assert await client.send(mail(), gate) == Withheld()
        assert gate.looks == 0
        assert fake.taken == []
        # The connection that was hung up is not used again.
        assert isinstance(await client.send(mail(), Gate()), Receipt)


async def test_a_gate_that_is_shut_from_the_start_asks_nobody() -> None:
    async with fake_sendgrid() as fake, sending(fake) as client:
        gate = Gate()
        gate.begun = False
        assert await client.send(mail(), gate) == Withheld()
        assert (fake.asked, gate.count) == (0, 0)


async def test_a_bug_of_the_gates_is_raised_and_nothing_is_sent() -> None:
    async with fake_sendgrid() as fake, sending(fake) as client:
        with pytest.raises(RuntimeError, match="the store broke"):
            await client.send(mail(), Gate(RuntimeError("the store broke")))
        assert fake.taken == []


async def test_a_server_that_hangs_up_before_the_end_has_no_mail() -> None:
    async with fake_sendgrid() as fake, sending(fake) as client:
        fake.troubles = [HANG_UP_EARLY]
        gate = Gate(commit=None)
        sent = asyncio.create_task(client.send(mail(), gate))
        await fake.begun.wait()
        await let_go(client)
        gate.decide(True)
        answer = await sent
        assert isinstance(answer, Rejected)
        assert answer.failure.kind == "closed"
        assert judge(answer.failure).temporary
        assert (fake.taken, gate.looks) == ([], 0)


@pytest.mark.parametrize("status", [401, 500, 502])
async def test_an_answer_before_the_end_is_certain_and_the_end_never_goes(status: int) -> None:
    async with fake_sendgrid() as fake, sending(fake) as client:
        fake.early = (status, "no", {})
        gate = Gate(commit=None)
        sent = asyncio.create_task(client.send(mail(), gate))
        await fake.begun.wait()
        await let_go(client)
        # The answer is here, but the mail is not settled while the gate is at work.
        assert not sent.done()
        gate.decide(True)
        answer = await sent
        assert isinstance(answer, Rejected)
        assert answer.failure.reply_code == status
        assert gate.looks == 0
        assert not fake.whole.is_set()


async def test_who_claims_to_have_taken_half_a_mail_is_doubted() -> None:
    async with fake_sendgrid() as fake, sending(fake) as client:
        fake.early = (202, "taken", {})
        gate = Gate(commit=None)
        sent = asyncio.create_task(client.send(mail(), gate))
        await fake.begun.wait()
        await let_go(client)
        gate.decide(True)
        assert isinstance(await sent, Doubt)


async def test_cancelling_before_the_last_octet_hangs_up() -> None:
    async with fake_sendgrid() as fake, sending(fake) as client:
        gate = Gate(commit=None)
        sent = asyncio.create_task(client.send(mail(), gate))
        await fake.begun.wait()
        sent.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sent
        gate.decide(True)
        await until(lambda: fake.incomplete == 1)
        assert (fake.taken, gate.looks) == ([], 0)


async def test_it_is_in_doubt_before_the_last_octet_is_handed_over() -> None:
    body = Body(b"{" + b"x" * 200_000 + b"}", Gate())
    pieces = [piece async for piece in _until_out(body)]
    assert b"".join(pieces) == b"{" + b"x" * 200_000 + b"}"
    assert (pieces[-1], len(pieces)) == (b"}", 5)


async def _until_out(body: Body) -> AsyncIterator[bytes]:
    """The pieces, each looked at before the next one is asked for."""
    async for piece in body.pieces():
        assert body.out is (piece == b"}")
        yield piece


async def test_a_body_that_was_answered_never_ends() -> None:
    gate = Gate(commit=None)
    body = Body(b"{}", gate)
    pieces = body.pieces()
    assert await anext(pieces) == b"{"
    body.cut()
    gate.decide(True)
    with pytest.raises(Unfinished):
        await anext(pieces)
    assert (body.out, body.withheld, gate.looks) == (False, False, 0)
