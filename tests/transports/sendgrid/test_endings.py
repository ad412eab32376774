"""How each mail ends by what SendGrid answers: taken, refused, or nobody knows."""

from __future__ import annotations

import pytest

from franking.compose.envelope import Envelope
from franking.core.fault import judge
from franking.transports.base import Doubt, Receipt, Rejected
from transports.sendgrid.fake import (
    HALF,
    KEY,
    UNAUTHORIZED,
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
    ((404, "not found", {}), "Not Found", "unknown", False, False),
    ((405, "method not allowed", {}), "Method Not Allowed", "unknown", False, False),
    (
        (413, "content too large", {}),
        *("Request Entity Too Large", "message_too_large", False, False),
    ),
    (
        (415, "unsupported media type", {}),
        *("Unsupported Media Type", "unknown", False, False),
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


async def test_an_answers_head_counts_without_its_body() -> None:
    async with fake_sendgrid() as fake, sending(fake) as client:
        fake.troubles = [HALF]
        assert await client.send(mail(), Gate()) == Receipt((A,), (), "status=202", "q")


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


async def test_the_key_is_in_no_text_even_where_it_is_said_back() -> None:
    async with fake_sendgrid() as fake, sending(fake) as client:
        fake.troubles = [(400, f"what is {KEY}?", {})]
        answer = await client.send(mail(), Gate())
        assert KEY not in repr(answer)
        assert "what is ...?" in failure_of(answer).text
        assert KEY not in repr(client)


RESETS: list[tuple[dict[str, str], int | None]] = [
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
