"""What providers say, in their documentation's words, and what the rep then reads on the mail."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from franking.core.delivery import Bounds
from franking.core.rules import SENTENCES
from installation import Installation

A = "a@example.com"
MAIL: dict[str, Any] = {"to": A, "message": {"subject": "s", "text": "t"}}

REPLIES = [
    # Gmail: https://support.google.com/a/answer/3726730
    ("rcpt", "550 5.4.5 Daily user sending limit exceeded.", "RETRY", "send_limit"),
    (
        "rcpt",
        "550 5.1.1 The email account that you tried to reach does not exist.",
        "ERROR",
        "recipient_not_found",
    ),
    (
        "rcpt",
        "452 4.2.2 The recipient's inbox is out of storage space.",
        "RETRY",
        "recipient_mailbox_full",
    ),
    (
        "data",
        "550 5.7.26 This mail has been blocked because the sender is unauthenticated.",
        "ERROR",
        "domain_authentication",
    ),
    # It says "rate limited" and means reputation: trying for ever would not help.
    (
        "data",
        "421 4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your"
        " IP address. To protect our users from spam, mail has been temporarily rate limited.",
        "RETRY",
        "blocked_as_spam",
    ),
    ("data", "552 5.3.4 Your message exceeded Google's message size limits.", "ERROR", None),
    # Microsoft 365: https://learn.microsoft.com/exchange/mail-flow-best-practices
    (
        "data",
        "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException;"
        " Failed to process message due to a permanent exception",
        "RETRY",
        "send_limit",
    ),
    (
        "data",
        "550 5.1.90 Your message can't be sent because you've reached your daily limit for"
        " message recipients",
        "RETRY",
        "send_limit",
    ),
    (
        "data",
        "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
        "ERROR",
        "sender_identity",
    ),
    ("mail", "535 5.7.139 Authentication unsuccessful", "ERROR", "mailbox_disconnected"),
    (
        "data",
        "451 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP"
        " reputation.",
        "RETRY",
        "blocked_as_spam",
    ),
    # Postfix with greylisting, and a list of blocked addresses.
    ("rcpt", "451 4.7.1 Greylisting in action, please come back later", "RETRY", None),
    (
        "rcpt",
        "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
        "ERROR",
        "blocked_as_spam",
    ),
]


@pytest_asyncio.fixture
async def it(tmp_path: Path) -> AsyncIterator[Installation]:
    async with Installation(tmp_path, bounds=Bounds(transient_attempts=5)) as installation:
        yield installation


@pytest.mark.parametrize(
    ("where", "reply", "state", "category"), REPLIES, ids=[r[1][:14] for r in REPLIES]
)
async def test_what_a_provider_says_reaches_the_rep_in_plain_words(
    it: Installation, where: str, reply: str, state: str, category: str | None
) -> None:
    if where == "rcpt":
        it.box.rcpt[A] = [reply]
    else:
        (it.box.data if where == "data" else it.box.mail_from).append(reply)
    await it.http.put("/v1/mail/m1", json=MAIL)
    delivery = (await it.reached(state))["delivery"]
    category = category or EXPECTED[reply[:9]]
    assert delivery["category"] == category
    assert reply in delivery["error"]
    assert delivery["message"].startswith(SENTENCES[category].partition("{")[0])
    assert (delivery["waitingFor"] == "send_limit") == (category == "send_limit")
    assert (delivery["nextAttemptTime"] is not None) == (state == "RETRY")
    kinds = [event.kind for event in await it.office.events(0, 9)]
    waits = ["email_Rate_Limited"] if category == "send_limit" else []
    assert kinds == (waits if state == "RETRY" else ["email_Error"])


EXPECTED = {"552 5.3.4": "message_too_large", "451 4.7.1": "recipient_unavailable"}
