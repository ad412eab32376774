"""The verdict on a failure: what was seen, what it means, whether to try again."""

from __future__ import annotations

from typing import Any

import pytest

from franking.core.fault import Failure, doubt, judge, ours
from franking.core.rules import KINDS, MEANINGS, SENTENCES, STEPS

UNPROVED = ("domain_authentication", "domain_authentication_failed")
FINAL, TEMPORARY, LIMIT = (False, False), (True, False), (True, True)


def failure(
    step: Any, code: int | None = None, enhanced: str | None = None, kind: Any = None
) -> Failure:
    return Failure(step, "words", "Error: words", reply_code=code, enhanced=enhanced, kind=kind)


@pytest.mark.parametrize(
    ("seen", "category", "cause", "verdict"),
    [
        # 1. The sender's own limit, final by its code, a limit by its meaning.
        (failure("data", 550, "5.4.5"), "send_limit", "account_rate_limited", LIMIT),
        (failure("mail", 550, "5.1.90"), "send_limit", "account_rate_limited", LIMIT),
        # 2. The enhanced code's subject and detail; its class only says whether it is temporary.
        (failure("rcpt", 550, "5.1.1"), "recipient_not_found", "recipient_unknown", FINAL),
        (failure("rcpt", 450, "4.1.1"), "recipient_not_found", "recipient_unknown", TEMPORARY),
        (failure("rcpt", 452, "4.2.2"), "recipient_mailbox_full", "mailbox_full", TEMPORARY),
        (failure("rcpt", 552, "5.2.2"), "recipient_mailbox_full", "mailbox_full", FINAL),
        (failure("data", 550, "5.7.26"), *UNPROVED, FINAL),
        # Gmail's 421 4.7.26 says "rate limited" and is about authentication (ERRORS.md, traps).
        (failure("data", 421, "4.7.26"), *UNPROVED, TEMPORARY),
        (failure("login", 535, "5.7.8"), "mailbox_disconnected", "credentials_rejected", FINAL),
        (failure("data", 451, "4.4.5"), "recipient_unavailable", "recipient_throttled", TEMPORARY),
        # 3. The class of the reply code, by the step; an unknown enhanced code says nothing.
        (failure("rcpt", 550), "rejected_by_recipient", "recipient_refused", FINAL),
        (failure("rcpt", 450), "recipient_unavailable", "server_error", TEMPORARY),
        (failure("rcpt", 550, "5.9.9"), "rejected_by_recipient", "recipient_refused", FINAL),
        (failure("mail", 553), "sender_identity", "sender_address_refused", FINAL),
        (failure("login", 535), "mailbox_disconnected", "credentials_rejected", FINAL),
        (failure("login", 454), "service_unavailable", "server_error", TEMPORARY),
        (failure("data", 554), "rejected_by_recipient", "policy_rejected", FINAL),
        (failure("data", 421), "service_unavailable", "server_error", TEMPORARY),
        (failure("greeting", 554), "unknown", "unknown", FINAL),
        (failure("greeting", 450), "service_unavailable", "server_error", TEMPORARY),
        (failure("data", 354), "rejected_by_recipient", "policy_rejected", FINAL),  # makes no sense
        # 4. The network's errors: nothing was refused.
        *(
            (failure("connect", kind=kind), "service_unavailable", "connection_failed", TEMPORARY)
            for kind in ("timeout", "dns", "refused", "closed", "network", "tls")
        ),
        (failure("hello", kind="protocol"), "service_unavailable", "server_error", TEMPORARY),
        (failure("login", kind="oauth"), "mailbox_disconnected", "credentials_rejected", FINAL),
        (failure("compose"), "message_content", "message_malformed", FINAL),
        # What none of these knows.
        (failure("connect"), "unknown", "unknown", FINAL),
    ],
)  # fmt: skip
def test_a_failure_is_judged_by_what_is_most_specific(
    seen: Failure, category: str, cause: str, verdict: tuple[bool, bool]
) -> None:
    fault = judge(seen)
    assert (fault.category, fault.cause) == (category, cause)
    assert (fault.temporary, fault.rate_limited) == verdict


@pytest.mark.parametrize(
    ("code", "enhanced", "told"),
    [(550, "5.1.1", "550 5.1.1"), (450, None, "450"), (None, None, None), (None, "5.1.1", None)],
)
def test_the_code_is_the_most_specific_one(
    code: int | None, enhanced: str | None, told: str | None
) -> None:
    assert judge(failure("rcpt", code, enhanced)).code == told


def test_the_peers_words_stay_verbatim_beside_the_verdict() -> None:
    fault = judge(Failure("rcpt", "550 a\n550 b", "Error: c", reply_code=550))
    assert (fault.text, fault.error) == ("550 a\n550 b", "Error: c")


def test_every_category_has_a_sentence_that_fits_the_crm() -> None:
    named = {category for category, _ in [*MEANINGS.values(), *KINDS.values()]}
    named |= {category for both in STEPS.values() for category, _ in both}
    assert named <= SENTENCES.keys()
    assert max(map(len, SENTENCES.values())) <= 255


def test_doubt_and_our_own_refusals_are_never_tried_again() -> None:
    for fault in (doubt("Error: lost"), ours("Error: no")):
        assert (fault.temporary, fault.rate_limited, fault.code) == (False, False, None)
