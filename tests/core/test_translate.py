"""What a peer's words come to: the traps, the stages, and facts that come in pieces."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from franking.core.facts import joined
from franking.core.fault import Failure, judge, translate

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

Given = dict[str, Any]

TRAPS: list[tuple[str, Given, str, bool, bool]] = [
    # "Rate limited" in the words, but it is authentication or reputation: no wait would help.
    (
        "421 4.7.23 no PTR record; temporarily rate limited",
        {"provider": "gmail"},
        "sender_blocked",
        False,
        True,
    ),
    (
        "421 4.7.26 rate limited: neither SPF nor DKIM",
        {"provider": "gmail"},
        "domain_authentication_failed",
        False,
        True,
    ),
    (
        "421 4.7.27 rate limited because SPF didn't pass",
        {"provider": "gmail"},
        "domain_authentication_failed",
        False,
        True,
    ),
    (
        "421 4.7.28 an unusual rate of unsolicited mail; rate limited",
        {"provider": "gmail"},
        "sender_blocked",
        False,
        True,
    ),
    (
        "421 4.7.30 rate limited because DKIM didn't pass",
        {"provider": "gmail"},
        "domain_authentication_failed",
        False,
        True,
    ),
    (
        "421 4.7.32 rate limited: no DMARC alignment",
        {"provider": "gmail"},
        "domain_authentication_failed",
        False,
        True,
    ),
    (
        "451 4.7.650 temporarily rate limited due to IP reputation",
        {"provider": "microsoft"},
        "sender_blocked",
        False,
        True,
    ),
    # Final by their code, and rate limits all the same.
    ("550 5.4.5 (no words)", {"provider": "gmail"}, "account_rate_limited", True, True),
    ("550 5.4.5 Daily user sending limit exceeded", {}, "account_rate_limited", True, True),
    ("550 5.1.90 (no words)", {"provider": "microsoft"}, "account_rate_limited", True, True),
    (
        "550 5.2.2 Submission quota exceeded",
        {"provider": "microsoft"},
        "account_rate_limited",
        True,
        True,
    ),
    (
        "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException",
        {},
        "account_rate_limited",
        True,
        True,
    ),
    # One code, two meanings.
    ("552 5.2.2 mailbox full", {"provider": "microsoft"}, "mailbox_full", False, False),
    ("452 4.5.3 Too many recipients", {}, "policy_rejected", False, True),
    ("452 4.5.3 You have reached your daily sending limit", {}, "account_rate_limited", True, True),
    (
        "450 4.2.1 The user is receiving mail too quickly",
        {"provider": "gmail"},
        "recipient_throttled",
        False,
        True,
    ),
    (
        "450 4.2.1 Peak SMTP relay limit exceeded",
        {"provider": "gmail"},
        "account_rate_limited",
        True,
        True,
    ),
    (
        "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded",
        {},
        "account_rate_limited",
        True,
        True,
    ),
    (
        "432 4.3.2 STOREDRV.Deliver; recipient thread limit exceeded",
        {},
        "recipient_throttled",
        False,
        True,
    ),
    ("550 5.7.1 Unable to relay", {"provider": "microsoft"}, "sending_disabled", False, False),
    (
        "550 5.7.1 The message is likely unsolicited mail",
        {"provider": "gmail"},
        "content_rejected",
        False,
        False,
    ),
    ("550 5.7.1 (no words)", {}, "policy_rejected", False, False),
    # What looks like bad credentials and is a quota, and the other way round.
    (
        "451 Authentication failed: Maximum credits exceeded",
        {"provider": "sendgrid"},
        "account_rate_limited",
        True,
        True,
    ),
    (
        "401 Maximum credits exceeded",
        {"provider": "sendgrid", "kind": "http"},
        "account_rate_limited",
        True,
        True,
    ),
    (
        "ErrorQuotaExceeded: the mailbox is over its size",
        {"reply_code": "507", "provider": "microsoft-graph"},
        "sending_disabled",
        False,
        False,
    ),
    # The recipient's own limits pass by themselves, and are no Rate Limited.
    (
        "554 5.2.121 The sender has sent too many to this recipient",
        {"provider": "microsoft"},
        "recipient_throttled",
        False,
        True,
    ),
    (
        "554 5.2.122 The recipient has exceeded their limit",
        {"provider": "microsoft"},
        "recipient_throttled",
        False,
        True,
    ),
    ("450 4.7.1 Greylisted for five minutes", {}, "recipient_throttled", False, True),
    # 403 is final in HTTP, though it begins with a 4.
    ("Forbidden", {"reply_code": 403, "kind": "http"}, "sending_disabled", False, False),
    ("(no words)", {"reply_code": 429, "kind": "http"}, "account_rate_limited", True, True),
    ("(no words)", {"reply_code": 503, "kind": "http"}, "server_error", False, True),
]


@pytest.mark.parametrize(("text", "given", "cause", "limited", "temporary"), TRAPS)
def test_a_trap(text: str, given: Given, cause: str, limited: bool, temporary: bool) -> None:
    fault = translate(text, **given)
    assert (fault.cause, fault.rate_limited, fault.temporary) == (cause, limited, temporary)
    assert fault.rate_limited == (fault.category == "send_limit")


# What our own transports report (transports/smtp_failures, transports/oauth): step and kind.
FAILURES: list[tuple[Failure, str, str, bool]] = [
    (
        Failure("connect", "connect ECONNREFUSED 192.0.2.1:587", "", kind="refused"),
        "service_unavailable",
        "connection_failed",
        True,
    ),
    (
        Failure("connect", "getaddrinfo ENOTFOUND smtp.example.com", "", kind="dns"),
        "service_unavailable",
        "connection_failed",
        True,
    ),
    (
        Failure("connect", "Connection timeout", "", kind="timeout"),
        "service_unavailable",
        "connection_failed",
        True,
    ),
    (
        Failure("greeting", "Greeting never received", "", kind="timeout"),
        "service_unavailable",
        "connection_failed",
        True,
    ),
    (
        Failure("rcpt", "read ECONNRESET", "", kind="closed"),
        "service_unavailable",
        "connection_failed",
        True,
    ),
    (
        Failure("mail", "Connection closed unexpectedly", "", kind="closed"),
        "service_unavailable",
        "connection_failed",
        True,
    ),
    (
        Failure("tls", "certificate has expired", "", kind="tls"),
        "service_unavailable",
        "connection_failed",
        False,
    ),
    (
        Failure("tls", "WRONG_VERSION_NUMBER", "", kind="tls"),
        "service_unavailable",
        "connection_failed",
        True,
    ),
    (
        Failure("hello", "not an SMTP reply: <html>", "", kind="protocol"),
        "service_unavailable",
        "server_error",
        True,
    ),
    (
        Failure("login", "invalid_grant: Token has been revoked.", "", kind="oauth"),
        "mailbox_disconnected",
        "credentials_rejected",
        False,
    ),
    (
        Failure("login", "the token server answered 400 without a token", "", kind="oauth"),
        "mailbox_disconnected",
        "credentials_rejected",
        False,
    ),
    (
        Failure("login", "the token server answered 503 without a token", "", kind="oauth"),
        "service_unavailable",
        "connection_failed",
        True,
    ),
    (
        Failure("login", "the token server did not answer in time", "", kind="oauth"),
        "service_unavailable",
        "connection_failed",
        True,
    ),
    (
        Failure(
            "login", "the token server could not be reached: ClientConnectorError", "", kind="oauth"
        ),
        "service_unavailable",
        "connection_failed",
        True,
    ),
    (
        Failure("login", "535 no", "", reply_code=535),
        "mailbox_disconnected",
        "credentials_rejected",
        False,
    ),
    (Failure("login", "454 no", "", reply_code=454), "service_unavailable", "server_error", True),
    (
        Failure("greeting", "554 no", "", reply_code=554),
        "sending_not_allowed",
        "sending_disabled",
        False,
    ),
    (
        Failure("greeting", "421 no", "", reply_code=421),
        "service_unavailable",
        "server_error",
        True,
    ),
    (
        Failure("mail", "421 4.7.0 Too many concurrent connections", "", reply_code=421),
        "send_limit",
        "account_rate_limited",
        True,
    ),
    (
        Failure("mail", "553 no", "", reply_code=553),
        "sender_identity",
        "sender_address_refused",
        False,
    ),
    (
        Failure(
            "mail", "552 5.3.4 Message size 9 exceeds the server's limit of 5", "", enhanced="5.3.4"
        ),
        "message_too_large",
        "message_too_large",
        False,
    ),
    (
        Failure(
            "mail",
            "553 5.6.7 The server takes no internationalized addresses (no SMTPUTF8)",
            "",
            enhanced="5.6.7",
        ),
        "invalid_recipient_address",
        "address_invalid",
        False,
    ),
    (
        Failure("rcpt", "550 no", "", reply_code=550),
        "rejected_by_recipient",
        "recipient_refused",
        False,
    ),
    (Failure("rcpt", "451 no", "", reply_code=451), "recipient_unavailable", "server_error", True),
    (
        Failure("rcpt", "450 4.2.0 no", "", reply_code=450),
        "recipient_unavailable",
        "server_error",
        True,
    ),
    (
        Failure("data", "552 no", "", reply_code=552),
        "message_too_large",
        "message_too_large",
        False,
    ),
    (
        Failure("data", "554 no", "", reply_code=554),
        "rejected_by_recipient",
        "policy_rejected",
        False,
    ),
    (Failure("compose", "no template welcome", ""), "message_content", "message_malformed", False),
    (Failure("data", "what nobody knows", ""), "unknown", "unknown", False),
]


@pytest.mark.parametrize(("failure", "category", "cause", "temporary"), FAILURES)
def test_what_the_transports_report(
    failure: Failure, category: str, cause: str, temporary: bool
) -> None:
    fault = judge(failure)
    assert (fault.category, fault.cause, fault.temporary) == (category, cause, temporary)


def test_the_words_stay_verbatim_and_the_error_is_the_transports() -> None:
    failure = Failure("rcpt", "550-5.1.1 a\n550 5.1.1 b", "Error: x", 550, "5.1.1")
    fault = judge(failure, now=0)
    assert (fault.text, fault.error, fault.code) == (failure.text, "Error: x", "550 5.1.1")


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("550-5.1.1 a\n550 5.1.1 b", "550-5.1.1 a b"),
        ("550-5.1.1 a\r\n550-5.1.1 b\r\n550 5.1.1 c", "550-5.1.1 a b c"),
        ("550-a\n550 b", "550-a b"),
        ("550 see https://example.com/550-5 now", "550 see https://example.com/550-5 now"),
        ("no code", "no code"),
    ],
)
def test_a_reply_of_several_lines_is_one(text: str, whole: str) -> None:
    assert joined(text) == whole


@pytest.mark.parametrize(
    ("text", "given", "code"),
    [
        ("550 5.1.1 no", {}, "550 5.1.1"),
        (
            "host mx.example.com[192.0.2.1] said: 550 5.1.1 no (in reply to RCPT TO)",
            {},
            "550 5.1.1",
        ),
        ("sorry (#5.1.1)", {}, "5.1.1"),
        ("5.1.1 no", {"reply_code": 550}, "550 5.1.1"),
        ("550 5.1.1 no", {"reply_code": "550", "enhanced": "5.0.0"}, "550 5.1.1"),
        ("550 5.1.1 no", {"enhanced": "5.2.2"}, "550 5.2.2"),
        ("from 5.1.1.7 or 4.7.1.x", {}, None),
        ("no such thing in 450 bytes", {}, None),
        ("ErrorSendAsDenied: no", {"kind": "http", "reply_code": 403}, "ErrorSendAsDenied"),
        (
            '{"error":{"errors":[{"reason":"rateLimitExceeded"}]}}',
            {"reply_code": 429},
            "rateLimitExceeded",
        ),
    ],
)
def test_codes_are_read_from_the_words(text: str, given: Given, code: str | None) -> None:
    assert translate(text, **given).code == code


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("550 5.2.1 (no words) a1-2.3 - gsmtp", "gmail.5.2.1"),
        ("host x.mail.protection.outlook.com[192.0.2.1] said: 550 5.7.64 no", "microsoft.7.64"),
        (
            "421 4.7.0 [TSS04] deferred; see https://postmaster.yahooinc.com/error-codes",
            "yahoo.deferred",
        ),
    ],
)
def test_the_provider_is_guessed_from_the_words(text: str, rule: str) -> None:
    assert translate(text).rule == rule
    assert translate(text, provider="postfix").rule == rule


def test_the_stage_is_read_from_the_words() -> None:
    late = translate("host mx.example.com[192.0.2.1] said: 451 (in reply to end of DATA command)")
    assert (late.category, late.cause) == ("recipient_unavailable", "server_error")
    assert translate("451 (no words)").category == "service_unavailable"


def test_letters_of_an_address_are_no_words() -> None:
    for address in ("spam@full.example", "user.unknown@virus.example", "quota.exceeded@x.example"):
        assert translate(f"550 <{address}> (nothing told)").rule == "reply.550"


def test_what_nobody_knows_is_unknown() -> None:
    fault = translate("the cat sat on the mat", now=NOON)
    assert (fault.category, fault.rule, fault.confidence) == ("unknown", "unknown", 0.0)
    assert (fault.temporary, fault.retry_at) == (False, None)


def test_the_more_is_known_the_surer() -> None:
    sure = [
        translate("x", reply_code=429, kind="http").confidence,
        translate("550 5.1.1 x").confidence,
        translate("550 no such user").confidence,
        translate("invalid_grant", kind="oauth").confidence,
    ]
    assert sure == sorted(sure)
