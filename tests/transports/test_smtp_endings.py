"""How each mail ends when servers hang up, fall silent, refuse or talk nonsense."""

from __future__ import annotations

import asyncio
import errno

import msgspec
import pytest

from franking.core.fault import Failure
from franking.transports.base import Answer, Doubt, Receipt, Rejected, Withheld
from franking.transports.smtp_settings import SmtpSettings, Timeouts

from .scripted import CONTENT, HANG_UP, SILENCE, Yes, mail, scripted, sending, until

BRIEF = Timeouts(
    connect=0.05,
    greeting=0.05,
    command=0.05,
    data_initiation=0.05,
    data_block=0.05,
    answer=0.05,
    quit=0.05,
)
LOST = "Error: Connection closed unexpectedly"
DOUBT = "Error: Connection lost before the server confirmed the message."


def failure_of(answer: Answer) -> Failure:
    assert isinstance(answer, Rejected | Doubt), answer
    return answer.failure


async def test_a_mail_arrives_as_it_was_and_is_said_to() -> None:
    async with scripted() as server, sending(server.settings) as smtp:
        answer = await smtp.send(mail("b@x.org", "c@x.org"), Yes())
        assert answer == Receipt(("b@x.org", "c@x.org"), (), "250 2.0.0 taken")
        assert server.mails == [CONTENT]


@pytest.mark.parametrize("ehlo", ["250-mx\r\n250 PIPELINING", "250 mx"])
@pytest.mark.parametrize(
    ("verb", "step", "ending"),
    [
        ("GREETING", "greeting", Rejected),
        ("EHLO", "hello", Rejected),
        ("MAIL", "mail", Rejected),
        ("RCPT", "rcpt", Rejected),
        ("DATA", "data", Rejected),
        ("DOT", "data", Doubt),
    ],
)
async def test_a_server_hangs_up(ehlo: str, verb: str, step: str, ending: type) -> None:
    async with (
        scripted(**{"EHLO": ehlo, verb: HANG_UP}) as server,
        sending(server.settings) as smtp,
    ):
        answer = await smtp.send(mail(), Yes())
        failure = failure_of(answer)
        assert type(answer) is ending
        # How it hung up decides between the two, and so does what it left unread.
        if ending is Rejected:
            assert failure.error in (LOST, "Error: read ECONNRESET")
        else:
            assert failure.error == DOUBT
        assert failure.kind == "closed"
        assert failure.step in (step, "mail")
        assert server.connections == 1


@pytest.mark.parametrize(
    ("verb", "error", "ending"),
    [
        ("GREETING", "Error: Greeting never received", Rejected),
        ("EHLO", "Error: Timeout", Rejected),
        ("MAIL", "Error: Timeout", Rejected),
        ("RCPT", "Error: Timeout", Rejected),
        ("DATA", "Error: Timeout", Rejected),
        ("DOT", DOUBT, Doubt),
    ],
)
async def test_a_server_falls_silent(verb: str, error: str, ending: type) -> None:
    async with (
        scripted(**{"EHLO": "250 mx", verb: SILENCE}) as server,
        sending(server.settings, timeouts=BRIEF) as smtp,
    ):
        answer = await smtp.send(mail(), Yes())
        assert type(answer) is ending
        assert failure_of(answer).error == error
        assert failure_of(answer).kind == "timeout"


@pytest.mark.parametrize("verb", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "DOT"])
@pytest.mark.parametrize(
    "nonsense",
    [
        "250 " + "x" * 10_000_000,
        "\r\n".join(["250-x"] * 10_000),
        "<html>",
        "\x00\x1b[2J",
        "250-a\r\n550 b",
    ],
    ids=["endless line", "endless reply", "another protocol", "controls", "two codes"],
)
async def test_a_server_talks_nonsense(verb: str, nonsense: str) -> None:
    async with scripted(**{verb: nonsense}) as server, sending(server.settings) as smtp:
        answer = await smtp.send(mail(), Yes())
        failure = failure_of(answer)
        assert isinstance(answer, Doubt if verb == "DOT" else Rejected)
        assert failure.kind == "protocol"
        assert len(failure.text) < 500
        assert failure.text.isprintable()


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        (
            {"RCPT": "550 550 nope"},
            "Can't send mail - all recipients were rejected: 550 550 nope",
        ),
        ({"MAIL": "553 not you"}, "Mail command failed: 553 not you"),
        ({"DATA": "451 later"}, "Data command failed: 451 later"),
        ({"DOT": "554 data refused"}, "Message failed: 554 data refused"),
        ({"DOT": "421 data refused"}, "Message failed: 421 data refused"),
        ({"CONTENT": "552 too much"}, "Message failed: 552 too much"),
        (
            {"EHLO": "250-mx\r\n250 SIZE 5"},
            "Message size larger than allowed 5",
        ),
    ],
)
async def test_a_server_refuses(answers: dict[str, str], error: str) -> None:
    async with scripted(**answers) as server, sending(server.settings) as smtp:
        answer = await smtp.send(mail(), Yes())
        assert isinstance(answer, Rejected)
        assert answer.failure.error == f"Error: {error}"


async def test_a_refusal_is_verbatim_with_its_codes() -> None:
    words = "550-5.1.1 foo\r\n550 5.1.1 bar"
    async with scripted(RCPT=words) as server, sending(server.settings) as smtp:
        failure = failure_of(await smtp.send(mail(), Yes()))
        assert failure.text == "550-5.1.1 foo\n550 5.1.1 bar"
        assert (failure.step, failure.reply_code, failure.enhanced) == ("rcpt", 550, "5.1.1")


async def test_nobody_listens() -> None:
    async with sending(SmtpSettings(host="127.0.0.1", port=1)) as smtp:
        failure = failure_of(await smtp.send(mail(), Yes()))
        assert failure.error == "Error: connect ECONNREFUSED 127.0.0.1:1"
        assert (failure.step, failure.kind) == ("connect", "refused")


async def test_a_name_has_no_address() -> None:
    async with sending(SmtpSettings(host="nowhere.invalid", port=25)) as smtp:
        failure = failure_of(await smtp.send(mail(), Yes()))
        assert failure.error == "Error: getaddrinfo ENOTFOUND nowhere.invalid"
        assert (failure.step, failure.kind) == ("connect", "dns")


# The gate.


class Shut(Yes):
    async def transmitting(self) -> bool:
        return False


class Lost(Yes):
    def held(self) -> bool:
        return False


class Broken(Yes):
    async def transmitting(self) -> bool:
        raise OSError(errno.ENOSPC, "disk full")


@pytest.mark.parametrize("gate", [Shut(), Lost()])
async def test_a_shut_gate_means_that_no_dot_goes_out(gate: Yes) -> None:
    async with scripted() as server, sending(server.settings) as smtp:
        assert await smtp.send(mail(), gate) == Withheld()
        await until(lambda: server.cut_off == 1)
        assert server.mails == []
        assert "DOT" not in server.heard


async def test_what_the_gate_raises_is_raised_and_no_dot_goes_out() -> None:
    async with scripted() as server, sending(server.settings) as smtp:
        with pytest.raises(OSError, match="disk full"):
            await smtp.send(mail(), Broken())
        await until(lambda: server.cut_off == 1)


async def test_the_gate_is_asked_only_when_the_content_begins() -> None:
    gate = Yes()
    async with scripted(DATA="451 later") as server, sending(server.settings) as smtp:
        await smtp.send(mail(), gate)
        assert gate.asked == 0


class Slow(Yes):
    """A gate whose commit the test ends."""

    def __init__(self) -> None:
        super().__init__()
        self.commit: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def transmitting(self) -> bool:
        self.asked += 1
        return await self.commit


async def test_the_content_flows_while_the_gate_commits_and_the_dot_does_not() -> None:
    gate = Slow()
    async with scripted() as server, sending(server.settings) as smtp:
        sent = asyncio.create_task(smtp.send(mail(), gate))
        await until(lambda: "CONTENT" in server.heard and gate.asked == 1)
        assert "DOT" not in server.heard
        gate.commit.set_result(True)
        assert isinstance(await sent, Receipt)


async def test_an_ending_waits_for_the_gates_commit() -> None:
    gate = Slow()
    async with scripted(CONTENT_1=HANG_UP) as server, sending(server.settings) as smtp:
        sent = asyncio.create_task(smtp.send(mail(), gate))
        await until(lambda: gate.asked == 1 and not server.open)
        # A mail's whole way later, the loss of the first connection has long been seen.
        assert isinstance(await smtp.send(mail(), Yes()), Receipt)
        assert not sent.done()
        gate.commit.set_result(True)
        assert isinstance(await sent, Rejected)


@pytest.mark.parametrize(
    "envelope",
    [mail("b@x.org\r\nRSET"), mail(content=b"a\nb\r\n"), mail(content=b"a\r\n.\rb\r\n")],
    ids=["address", "bare LF", "bare CR"],
)
async def test_a_broken_envelope_raises_and_nothing_of_it_is_sent(
    envelope: msgspec.Struct,
) -> None:
    async with scripted() as server, sending(server.settings, connections=1) as smtp:
        with pytest.raises(ValueError):
            await smtp.send(envelope, Yes())  # type: ignore[arg-type]
        assert isinstance(await smtp.send(mail(), Yes()), Receipt)
        assert server.mails == [CONTENT]
        assert "RSET" not in server.heard
