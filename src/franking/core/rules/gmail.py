"""What Gmail and Google Workspace answer: words first, then whole enhanced codes.

Sources: https://support.google.com/a/answer/3726730 (errors and codes) and 166852 (limits).
The names behind `?p=` in Google's links tell the page of the very error, so they are looked at too.
"""

from __future__ import annotations

from franking.core.rules.rule import Rule

_CODES = "https://support.google.com/a/answer/3726730"
_LIMITS = "https://support.google.com/a/answer/166852"
_SENDERS = "https://support.google.com/a/answer/81126"


def _text(
    name: str,
    cause: str,
    literals: str,
    pattern: str | None,
    example: str,
    category: str | None = None,
    temporary: bool | None = None,
    source: str = _CODES,
) -> Rule:
    return Rule(
        id=f"gmail.{name}",
        layer="provider-text",
        cause=cause,
        category=category,
        literals=tuple(literals.split("|")),
        pattern=pattern,
        providers=("gmail",),
        temporary=temporary,
        source=source,
        example=example,
        given={"provider": "gmail"},
    )


def _code(
    code: str,
    cause: str,
    meaning: str,
    category: str | None = None,
    temporary: bool | None = None,
    source: str = _CODES,
) -> Rule:
    full = code if code.count(".") == 2 else f"5.{code}"
    return Rule(
        id=f"gmail.{code}",
        layer="provider-code",
        cause=cause,
        category=category,
        enhanced=(code,),
        providers=("gmail",),
        temporary=temporary,
        source=source,
        example=f"{full[0]}50 {full} ({meaning})",
        given={"provider": "gmail"},
    )


_SERVICE = "service_unavailable"

GMAIL_TEXTS: tuple[Rule, ...] = (
    _text(
        "reputation",
        "sender_blocked",
        "reputation",
        None,
        "550 5.7.1 The very low reputation of the sending domain",
        source=_SENDERS,
    ),
    _text(
        "proof",
        "domain_authentication_failed",
        "dkim|dmarc|spf record|unauthenticated email",
        None,
        "451 4.7.24 The SPF record has suspicious entries",
        source=_SENDERS,
    ),
    # 421 4.7.28 says "rate limited", and is about what people think of the sender.
    _text(
        "unsolicited-rate",
        "sender_blocked",
        "unsolicited",
        "unusual rate of unsolicited|unsolicited(?:ratelimit|message|ip)",
        "421 4.7.28 An unusual rate of unsolicited mail",
        source=_SENDERS,
    ),
    _text(
        "daily-limit",
        "account_rate_limited",
        "sending limit|sending quota|relay limit|relay quota|for sending mail|smtp relay",
        "(?:daily|user|peak|relay|sending).{0,30}(?:limit|quota).{0,40}exceeded"
        "|limit for sending|(?:limit|quota) for sending|reached a limit",
        "550 5.4.5 Daily user sending limit exceeded",
        temporary=True,
        source=_LIMITS,
    ),
    _text(
        "relay-identity",
        "sending_disabled",
        "for relay|relay denied|mail relay",
        None,
        "550 5.7.1 Invalid credentials for relay",
    ),
    _text(
        "sending-denied",
        "sending_disabled",
        "sending denied",
        None,
        "550 5.7.0 Mail Sending denied",
    ),
    _text(
        "receiving-rate",
        "recipient_throttled",
        "receiving mail|receivingrate|rate that prevents",
        "receiving (?:mail )?(?:too quickly|at a rate)|receivingrate|rate that prevents",
        "450 4.2.1 The user is receiving mail too quickly",
        temporary=True,
    ),
    _text(
        "over-quota",
        "mailbox_full",
        "over quota|overquota|out of storage|storage quota",
        None,
        "452 4.2.2 The account is over quota",
    ),
    _text(
        "disabled",
        "recipient_disabled",
        "is disabled|disableduser|inactive",
        "account .{0,60}(?:disabled|inactive)|disableduser",
        "550 5.2.1 The account is disabled (p=DisabledUser)",
    ),
    _text(
        "no-such-user",
        "recipient_unknown",
        "nosuchuser|address not found|does not exist|couldn't be found",
        "nosuchuser|address not found|account .{0,40}does not exist|address couldn't be found",
        "550 5.1.1 p=NoSuchUser",
    ),
    _text(
        "group",
        "recipient_refused",
        "groups.google|google groups|groups posting|group may not exist|the group you tried",
        None,
        "The group you tried to contact may not exist, or you may not post to it",
        source="https://support.google.com/groups/answer/2464926",
    ),
    _text(
        "headers-large",
        "message_too_large",
        "header size|message size|maxsizeerror|size limit",
        None,
        "552 5.3.4 The header size is over the limit",
    ),
    _text(
        "blocked-content",
        "content_rejected",
        "blockedmessage|illegal attachment|security issue|attachment guidelines",
        None,
        "552 5.7.0 p=BlockedMessage",
        "message_content",
    ),
    _text(
        "not-compliant",
        "message_malformed",
        "5322 compliant|rfc 5322|rfc 2822|from: header|malformed|protocol violation"
        "|message exceeded",
        "compliant|(?:missing|no|multiple|duplicate).{0,40}header|malformed"
        "|violation(?!.{0,30}starttls)",
        "550 5.7.1 The message is not RFC 5322 compliant",
    ),
    _text(
        "not-listed",
        "sender_blocked",
        "not in whitelist",
        None,
        "421 4.7.0 IP not in whitelist for RCPT domain",
    ),
    _text(
        "direct",
        "sending_disabled",
        "not authorized to send email directly",
        None,
        "550 5.7.1 The IP is not authorized to send email directly to our servers",
    ),
    _text(
        "tls",
        "sending_disabled",
        "tls required",
        None,
        "421 4.7.0 TLS required for RCPT domain",
    ),
    _text(
        "no-domain",
        "domain_invalid",
        "find the recipient domain|domain name not found",
        None,
        "553 5.1.2 We weren't able to find the recipient domain",
    ),
    _text(
        "policy-size",
        "server_error",
        "policy size per transaction",
        None,
        "452 4.5.3 Domain policy size per transaction exceeded",
        "recipient_unavailable",
    ),
    _text(
        "many-domains",
        "server_error",
        "multiple destination domains",
        None,
        "451 4.3.0 Multiple destination domains per transaction is unsupported",
        _SERVICE,
    ),
    _text(
        "unauthenticated",
        "credentials_rejected",
        "unauthenticated commands|authentication type|identity changes|optional argument",
        None,
        "554 5.7.0 Too Many Unauthenticated commands",
    ),
    _text(
        "email-quota",
        "account_rate_limited",
        "email quota exceeded",
        None,
        "550 5.7.1 Email quota exceeded",
        temporary=True,
        source=_LIMITS,
    ),
    _text(
        "attachments-large",
        "message_too_large",
        "number of attachments|subject size",
        None,
        "552 5.3.4 The number of attachments exceeds the limit",
    ),
    _text(
        "own-rule",
        "policy_rejected",
        "gcdp|email policy",
        None,
        "550 5.7.1 This message violates the email policy - gcdp",
    ),
    _text(
        "domain-policy",
        "policy_rejected",
        "has a policy",
        None,
        "550 5.7.1 The domain you are sending to has a policy that prohibits the mail",
    ),
    _text(
        "suspicious",
        "content_rejected",
        "suspicious|likely unsolicited|unsolicitedmessage",
        "suspicious(?!.{0,60}reputation)|likely unsolicited",
        "550 5.7.1 The message is likely unsolicited mail",
        source=_SENDERS,
    ),
    _text(
        "sign-in",
        "credentials_rejected",
        "badcredentials|webloginrequired|invalidsecondfactor|application-specific|not accepted"
        "|web browser|wantauthentication|authentication required|decode response",
        "badcredentials|weblogin|secondfactor|application-specific|password not accepted"
        "|web browser|wantauth|authentication required|decode response",
        "535 5.7.8 Username and Password not accepted",
    ),
    _text(
        "temporary",
        "server_error",
        "temporary system problem|server busy|temporarily rejected|try again later, closing",
        "temporary system problem|server busy|temporarily rejected",
        "421 4.3.0 Temporary System Problem",
        _SERVICE,
        temporary=True,
    ),
    _text(
        "relay-hello",
        "sender_blocked",
        "closing connection",
        "try again later, closing connection",
        "421 4.7.0 Try again later, closing connection",
        _SERVICE,
    ),
    _text(
        "delegation",
        "sending_disabled",
        "delegation denied|service not enabled",
        None,
        "Delegation denied for the user",
        source="https://developers.google.com/workspace/gmail/api/guides/handle-errors",
    ),
    _text(
        "quota-metric",
        "account_rate_limited",
        "quota exceeded for quota|user-rate limit|limit exceeded",
        None,
        "User-rate limit exceeded. Retry after a while",
        temporary=True,
        source="https://developers.google.com/workspace/gmail/api/guides/handle-errors",
    ),
)

GMAIL_CODES: tuple[Rule, ...] = (
    _code("4.3.0", "server_error", "a system's trouble", _SERVICE),
    _code("4.4.5", "server_error", "congestion", _SERVICE),
    _code("4.4.2", "connection_failed", "time is up"),
    _code("4.7.0", "server_error", "for the moment", _SERVICE),
    _code("7.23", "sender_blocked", "no PTR record", source=_SENDERS),
    _code("7.25", "sender_blocked", "no PTR record", source=_SENDERS),
    _code("7.24", "domain_authentication_failed", "SPF", source=_SENDERS),
    _code("7.26", "domain_authentication_failed", "neither proof", source=_SENDERS),
    _code("7.27", "domain_authentication_failed", "no SPF", source=_SENDERS),
    _code("7.28", "sender_blocked", "too many unwanted", source=_SENDERS),
    _code("7.29", "sending_disabled", "not over TLS", source=_SENDERS),
    _code("7.30", "domain_authentication_failed", "no signature", source=_SENDERS),
    _code("7.31", "domain_authentication_failed", "no policy", source=_SENDERS),
    _code("7.32", "domain_authentication_failed", "no alignment", source=_SENDERS),
    _code("7.40", "domain_authentication_failed", "no policy", source=_SENDERS),
    _code("5.4.5", "account_rate_limited", "today's limit", temporary=True, source=_LIMITS),
    _code("4.5.0", "message_malformed", "against RFC 2821"),
    _code("5.5.1", "server_error", "command", _SERVICE),
    _code("5.3", "policy_rejected", "recipients", "message_content"),
    _code("5.2.1", "recipient_disabled", "off"),
    _code("5.7.0", "sending_disabled", "denied"),
    _code("5.7.9", "credentials_rejected", "sign"),
    _code("5.7.14", "credentials_rejected", "sign"),
)
