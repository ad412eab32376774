"""What codes mean where no words told: enhanced codes (RFC 3463 and its registry), then replies."""

from __future__ import annotations

from franking.core.rules.rule import Rule

IANA = "https://www.iana.org/assignments/smtp-enhanced-status-codes"
_RFC5321 = "https://www.rfc-editor.org/rfc/rfc5321#section-4.2.3"

# Subject and detail, the cause, the category where it is not the cause's own, and what the code
# is registered as. A temporary refusal by policy (X.7.1) is "not now": greylisting or throttling.
_REGISTERED: tuple[tuple[str, str, str | None, str], ...] = (
    ("0.350", "policy_rejected", None, "Exchange Online: anything that the other side said"),
    ("1.0", "recipient_unknown", None, "Other address status"),
    ("1.1", "recipient_unknown", None, "Bad destination mailbox address"),
    ("1.2", "domain_invalid", None, "Bad destination system address"),
    ("1.3", "address_invalid", None, "Bad destination mailbox address syntax"),
    ("1.4", "address_invalid", None, "Destination mailbox address ambiguous"),
    ("1.6", "recipient_unknown", None, "Destination mailbox has moved"),
    ("1.7", "sender_address_refused", None, "Bad sender's mailbox address syntax"),
    ("1.8", "sender_address_refused", None, "Bad sender's system address"),
    ("1.9", "sender_address_refused", None, "Message relayed to non-compliant mailer"),
    ("1.10", "domain_invalid", None, "Recipient address has null MX"),
    ("2.0", "recipient_refused", None, "Other or undefined mailbox status"),
    ("2.1", "recipient_disabled", None, "Mailbox disabled, not accepting messages"),
    ("2.2", "mailbox_full", None, "Mailbox full"),
    ("2.3", "message_too_large", None, "Message length exceeds administrative limit"),
    ("2.4", "recipient_unknown", None, "Mailing list expansion problem"),
    ("3.0", "server_error", None, "Other or undefined mail system status"),
    ("3.1", "server_error", "recipient_unavailable", "Mail system full"),
    ("3.2", "server_error", "recipient_unavailable", "System not accepting network messages"),
    ("3.3", "server_error", None, "System not capable of selected features"),
    ("3.4", "message_too_large", None, "Message too big for system"),
    ("3.5", "server_error", "recipient_unavailable", "System incorrectly configured"),
    ("4.0", "connection_failed", "recipient_unavailable", "Other network or routing status"),
    ("4.1", "connection_failed", "recipient_unavailable", "No answer from host"),
    ("4.2", "connection_failed", "recipient_unavailable", "Bad connection"),
    ("4.3", "connection_failed", "recipient_unavailable", "Directory server failure"),
    ("4.4", "domain_invalid", None, "Unable to route"),
    ("4.5", "recipient_throttled", None, "Mail system congestion"),
    ("4.6", "server_error", "recipient_unavailable", "Routing loop detected"),
    ("4.7", "server_error", "recipient_unavailable", "Delivery time expired"),
    ("5.0", "server_error", None, "Other or undefined protocol status"),
    ("5.1", "server_error", None, "Invalid command"),
    ("5.2", "server_error", None, "Syntax error"),
    ("5.3", "policy_rejected", "message_content", "Too many recipients"),
    ("5.4", "server_error", None, "Invalid command arguments"),
    ("5.5", "server_error", None, "Wrong protocol version"),
    ("5.6", "credentials_rejected", None, "Authentication exchange line is too long"),
    ("6.", "message_malformed", None, "Message content or media status"),
    ("6.7", "address_invalid", None, "Non-ASCII addresses not permitted"),
    ("7.0", "policy_rejected", None, "Other or undefined security status"),
    ("7.1", "policy_rejected", None, "Delivery not authorized, message refused"),
    ("7.2", "recipient_refused", None, "Mailing list expansion prohibited"),
    ("7.3", "policy_rejected", None, "Security conversion required but not possible"),
    ("7.4", "sending_disabled", None, "Security features not supported"),
    ("7.5", "policy_rejected", None, "Cryptographic failure"),
    ("7.7", "policy_rejected", None, "Message integrity failure"),
    ("7.8", "credentials_rejected", None, "Authentication credentials invalid"),
    ("7.9", "credentials_rejected", None, "Authentication mechanism is too weak"),
    ("7.10", "sending_disabled", None, "Encryption needed"),
    ("7.11", "sending_disabled", None, "Encryption required for requested authentication"),
    ("7.12", "credentials_rejected", None, "A password transition is needed"),
    ("7.13", "recipient_disabled", None, "User account disabled"),
    ("7.14", "sending_disabled", None, "Trust relationship required"),
    ("7.17", "recipient_unknown", None, "Mailbox owner has changed"),
    ("7.18", "domain_invalid", None, "Domain owner has changed"),
    ("7.20", "domain_authentication_failed", None, "No passing DKIM signature found"),
    ("7.21", "domain_authentication_failed", None, "No acceptable DKIM signature found"),
    ("7.22", "domain_authentication_failed", None, "No valid author-matched DKIM signature"),
    ("7.23", "domain_authentication_failed", None, "SPF validation failed"),
    ("7.24", "domain_authentication_failed", None, "SPF validation error"),
    ("7.25", "sender_blocked", None, "Reverse DNS validation failed"),
    ("7.26", "domain_authentication_failed", None, "Multiple authentication checks failed"),
    ("7.27", "sender_address_refused", None, "Sender address has null MX"),
    ("7.28", "sender_blocked", None, "Mail flood detected"),
    ("7.29", "domain_authentication_failed", None, "ARC validation failure"),
    ("7.30", "sending_disabled", None, "REQUIRETLS support required"),
)


def _by_enhanced(code: str, cause: str, category: str | None, name: str) -> Rule:
    full = f"5.{code}0" if code.endswith(".") else f"5.{code}"
    return Rule(
        id=f"code.{code.rstrip('.')}",
        layer="code",
        cause=cause,
        category=category,
        enhanced=(code,),
        source=IANA,
        example=f"550 {full} (no words)",
        note=name,
    )


REGISTERED: tuple[Rule, ...] = (
    Rule(
        id="code.4.7.x",
        layer="code",
        cause="recipient_throttled",
        enhanced=("4.7.0", "4.7.1"),
        temporary=True,
        source="https://www.rfc-editor.org/rfc/rfc6647#section-5",
        example="451 4.7.1 (come back)",
    ),
    # "For now" is no verdict on an address: it could not be verified, or is busy.
    Rule(
        id="code.4.1.1",
        layer="code",
        cause="server_error",
        category="recipient_unavailable",
        enhanced=("4.1.1", "4.1.2", "4.2.0", "4.2.1"),
        source="https://www.rfc-editor.org/rfc/rfc3463#section-2",
        example="450 4.2.1 (no words)",
    ),
    *(_by_enhanced(*row) for row in _REGISTERED),
)


def _reply(
    code: int,
    cause: str,
    name: str,
    *,
    stages: tuple[str, ...] = (),
    category: str | None = None,
    source: str = _RFC5321,
) -> Rule:
    given = {"stage": stages[0]} if stages else {}
    return Rule(
        id=f"reply.{code}" + (f".{stages[0]}" if stages else ""),
        layer="reply",
        cause=cause,
        category=category,
        replies=(code,),
        stages=stages,
        source=source,
        example=f"{code} ({name})",
        given=given,
    )


_RFC4954 = "https://www.rfc-editor.org/rfc/rfc4954#section-6"
_RFC7504 = "https://www.rfc-editor.org/rfc/rfc7504"
_HTTP = "https://www.rfc-editor.org/rfc/rfc9110#section-15"
_RFC6585 = "https://www.rfc-editor.org/rfc/rfc6585#section-4"


def _class(first: int, cause: str, stages: tuple[str, ...], category: str | None = None) -> Rule:
    """All replies of a class at a stage, where nothing else was told."""
    return Rule(
        id=f"reply.{first}yz" + (f".{stages[0]}" if stages else ""),
        layer="reply",
        cause=cause,
        category=category,
        replies=(first,),
        stages=stages,
        source="https://www.rfc-editor.org/rfc/rfc5321#section-4.2.1",
        example=f"{first}99 (no words)",
        given={"stage": stages[0]} if stages else {},
    )


# Replies without words and without an enhanced code: what the number, then its class, says.
REPLIES: tuple[Rule, ...] = (
    _reply(421, "server_error", "closing channel"),
    _reply(432, "credentials_rejected", "a transition is needed", source=_RFC4954),
    _reply(450, "server_error", "not taken", category="recipient_unavailable"),
    _reply(452, "server_error", "aborted"),
    _reply(454, "server_error", "not now", category="service_unavailable", source=_RFC4954),
    *(_reply(code, "server_error", "command") for code in (500, 501, 502, 503, 504, 555)),
    *(
        Rule(
            id=f"reply.{code}",
            layer="reply",
            cause="domain_invalid",
            replies=(code,),
            source=_RFC7504,
            example="(no words)",
            given={"reply_code": str(code)},
        )
        for code in (521, 556)
    ),
    _reply(
        523,
        "message_too_large",
        "beyond the limit",
        source="https://www.rfc-editor.org/rfc/rfc1846",
    ),
    *(
        _reply(code, "credentials_rejected", "sign", source=_RFC4954)
        for code in (530, 534, 535, 538)
    ),
    _class(4, "server_error", ("login",), "service_unavailable"),
    _class(5, "credentials_rejected", ("login",)),
    _class(5, "sending_disabled", ("connect", "greeting", "hello")),
    _class(5, "sender_address_refused", ("mail",)),
    _reply(551, "recipient_unknown", "forward"),
    _reply(552, "message_too_large", "aborted", stages=("data",)),
    _reply(552, "mailbox_full", "aborted"),
    _reply(553, "address_invalid", "name"),
    _class(5, "recipient_refused", ("rcpt",)),
    _class(5, "policy_rejected", ("data",)),
    _reply(554, "policy_rejected", "failed"),
    _reply(550, "policy_rejected", "not taken"),
    _class(4, "server_error", ()),
)

# The same for HTTP's codes, where 4xx is final but for a few.
STATUSES: tuple[Rule, ...] = tuple(
    Rule(
        id=f"http.{code}",
        layer="reply",
        cause=cause,
        category=category,
        replies=(code,),
        temporary=temporary,
        source=_RFC6585 if code == 429 else _HTTP,
        example=f"{code} (no words)",
        given={"kind": "http"},
    )
    for code, cause, category, temporary in (
        (401, "credentials_rejected", None, False),
        (402, "sending_disabled", None, False),
        (403, "sending_disabled", None, False),
        (407, "connection_failed", None, True),
        (408, "connection_failed", None, True),
        (413, "message_too_large", None, False),
        (422, "message_malformed", None, False),
        (425, "server_error", "service_unavailable", True),
        (429, "account_rate_limited", None, True),
        (500, "server_error", "service_unavailable", True),
        (502, "server_error", "service_unavailable", True),
        (503, "server_error", "service_unavailable", True),
        (504, "server_error", "service_unavailable", True),
    )
)
