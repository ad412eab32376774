"""What Microsoft 365, Exchange, Outlook.com and Graph answer: words, then whole enhanced codes.

Sources: the list of non-delivery reports in Exchange Online, and Graph's errors.
"""

from __future__ import annotations

from franking.core.rules.rule import Rule

_NDR = (
    "https://learn.microsoft.com/exchange/mail-flow-best-practices/"
    "non-delivery-reports-in-exchange-online/non-delivery-reports-in-exchange-online"
)
_LIMITS = (
    "https://learn.microsoft.com/office365/servicedescriptions/"
    "exchange-online-service-description/exchange-online-limits#sending-limits"
)
_SUBMISSION = (
    "https://learn.microsoft.com/exchange/mail-flow-best-practices/"
    "how-to-set-up-a-multifunction-device-or-application-to-send-email-using-microsoft-365-or-office-365"
)
_OUTLOOK = "https://sendersupport.olc.protection.outlook.com/pm/troubleshooting.aspx"


def _text(
    name: str,
    cause: str,
    literals: str,
    pattern: str | None,
    example: str,
    category: str | None = None,
    temporary: bool | None = None,
    source: str = _NDR,
) -> Rule:
    return Rule(
        id=f"microsoft.{name}",
        layer="provider-text",
        cause=cause,
        category=category,
        literals=tuple(literals.split("|")),
        pattern=pattern,
        providers=("microsoft",),
        temporary=temporary,
        source=source,
        example=example,
        given={"provider": "microsoft"},
    )


def _code(
    code: str,
    cause: str,
    meaning: str,
    category: str | None = None,
    temporary: bool | None = None,
    source: str = _NDR,
) -> Rule:
    whole = code if code[1] == "." and code.count(".") == 2 and code[0] in "45" else f"5.{code}"
    full = f"{whole}0" if whole.endswith(".") else whole
    return Rule(
        id=f"microsoft.{code}",
        layer="provider-code",
        cause=cause,
        category=category,
        enhanced=(code,),
        providers=("microsoft",),
        temporary=temporary,
        source=source,
        example=f"{full[0]}50 {full} ({meaning})",
        given={"provider": "microsoft"},
    )


def _range(name: str, cause: str, stem: str, last: range, source: str) -> Rule:
    return Rule(
        id=f"microsoft.{name}",
        layer="provider-code",
        cause=cause,
        enhanced=tuple(f"{stem}.{n}" for n in last),
        providers=("microsoft",),
        source=source,
        example=f"{stem[0]}50 {stem}.{last[6]} (range)",
        given={"provider": "microsoft"},
    )


_SERVICE = "service_unavailable"
_LATER = "recipient_unavailable"

MICROSOFT_TEXTS: tuple[Rule, ...] = (
    # 554 5.2.0 and 550 5.2.2 are the mailbox's, unless it is the submitting one's quota.
    _text(
        "submission-quota",
        "account_rate_limited",
        "quota|message limit|recipient limit|daily limit|messagelimit",
        "submission ?quota|(?:daily|sending) .{0,30}limit|reached your .{0,30}limit"
        "|message/recipient limit|(?:message|recipient)s? ?limit.{0,20}exceeded",
        "554 5.2.0 SubmissionQuotaExceededException; the sender's submission quota was exceeded",
        temporary=True,
        source=_LIMITS,
    ),
    # 432 4.3.2 comes while submitting (ours) and while delivering (theirs).
    _text(
        "client-submit",
        "account_rate_limited",
        "clientsubmit|sender thread limit|message rate limit",
        "clientsubmit|sender thread limit|message rate limit",
        "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded",
        temporary=True,
        source=_LIMITS,
    ),
    _text(
        "store-deliver",
        "recipient_throttled",
        "storedrv.deliver",
        r"storedrv\.deliver.{0,60}(?:thread|concurren|limit)",
        "432 4.3.2 STOREDRV.Deliver; recipient thread limit exceeded",
        temporary=True,
    ),
    _text(
        "connections",
        "recipient_throttled",
        "concurrent connections|queue quota",
        None,
        "421 4.3.2 Too many concurrent connections per resource forest",
        temporary=True,
    ),
    _text(
        "ip-reputation",
        "sender_blocked",
        "ip reputation",
        None,
        "451 4.7.650 Temporarily rate limited due to IP reputation",
        source=_OUTLOOK,
    ),
    _text(
        "send-as",
        "sender_address_refused",
        "send as|sendas|on behalf",
        None,
        "554 5.2.252 SendAsDenied; not allowed to send as this sender",
    ),
    _text(
        "recipient-not-found",
        "recipient_unknown",
        "recipientnotfound|recipnotfound|recipient not found|mailbox unavailable",
        None,
        "550 5.1.10 RESOLVER.ADR.RecipientNotFound",
    ),
    _text(
        "invalid-address",
        "address_invalid",
        "invalid recipient address|invalidsmtpaddress|invalid address",
        None,
        "5.1.3 STOREDRV.Submit; invalid recipient address",
    ),
    _text(
        "relay",
        "sending_disabled",
        "relay access denied|unable to relay|tenantattribution",
        None,
        "5.7.1 Unable to relay",
    ),
    _text(
        "anonymous",
        "credentials_rejected",
        "client was not authenticated|client not authenticated",
        None,
        "530 5.7.1 Client was not authenticated",
        source=_SUBMISSION,
    ),
    _text(
        "restricted",
        "policy_rejected",
        "resolver.rst|not authorized to send to|senders-only|restricted",
        r"resolver\.rst\.(?:auth|not|rest)|not authorized to send to",
        "550 5.7.1 RESOLVER.RST.NotAuthorized",
    ),
    _text(
        "recipient-size",
        "message_too_large",
        "sizelimit|message size",
        None,
        "550 5.2.3 RESOLVER.RST.RecipSizeLimit",
    ),
    _text(
        "mailbox-full",
        "mailbox_full",
        "mailbox full|mailboxfull|over quota|quotaexceeded|mailbox is full",
        None,
        "554 5.2.2 mailbox full",
    ),
    _text(
        "loop",
        "server_error",
        "hop count|loop",
        "hop count|(?:mail|routing) loop",
        "554 5.4.14 Hop count exceeded",
        _LATER,
        temporary=False,
    ),
    _text(
        "access-denied-address",
        "recipient_unknown",
        "recipient address rejected|recipient addresses rejected",
        "recipient address(?:es)? rejected ?:? access denied",
        "550 5.4.1 Recipient address rejected: Access denied",
    ),
    _text(
        "policy-as345",
        "message_malformed",
        "x-dg-ref|(as345)",
        None,
        "550 5.0.350 The x-dg-ref header is too long",
    ),
    _text(
        "smtp-auth-off",
        "sending_disabled",
        "smtpclientauth|security defaults|is locked|basic authentication is disabled",
        None,
        "535 5.7.139 SmtpClientAuthentication is disabled for the Tenant",
        source=_SUBMISSION,
    ),
    _text(
        "sign-in",
        "credentials_rejected",
        "authentication unsuccessful|not authenticated to send|logon denied|lifetime validation",
        None,
        "535 5.7.3 Authentication unsuccessful",
        source=_SUBMISSION,
    ),
    _text(
        "store-quota",
        "sending_disabled",
        "maximum mailbox size",
        None,
        "Mailbox has exceeded maximum mailbox size",
        source="https://learn.microsoft.com/graph/errors",
    ),
    _text(
        "too-large-request",
        "message_too_large",
        "request length exceeded|request entity",
        None,
        "Maximum request length exceeded",
        source="https://learn.microsoft.com/graph/outlook-large-attachments",
    ),
    _text(
        "account-limited",
        "sending_disabled",
        "exceeded threshold|tenant has exceeded|bad outbound sender|account has been blocked",
        None,
        "550 5.7.705 Access denied, tenant has exceeded threshold",
    ),
    _text(
        "server-busy",
        "server_error",
        "temporary server error|server busy|insufficient system resources"
        "|cannot service this request",
        None,
        "451 4.7.0 Temporary server error. Please try again later",
        _SERVICE,
        temporary=True,
    ),
    _text(
        "customer-block-list",
        "policy_rejected",
        "customer block list",
        None,
        "550 5.7.513 Client host blocked by example.com using Customer Block list",
    ),
    _text(
        "outlook-policy",
        "sender_blocked",
        "rejected by outlook.com|connecting to outlook.com",
        None,
        "550 SC-001 Mail rejected by Outlook.com for policy reasons",
        source=_OUTLOOK,
    ),
    _text(
        "block-list",
        "sender_blocked",
        "our block list|banned sending ip|spamhaus|(s3140)|(s3150)",
        None,
        "550 5.7.1 Part of their network is on our block list (S3140)",
        source=_OUTLOOK,
    ),
)

MICROSOFT_CODES: tuple[Rule, ...] = (
    _code("4.3.1", "server_error", "resources", _SERVICE),
    _code("4.3.2", "server_error", "not now", _SERVICE),
    _code("4.4.7", "server_error", "time is up", _LATER),
    _code("5.4.7", "server_error", "time is up", _LATER),
    _code("4.5.3", "policy_rejected", "recipients", "message_content"),
    _code("4.7.0", "server_error", "not now", _SERVICE),
    _code("4.7.500", "server_error", "busy", _LATER),
    _code("4.7.501", "sender_blocked", "suspected"),
    _code("1.20", "message_malformed", "several authors"),
    _code("1.351", "recipient_unknown", "theirs"),
    _code("1.8", "sending_disabled", "bad outbound", temporary=False),
    _code("1.90", "account_rate_limited", "today", temporary=True, source=_LIMITS),
    _code("2.1", "recipient_disabled", "shut"),
    _code("2.14", "server_error", "forwards", _LATER),
    _code("2.121", "recipient_throttled", "hour", temporary=True),
    _code("2.122", "recipient_throttled", "hour", temporary=True),
    _code("2.252", "sender_address_refused", "as"),
    _code("3.190", "server_error", "journal", _LATER),
    _code("5.4.1", "recipient_unknown", "access"),
    _code("4.4", "domain_invalid", "route"),
    _code("4.6", "server_error", "round", _LATER),
    _code("4.11", "message_malformed", "depth"),
    _code("4.12", "server_error", "round", _LATER),
    _code("4.14", "server_error", "round", _LATER),
    _code("4.20", "server_error", "route", _LATER),
    _code("4.300", "server_error", "time is up", _LATER),
    _code("4.310", "domain_invalid", "none"),
    _code("4.312", "connection_failed", "names", _LATER),
    _code("4.313", "connection_failed", "names", _LATER),
    _code("4.315", "connection_failed", "time", _LATER),
    _code("4.316", "connection_failed", "no", _LATER),
    _code("4.317", "connection_failed", "no", _LATER),
    _code("4.318", "connection_failed", "end", _LATER),
    _code("5.3", "policy_rejected", "recipients", "message_content"),
    _code("5.4", "sender_blocked", "a name"),
    _code("5.6", "message_malformed", "odd"),
    _code("6.", "message_malformed", "odd"),
    _code("5.7.3", "credentials_rejected", "who", source=_SUBMISSION),
    _code("7.12", "policy_rejected", "strangers"),
    _code("7.13", "policy_rejected", "strangers"),
    _code("7.51", "sender_blocked", "connectors"),
    _code("5.7.57", "credentials_rejected", "who", source=_SUBMISSION),
    _code("7.60", "sender_address_refused", "as", source=_SUBMISSION),
    _code("7.64", "sending_disabled", "tenant", source=_SUBMISSION),
    _code("7.124", "policy_rejected", "senders"),
    _code("7.129", "policy_rejected", "senders"),
    _code("7.133", "policy_rejected", "strangers"),
    _code("7.134", "policy_rejected", "strangers"),
    _code("7.135", "policy_rejected", "strangers"),
    _code("7.136", "policy_rejected", "strangers"),
    _code("7.139", "credentials_rejected", "who", source=_SUBMISSION),
    _code("7.193", "policy_rejected", "strangers"),
    _code("7.232", "account_rate_limited", "trial", temporary=True, source=_LIMITS),
    _code("7.233", "account_rate_limited", "tenant", temporary=True, source=_LIMITS),
    *(_code(f"7.{n}", "connection_failed", "secure", _LATER) for n in (321, 322, 323, 324, 325)),
    _code("7.501", "sending_disabled", "abuse"),
    _code("7.502", "sending_disabled", "no sender"),
    _code("7.503", "sending_disabled", "no sender"),
    _code("7.504", "recipient_unknown", "no"),
    _code("7.505", "recipient_refused", "no"),
    _code("7.506", "sender_blocked", "a greeting"),
    _code("7.507", "recipient_refused", "theirs"),
    _code("7.508", "recipient_throttled", "range", temporary=True),
    _code("7.509", "domain_authentication_failed", "proof"),
    _code("7.510", "policy_rejected", "ask"),
    _code("7.511", "sender_blocked", "no"),
    _code("7.512", "message_malformed", "RFC"),
    _code("7.513", "policy_rejected", "no"),
    _code("7.703", "policy_rejected", "blocked here", "rejected_by_recipient"),
    _code("7.705", "sending_disabled", "threshold", temporary=True),
    _code("7.708", "sending_disabled", "address"),
    _code("7.750", "sender_address_refused", "domain"),
    # Ranges of addresses and hosts that are blocked, or slowed for what they send.
    _range("4.7.6xx", "sender_blocked", "4.7", range(600, 900), _OUTLOOK),
    _range("5.7.6xx", "sender_blocked", "5.7", range(600, 650), _NDR),
)
