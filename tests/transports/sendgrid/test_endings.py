"""How each mail ends: taken, refused, not sent, or nobody knows."""

from __future__ import annotations

import asyncio
import errno
import socket

import pytest
import trustme

from franking.compose.envelope import Envelope
from franking.core.fault import judge
from franking.transports.base import Doubt, Receipt, Rejected, Withheld
from transports.scripted import until
from transports.sendgrid.fake import (
    GIBBERISH,
    HALF,
    HANG_UP,
    HANG_UP_EARLY,
    KEY,
    SILENCE,
    UNAUTHORIZED,
    Trouble,
    fake_sendgrid,
)
from transports.sendgrid.sending import A, B, Gate, failure_of, mail, sending

LOST = "Error: Connection lost before the server confirmed the message."


async def test_a_mail_is_taken_and_said_to_be() -> None:
    async with fake_sendgrid() as fake, sending(fake) as client:
        answer = await client.send(mail(to=[A, B]), Gate())
        assert answer == Receipt((A, B), (), "status=202", "queue-1")
        [headers] = fake.headers
        assert headers["authorization"] == f"Bearer {KEY}"
        assert headers["content-type"] == "application/json"
        assert "transfer-encoding" not in headers
        assert len(fake.taken) == 1


# What SendGrid says, what `delivery.error` says, and the verdict: category, rate limited, and
# whether it is tried again.
REFUSALS: list[tuple[tuple[int, str | None, dict[str, str]], str, str, bool, bool]] = [
    ((400, "Bad Request", {}), "Bad Request", "message_content", False, False),
    ((401, UNAUTHORIZED, {}), "Unauthorized", "mailbox_disconnected", False, False),
    ((401, "authorization required", {}), "Unauthorized", "mailbox_disconnected", False, False),
    # It looks like bad credentials and is a quota.
    ((401, "Maximum credits exceeded", {}), "Unauthorized", "send_limit", True, True),
    ((403, "access forbidden", {}), "Forbidden", "sending_not_allowed", False, False),
    (
        (403, "You are not authorized to send from that email address", {}),
        *("Forbidden", "sender_identity", False, False),
    ),
    ((404, "not found", {}), "Not Found", "message_content", False, False),
    ((405, "method not allowed", {}), "Method Not Allowed", "message_content", False, False),
    (
        (413, "content too large", {}),
        *("Request Entity Too Large", "message_too_large", False, False),
    ),
    (
        (415, "unsupported media type", {}),
        *("Unsupported Media Type", "message_content", False, False),
    ),
    ((429, "too many requests", {}), "Too Many Requests", "send_limit", True, True),
    ((429, None, {}), "Too Many Requests", "send_limit", True, True),
    ((503, None, {}), "Service Unavailable", "service_unavailable", False, True),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=[f"{r[0][0]} {r[0][1]}" for r in REFUSALS])
async def test_a_refusal_is_certain_and_told_in_sendgrids_words(
    refusal: tuple[tuple[int, str | None, dict[str, str]], str, str, bool, bool],
) -> None:
    said, error, category, limited, again = refusal
    async with fake_sendgrid() as fake, sending(fake) as client:
        fake.troubles = [said]
        answer = await client.send(mail(), Gate())
        assert isinstance(answer, Rejected), answer
        assert answer.failure.error == f"Error: {error}"
        assert (said[1] or str(said[0])) in answer.failure.text
        fault = judge(answer.failure, 1_795_269_900_000)
        assert (fault.category, fault.rate_limited, fault.temporary) == (category, limited, again)
        assert answer.refused == ()


@pytest.mark.parametrize("status", [500, 502, 504, 520, 201, 204, 200])
async def test_an_answer_that_does_not_tell_is_a_doubt(status: int) -> None:
    async with fake_sendgrid() as fake, sending(fake) as client:
        fake.troubles = [(status, None, {})]
        answer = await client.send(mail(), Gate())
        assert isinstance(answer, Doubt)
        assert answer.failure.reply_code == status
        assert answer.failure.error != LOST


async def test_a_sandbox_says_200_and_that_is_what_was_asked() -> None:
    async with fake_sendgrid() as fake, sending(fake) as client:
        asked = {"mailSettings": {"sandboxMode": {"enable": True}}}
        answer = await client.send(mail(sendGrid=asked), Gate())
        assert answer == Receipt((A,), (), "status=200", None)
        assert (fake.tried, fake.taken) == (1, [])


@pytest.mark.parametrize("trouble", [HANG_UP, GIBBERISH, SILENCE])
async def test_no_answer_behind_the_last_octet_is_a_doubt(trouble: Trouble) -> None:
    async with fake_sendgrid() as fake, sending(fake, total_seconds=0.3) as client:
        fake.troubles = [trouble]
        answer = await client.send(mail(), Gate())
        assert isinstance(answer, Doubt)
        assert answer.failure.error == LOST
        assert fake.whole.is_set()


async def test_an_answers_head_counts_without_its_body() -> None:
    async with fake_sendgrid() as fake, sending(fake) as client:
        fake.troubles = [HALF]
        assert await client.send(mail(), Gate()) == Receipt((A,), (), "status=202", "q")


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
        await gate.asked.wait()
        gate.decide(True) if not fake.begun.is_set() else None
        await fake.begun.wait()
        if not gate._decided.done():
            gate.decide(False)
        answer = await sent
        assert isinstance(answer, Rejected | Withheld | Doubt)
        assert fake.taken == []


@pytest.mark.parametrize("status", [401, 500, 502])
async def test_an_answer_before_the_end_is_certain_and_the_end_never_goes(status: int) -> None:
    async with fake_sendgrid() as fake, sending(fake) as client:
        fake.early = (status, "no", {})
        gate = Gate(commit=None)
        sent = asyncio.create_task(client.send(mail(), gate))
        await until(lambda: fake.begun.is_set() and fake.at_once == 0)
        # The answer is on its way, or here; the mail is not settled while the gate is at work.
        assert not sent.done()
        await asyncio.sleep(0)
        await until(lambda: not sent.done() and client._exchange is not None)
        await _answered(client)
        gate.decide(True)
        answer = await sent
        assert isinstance(answer, Rejected)
        assert answer.failure.reply_code == status
        assert gate.looks == 0
        assert not fake.whole.is_set()


async def _answered(client: object) -> None:
    """Let the loop turn until what the server wrote must have been read."""
    for _ in range(200):
        await asyncio.sleep(0)


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


def _contexts(authority: trustme.CA):  # type: ignore[no-untyped-def]
    import ssl

    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return server, client


async def test_what_is_left_of_a_mail_that_went_by_smtp_is_refused() -> None:
    async with fake_sendgrid() as fake, sending(fake) as client:
        left = Envelope("a@x.org", ("b@x.org",), b"Subject: x\r\n\r\nx\r\n", "<1@x.org>")
        answer = await client.send(left, Gate())
        assert isinstance(answer, Rejected)
        assert "composed for SMTP" in answer.failure.error
        assert not judge(answer.failure).temporary
        assert fake.asked == 0


async def test_what_is_larger_than_sendgrid_takes_is_not_sent_at_all() -> None:
    async with fake_sendgrid() as fake, sending(fake) as client:
        files = [{"filename": "a.bin", "content": "x" * (23 * 1024 * 1024)}]
        answer = await client.send(mail(message={"text": "t", "attachments": files}), Gate())
        assert isinstance(answer, Rejected)
        assert judge(answer.failure).category == "message_too_large"
        assert fake.asked == 0


async def test_a_large_mail_goes_whole() -> None:
    async with fake_sendgrid() as fake, sending(fake) as client:
        files = [{"filename": "a.bin", "content": "x" * (8 * 1024 * 1024)}]
        answer = await client.send(mail(message={**_S, "attachments": files}), Gate())
        assert isinstance(answer, Receipt)
        assert len(fake.taken[0]["attachments"][0]["content"]) > 8 * 1024 * 1024


_S = {"subject": "s", "text": "t"}


async def test_no_more_at_once_than_connections_and_they_are_kept() -> None:
    async with fake_sendgrid() as fake, sending(fake, connections=3) as client:
        await client.send(mail(), Gate())
        answers = await asyncio.gather(*[client.send(mail(), Gate()) for _ in range(30)])
        assert all(isinstance(answer, Receipt) for answer in answers)
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


async def test_the_key_is_in_no_text_even_where_it_is_said_back() -> None:
    async with fake_sendgrid() as fake, sending(fake) as client:
        fake.troubles = [(400, f"what is {KEY}?", {})]
        answer = await client.send(mail(), Gate())
        assert KEY not in repr(answer)
        assert "what is ...?" in failure_of(answer).text
        assert KEY not in repr(client)


RESETS = [
    ({"X-RateLimit-Reset": "1795270000"}, 1_795_270_000_000),
    ({"Retry-After": "30"}, 1_795_269_930_000),
    ({"Retry-After": "30", "X-RateLimit-Reset": "1795270000"}, 1_795_269_930_000),
    ({"X-RateLimit-Reset": "soon"}, None),
    ({"X-RateLimit-Reset": "90"}, 1_795_269_990_000),
    # Over already: a minute from now.
    ({"X-RateLimit-Reset": "1392815263"}, 1_795_269_960_000),
]


@pytest.mark.parametrize(("headers", "until_ms"), RESETS, ids=[str(r[0]) for r in RESETS])
async def test_the_end_of_a_rate_limit_is_when_it_goes_on(
    headers: dict[str, str], until_ms: int | None
) -> None:
    async with fake_sendgrid() as fake, sending(fake) as client:
        fake.troubles = [(429, "too many requests", headers)]
        failure = failure_of(await client.send(mail(), Gate()))
        assert judge(failure, 1_795_269_900_000).retry_ms == until_ms


async def test_the_reset_that_every_answer_tells_is_nothing_to_wait_for() -> None:
    async with fake_sendgrid() as fake, sending(fake) as client:
        fake.troubles = [(503, None, {"X-RateLimit-Reset": "1795270000"})]
        failure = failure_of(await client.send(mail(), Gate()))
        assert judge(failure, 1_795_269_900_000).retry_ms is None
