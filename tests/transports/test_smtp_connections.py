"""Connections that are kept, die, are too many, or are closed."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from franking.transports.base import Doubt, Receipt, Rejected, Withheld
from franking.transports.smtp_settings import Timeouts

from .scripted import CONTENT, HANG_UP, SILENCE, WAIT, Yes, mail, scripted, sending, until


async def test_a_connection_is_kept_for_the_next_mail() -> None:
    async with scripted() as server, sending(server.settings) as smtp:
        for _ in range(3):
            assert isinstance(await smtp.send(mail(), Yes()), Receipt)
        assert server.connections == 1
    assert server.heard[-1] == "QUIT"


@pytest.mark.parametrize("answer", [HANG_UP, "421 4.4.2 idle too long"], ids=["hung up", "421"])
@pytest.mark.parametrize("ehlo", ["250-mx\r\n250 PIPELINING", "250 mx"])
async def test_a_kept_connection_found_dead_is_no_try(answer: str | None, ehlo: str) -> None:
    gate = Yes()
    async with (
        scripted(EHLO=ehlo, MAIL_2=answer) as server,
        sending(server.settings) as smtp,
    ):
        assert isinstance(await smtp.send(mail(), Yes()), Receipt)
        assert isinstance(await smtp.send(mail(), gate), Receipt)
        assert server.connections == 2
        assert gate.asked == 1
        assert len(server.mails) == 2


async def test_a_kept_connection_that_is_silent_is_no_try() -> None:
    async with (
        scripted(MAIL_2=SILENCE, RCPT_2=SILENCE, DATA_2=SILENCE) as server,
        sending(server.settings, timeouts=Timeouts(command=0.05)) as smtp,
    ):
        assert isinstance(await smtp.send(mail(), Yes()), Receipt)
        assert isinstance(await smtp.send(mail(), Yes()), Receipt)
        assert server.connections == 2


async def test_a_fresh_connection_that_dies_too_is_a_try() -> None:
    async with (
        scripted(MAIL_2=HANG_UP, MAIL_3=HANG_UP) as server,
        sending(server.settings) as smtp,
    ):
        assert isinstance(await smtp.send(mail(), Yes()), Receipt)
        assert isinstance(await smtp.send(mail(), Yes()), Rejected)
        assert server.connections == 2


async def test_a_mail_whose_content_went_out_is_never_sent_again() -> None:
    gate = Held()
    async with scripted(CONTENT_2=HANG_UP) as server, sending(server.settings) as smtp:
        assert isinstance(await smtp.send(mail(), Yes()), Receipt)
        sent = asyncio.create_task(smtp.send(mail(), gate))
        await until(lambda: gate.asked == 1 and not server.open)
        assert isinstance(await smtp.send(mail(), Yes()), Receipt)
        gate.commit.set_result(True)
        assert isinstance(await sent, Rejected)
        assert len(server.mails) == 2


async def test_a_connection_that_the_server_closed_while_it_rested_is_forgotten() -> None:
    async with scripted() as server, sending(server.settings) as smtp:
        assert isinstance(await smtp.send(mail(), Yes()), Receipt)
        for writer in server.open:
            writer.transport.abort()
        assert isinstance(await smtp.send(mail(), Yes()), Receipt)
        assert server.connections == 2


@pytest.mark.parametrize(
    ("answer", "first", "second"),
    [
        ("250 ok", Receipt, Receipt),
        ("554 no", Rejected, Receipt),
        ("421 enough", Rejected, Receipt),
        (HANG_UP, Doubt, Receipt),
        ("nonsense", Doubt, Receipt),
    ],
)
async def test_the_next_mail_is_safe_behind_the_dot_of_the_first(
    answer: str | None, first: type, second: type
) -> None:
    async with (
        scripted(DOT_1=answer) as server,
        sending(server.settings, connections=1) as smtp,
    ):
        answers = await asyncio.gather(*(smtp.send(mail(), Yes()) for _ in range(2)))
        assert [type(answer) for answer in answers] == [first, second]
        assert len(server.mails) == 2


async def test_without_pipelining_each_waits_for_its_turn() -> None:
    async with (
        scripted(EHLO="250 mx", RCPT_2="550 no") as server,
        sending(server.settings, connections=1) as smtp,
    ):
        answers = await asyncio.gather(*(smtp.send(mail(), Yes()) for _ in range(3)))
        assert [type(answer) for answer in answers] == [Receipt, Rejected, Receipt]
        assert server.connections == 1
    assert server.heard[2:] == [
        *("MAIL", "RCPT", "DATA", "CONTENT", "DOT"),
        *("MAIL", "RCPT", "RSET"),
        *("MAIL", "RCPT", "DATA", "CONTENT", "DOT", "QUIT"),
    ]


async def test_what_waits_fails_together_when_no_connection_opens() -> None:
    async with scripted(GREETING="554 go away") as server, sending(server.settings) as smtp:
        answers = await asyncio.gather(*(smtp.send(mail(), Yes()) for _ in range(20)))
        assert all(isinstance(answer, Rejected) for answer in answers)
        assert server.connections == 1


async def test_a_wrong_password_is_said_once() -> None:
    async with scripted(AUTH="535 5.7.8 no") as server:
        settings = msgspec.structs.replace(server.settings, user="u", password="p")
        async with sending(settings) as smtp:
            answers = await asyncio.gather(*(smtp.send(mail(), Yes()) for _ in range(20)))
        assert {a.failure.error for a in answers if isinstance(a, Rejected)} == {
            "Error: Invalid login: 535 5.7.8 no"
        }
        assert server.heard.count("AUTH") == 1


async def test_when_further_connections_are_refused_the_open_ones_carry_all() -> None:
    async with (
        scripted(**{f"GREETING_{n}": "421 too many" for n in range(3, 30)}) as server,
        sending(server.settings) as smtp,
    ):
        answers = await asyncio.gather(*(smtp.send(mail(), Yes()) for _ in range(30)))
        assert all(isinstance(answer, Receipt) for answer in answers)
        assert server.connections < 12


async def test_as_many_connections_as_allowed_are_opened() -> None:
    async with scripted() as server, sending(server.settings, connections=3) as smtp:
        await asyncio.gather(*(smtp.send(mail(), Yes()) for _ in range(60)))
        assert server.connections <= 3
        assert len(server.mails) == 60


async def test_a_connection_is_worn_out_after_so_many_mails() -> None:
    async with scripted() as server:
        settings = msgspec.structs.replace(server.settings, max_messages=2)
        async with sending(settings, connections=1) as smtp:
            answers = await asyncio.gather(*(smtp.send(mail(), Yes()) for _ in range(5)))
        assert all(isinstance(answer, Receipt) for answer in answers)
        assert server.connections == 3
        assert server.heard.count("QUIT") == 3


async def test_a_connection_that_rests_too_long_is_closed() -> None:
    async with (
        scripted() as server,
        sending(server.settings, timeouts=Timeouts(idle=0.01)) as smtp,
    ):
        await smtp.send(mail(), Yes())
        await until(lambda: not server.open)
        assert server.heard[-1] == "QUIT"
        assert isinstance(await smtp.send(mail(), Yes()), Receipt)


# Cancelling, closing.


class Held(Yes):
    """A gate whose commit the test ends."""

    def __init__(self) -> None:
        super().__init__()
        self.commit: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def transmitting(self) -> bool:
        self.asked += 1
        return await self.commit


async def test_cancelling_before_the_dot_hangs_up() -> None:
    async with scripted() as server, sending(server.settings) as smtp:
        sent = asyncio.create_task(smtp.send(mail(), Held()))
        await until(lambda: "CONTENT" in server.heard)
        sent.cancel()
        await until(lambda: server.cut_off == 1)
        assert server.mails == []


async def test_cancelling_behind_anothers_dot_leaves_that_alone() -> None:
    async with scripted(DOT_1=WAIT) as server, sending(server.settings, connections=1) as smtp:
        first = asyncio.create_task(smtp.send(mail(), Yes()))
        second = asyncio.create_task(smtp.send(mail(), gate := Yes()))
        await until(lambda: "DOT" in server.heard)
        second.cancel()
        await until(second.done)
        server.release.set()
        assert isinstance(await first, Receipt)
        await until(lambda: not server.open)
        assert len(server.mails) == 1
        assert gate.asked == 0


async def test_cancelling_after_the_dot_keeps_the_connection() -> None:
    async with scripted(DOT_1=WAIT) as server, sending(server.settings, connections=1) as smtp:
        sent = asyncio.create_task(smtp.send(mail(), Yes()))
        await until(lambda: "DOT" in server.heard)
        sent.cancel()
        await until(sent.done)
        server.release.set()
        assert isinstance(await smtp.send(mail(), Yes()), Receipt)
        assert server.connections == 1
        assert len(server.mails) == 2


async def test_cancelling_what_waits_takes_it_out() -> None:
    async with scripted(DOT_1=WAIT) as server, sending(server.settings, connections=1) as smtp:
        first, *waiting = [asyncio.create_task(smtp.send(mail(), Yes())) for _ in range(5)]
        await until(lambda: "DOT" in server.heard)
        for task in waiting:
            task.cancel()
        server.release.set()
        assert isinstance(await first, Receipt)
        await until(lambda: not server.open)
        assert server.heard.count("MAIL") == 2


async def test_closing_finishes_what_is_being_transmitted_and_withholds_what_waits() -> None:
    gate = Held()
    async with scripted() as server, sending(server.settings, connections=1) as smtp:
        sent = [asyncio.create_task(smtp.send(mail(), gate)) for _ in range(3)]
        await until(lambda: gate.asked == 1)
        closing = asyncio.create_task(smtp.close())
        await until(sent[1].done)
        gate.commit.set_result(True)
        await closing
        assert [type(await task) for task in sent] == [Receipt, Withheld, Withheld]
        assert server.heard[-1] == "QUIT"
        assert await smtp.send(mail(), Yes()) == Withheld()


async def test_cancelling_close_hangs_up_at_once() -> None:
    async with scripted() as server, sending(server.settings, connections=1) as smtp:
        sent = asyncio.create_task(smtp.send(mail(), Held()))
        waiting = asyncio.create_task(smtp.send(mail(), Yes()))
        await until(lambda: "CONTENT" in server.heard)
        closing = asyncio.create_task(smtp.close())
        assert await waiting == Withheld()
        closing.cancel()
        await until(lambda: server.cut_off == 1)
        sent.cancel()


async def test_closing_while_nothing_answers_does_not_wait() -> None:
    async with scripted(GREETING=SILENCE) as server, sending(server.settings) as smtp:
        sent = asyncio.create_task(smtp.send(mail(), Yes()))
        await until(lambda: server.connections == 1)
        await smtp.close()
        assert await sent == Withheld()


async def test_the_dot_waits_for_the_last_piece_of_a_large_mail() -> None:
    content = b"".join(b".%07d%s\r\n" % (n, b"x" * 980) for n in range(16_000))
    gate = Held()
    async with scripted(CONTENT=WAIT) as server, sending(server.settings) as smtp:
        sent = asyncio.create_task(smtp.send(mail(content=content), gate))
        await until(lambda: gate.asked == 1)
        # More than the sockets hold while the server doesn't read: committed, and not yet out.
        gate.commit.set_result(True)
        server.release.set()
        assert isinstance(await sent, Receipt)
        assert server.mails == [content]


@pytest.mark.parametrize("content", [b"", b".", b"..\r\n.\r\n", b"no end", b"\r\n", CONTENT])
async def test_any_content_arrives_as_it_was(content: bytes) -> None:
    async with scripted() as server, sending(server.settings) as smtp:
        assert isinstance(await smtp.send(mail(content=content), Yes()), Receipt)
        (arrived,) = server.mails
        assert arrived.removesuffix(b"\r\n") == content.removesuffix(b"\r\n")
