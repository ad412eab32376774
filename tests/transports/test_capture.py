"""The capture mailbox: what each address brings about, and its limits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from franking.transports import capture
from franking.transports.base import Doubt, Receipt, Rejected
from franking.transports.capture import Capture, CapturedMail
from franking.transports.smtp import Smtp
from franking.transports.smtp_settings import SmtpSettings

from .scripted import Yes, mail, sending


@asynccontextmanager
async def captured(keep: int = 1000) -> AsyncIterator[tuple[Capture, Smtp]]:
    server = Capture(keep=keep, slow_seconds=0.01)
    await server.start()
    try:
        async with sending(SmtpSettings(host="127.0.0.1", port=server.port)) as smtp:
            yield server, smtp
    finally:
        await server.stop()


async def test_a_mail_is_kept_as_it_was_sent() -> None:
    content = b"Message-ID: <7@x.org>\r\nSubject: x\r\n\r\n.dots\r\n.\r\n"
    async with captured() as (server, smtp):
        await smtp.send(mail("b@x.org", "c@x.org", content=content), Yes())
        assert server.mails == [
            CapturedMail("a@x.org", ("b@x.org", "c@x.org"), content, "<7@x.org>")
        ]


@pytest.mark.parametrize(
    ("name", "ending", "code", "enhanced"),
    [
        ("full", Rejected, 552, "5.2.2"),
        ("unknown", Rejected, 550, "5.1.1"),
        ("limit", Rejected, 550, "5.4.5"),
        ("greylist", Rejected, 451, "4.7.1"),
        ("once", Rejected, 552, "5.2.2"),
        ("busy", Rejected, 421, "4.3.2"),
        ("spam", Rejected, 554, "5.7.1"),
        ("drop", Doubt, None, None),
    ],
)
async def test_an_address_brings_its_ending(
    name: str, ending: type, code: int | None, enhanced: str | None
) -> None:
    async with captured() as (server, smtp):
        answer = await smtp.send(mail(f"{name}@x.org"), Yes())
        assert isinstance(answer, Rejected | Doubt)
        assert type(answer) is ending
        assert (answer.failure.reply_code, answer.failure.enhanced) == (code, enhanced)
        assert len(server.mails) == (ending is Doubt)
        # And it goes on serving.
        assert isinstance(await smtp.send(mail(), Yes()), Receipt)


async def test_once_is_refused_once_for_each_address() -> None:
    async with captured() as (_, smtp):
        for address in ("once@x.org", "once+a@x.org"):
            assert isinstance(await smtp.send(mail(address), Yes()), Rejected)
            assert isinstance(await smtp.send(mail(address), Yes()), Receipt)


async def test_greylisting_ends_with_the_second_try_and_slow_with_patience() -> None:
    async with captured() as (server, smtp):
        assert isinstance(await smtp.send(mail("greylist@x.org"), Yes()), Rejected)
        assert isinstance(await smtp.send(mail("greylist@x.org"), Yes()), Receipt)
        assert isinstance(await smtp.send(mail("slow@x.org"), Yes()), Receipt)
        assert len(server.mails) == 2


async def test_one_refused_recipient_leaves_the_others() -> None:
    async with captured() as (_, smtp):
        answer = await smtp.send(mail("unknown@x.org", "b@x.org"), Yes())
        assert isinstance(answer, Receipt)
        assert answer.accepted == ("b@x.org",)
        assert [refusal.address for refusal in answer.refused] == ["unknown@x.org"]


async def test_only_the_last_mails_are_kept() -> None:
    async with captured(keep=2) as (server, smtp):
        for n in range(4):
            await smtp.send(mail(f"b{n}@x.org"), Yes())
        assert [kept.recipients for kept in server.mails] == [("b2@x.org",), ("b3@x.org",)]


def test_the_table_names_every_address() -> None:
    told = {line.split("`")[1] for line in (capture.__doc__ or "").splitlines() if "@`" in line}
    refused = {*capture.REFUSED_RECIPIENTS, *capture.REFUSED_MESSAGES, *capture.REFUSED_ONCE}
    assert told == {f"{name}@" for name in (*refused, "slow", "drop")}
