"""What SendGrid finds wrong with a mail, and what the rep then reads."""

from __future__ import annotations

from typing import Any

import pytest

from franking.core.fault import judge
from franking.transports.base import Rejected
from transports.sendgrid.fake import UNVERIFIED, fake_sendgrid
from transports.sendgrid.sending import HELLO, A, B, Gate, mail, sending

CATEGORIES: list[tuple[dict[str, Any], str, str]] = [
    # SendGrid takes no address in UTF-8; whose it is decides who must act.
    ({"to": "jürgen@example.com"}, "(personalizations.0.to.0.email)", "invalid_recipient_address"),
    ({"cc": [B, "jürgen@example.com"]}, "0.cc.1.email)", "invalid_recipient_address"),
    ({"from": "jürgen@example.com"}, "(from.email)", "sender_identity"),
    ({"replyTo": "jürgen@example.com"}, "(reply_to.email)", "message_content"),
    ({"message": {"subject": "", "text": "t"}}, "The subject is required.", "message_content"),
    ({"message": {}}, "the content parameter is required", "message_content"),
    ({"message": {**HELLO, "attachments": [{}]}}, "attachments.0.content", "message_content"),
    ({"headers": {"Received": "x"}}, "reserved keys. (headers.Received)", "message_content"),
    ({"categories": ["a"] * 11}, "a limit of 10 categories", "message_content"),
    ({"sendGrid": {"templateId": "d-9"}}, "valid template id", "message_content"),
    ({"sendGrid": {"ipPoolName": "none"}}, "valid pool name", "message_content"),
    ({"sendGrid": {"mailSettings": {"nonsense": {}}}}, "Bad Request", "message_content"),
]


@pytest.mark.parametrize(
    ("fields", "said", "category"), CATEGORIES, ids=[f"{c[0]}"[:50] for c in CATEGORIES]
)
async def test_each_field_has_somebody_who_must_act(
    fields: dict[str, Any], said: str, category: str
) -> None:
    async with fake_sendgrid() as fake, sending(fake) as client:
        answer = await client.send(mail(**fields), Gate())
        assert isinstance(answer, Rejected)
        assert answer.failure.error == "Error: Bad Request"
        assert said in answer.failure.text
        fault = judge(answer.failure)
        assert (fault.category, fault.temporary, fault.code) == (category, False, "400")
        assert fake.taken == []


async def test_a_sender_that_is_not_verified_is_told_in_sendgrids_words() -> None:
    async with fake_sendgrid() as fake, sending(fake) as client:
        fake.verified = {A}
        answer = await client.send(mail(), Gate())
        assert isinstance(answer, Rejected)
        assert answer.failure.text == f"{UNVERIFIED} (from)"
        assert judge(answer.failure).category == "sender_identity"
