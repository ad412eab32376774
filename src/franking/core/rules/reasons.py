"""Reasons that providers' APIs and token servers give: an identifier, sometimes with words.

An identifier is looked up as it stands; where it means several things, the words decide, and the
entry without a pattern is last. Families are for the long lists of one provider whose names say
what they mean.
"""

from __future__ import annotations

from franking.core.rules.rule import PASSING, Rule

_GMAIL = "https://developers.google.com/workspace/gmail/api/guides/handle-errors"
_GRAPH = "https://learn.microsoft.com/graph/errors"
_EWS = "https://learn.microsoft.com/exchange/client-developer/web-service-reference/responsecode"
_OAUTH = "https://www.rfc-editor.org/rfc/rfc6749#section-5.2"
_ENTRA = "https://learn.microsoft.com/entra/identity-platform/reference-error-codes"
_SES = "https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html"
_AWS = "https://docs.aws.amazon.com/ses/latest/APIReference-V2/CommonErrors.html"
_POSTMARK = "https://postmarkapp.com/developer/api/overview#error-codes"
_SMTP_SES = "https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-smtp.html"


def _reason(
    name: str,
    cause: str,
    source: str,
    *,
    words: str | None = None,
    say: str = "",
    category: str | None = None,
) -> Rule:
    """`say` is what the example says, where `words` must be found."""
    return Rule(
        id=f"api.{name}" + (f".{cause}" if words else ""),
        layer="api",
        cause=cause,
        category=_SERVICE if cause == "server_error" else category,
        literals=(name.lower(),),
        pattern=words,
        temporary=cause in PASSING,
        source=source,
        example=f"{name}: {say}" if say else name,
        given={"kind": "http"},
    )


def _many(cause: str, source: str, *names: str) -> tuple[Rule, ...]:
    return tuple(_reason(name, cause, source) for name in names)


_SERVICE = "service_unavailable"

REASONS: tuple[Rule, ...] = (
    # Gmail and Google's APIs: https://developers.google.com/workspace/gmail/api/guides/handle-errors
    *_many(
        *("account_rate_limited", _GMAIL, "dailyLimitExceeded", "userRateLimitExceeded"),
        *("rateLimitExceeded", "quotaExceeded", "concurrentLimitExceeded", "RESOURCE_EXHAUSTED"),
        *("limitExceeded", "variableTermLimitExceeded", "servingLimitExceeded"),
    ),
    *_many("server_error", _GMAIL, "backendError", "internalError"),
    *_many("server_error", _GMAIL, "transientError"),
    *_many("credentials_rejected", _GMAIL, "authError", "UNAUTHENTICATED", "expiredToken"),
    *_many("credentials_rejected", _GMAIL, "insufficientPermissions", "ACCESS_TOKEN_EXPIRED"),
    *_many("credentials_rejected", _GMAIL, "ACCESS_TOKEN_SCOPE_INSUFFICIENT"),
    *_many("sending_disabled", _GMAIL, "domainPolicy", "accessNotConfigured", "PERMISSION_DENIED"),
    *_many("sending_disabled", _GMAIL, "mailServiceNotEnabled", "accountDisabled"),
    *_many("message_too_large", _GMAIL, "uploadTooLarge", "requestTooLarge"),
    _reason(
        *("failedPrecondition", "sending_disabled", _GMAIL),
        *(),
        words=r"not enabled|precondition",
        say="Mail service not enabled",
    ),
    _reason(
        "invalidArgument",
        "address_invalid",
        _GMAIL,
        words=r"invalid (?:to|cc|bcc)\b|recipient address",
        say="Invalid To header",
    ),
    _reason("invalidArgument", "message_malformed", _GMAIL),
    _reason(
        "INVALID_ARGUMENT",
        "message_malformed",
        _GMAIL,
        words="invalid_argument",
        say="the request",
    ),
    # OAuth: RFC 6749 section 5.2, and what Google and Microsoft add.
    *_many("credentials_rejected", _OAUTH, "invalid_grant"),
    *_many("sending_disabled", _OAUTH, "invalid_client", "unauthorized_client", "deleted_client"),
    *_many(
        "credentials_rejected",
        _OAUTH,
        "unsupported_grant_type",
        "invalid_scope",
        "access_denied",
    ),
    *_many("credentials_rejected", _OAUTH, "invalid_token", "insufficient_scope", "invalid_rapt"),
    *_many("credentials_rejected", _OAUTH, "interaction_required", "login_required"),
    *_many("credentials_rejected", _OAUTH, "consent_required"),
    *_many("sending_disabled", _OAUTH, "admin_policy_enforced", "org_internal"),
    *_many("server_error", _OAUTH, "temporarily_unavailable"),
    *_many("server_error", _OAUTH, "server_error", "internal_failure"),
    *_many("account_rate_limited", _OAUTH, "rate_limit_exceeded", "slow_down"),
    # Microsoft Graph; the rest of Exchange's names are in FAMILIES.
    *_many(
        "credentials_rejected",
        _GRAPH,
        "InvalidAuthenticationToken",
        "AuthenticationError",
        "InvalidMsaTicket",
    ),
    *_many("credentials_rejected", _GRAPH, "CompactToken", "TokenExpired"),
    *_many(
        "sending_disabled",
        _GRAPH,
        "Authorization_RequestDenied",
        "accessDenied",
        "MailboxNotEnabledForRESTAPI",
    ),
    *_many(
        "message_malformed",
        _GRAPH,
        "UnableToDeserializePostBody",
        "RequestBodyRead",
        "BadRequestBody",
    ),
    *_many(
        "sending_disabled",
        _GRAPH,
        "MailboxNotSupportedForRESTAPI",
        "Authorization_IdentityNotFound",
    ),
    *_many("account_rate_limited", _GRAPH, "ApplicationThrottled", "activityLimitReached"),
    *_many("account_rate_limited", _GRAPH, "TooManyRequests", "MailboxConcurrency"),
    *_many("server_error", _GRAPH, "serviceNotAvailable", "generalException"),
    *_many("server_error", _GRAPH, "ServiceUnavailable", "UnknownError"),
    *_many("server_error", _GRAPH, "InternalServerError"),
    # Amazon SES.
    _reason(
        "MessageRejected",
        "sender_address_refused",
        _SES,
        words="not verified|identit(?:y|ies) failed",
        say="Email address is not verified",
    ),
    _reason(
        *("MessageRejected", "suppressed", _SES),
        words="suppression",
        say="it is on the suppression list",
    ),
    _reason(
        "MessageRejected",
        "sending_disabled",
        _SES,
        words="(?:paused|suspended|disabled|shut ?down|not authori[sz]ed|sandbox)",
        say="Sending is paused for this account",
    ),
    _reason(
        "MessageRejected",
        "message_too_large",
        _SES,
        words="too (?:long|large)|length",
        say="too large",
    ),
    _reason(
        "MessageRejected",
        "address_invalid",
        _SES,
        words="missing.{0,20}(?:to|recipient|address)|illegal address|invalid.{0,20}(?:recipient"
        "|domain)",
        say="Illegal address",
    ),
    _reason("MessageRejected", "content_rejected", _SES, category="message_content"),
    *_many(
        "account_rate_limited",
        _SES,
        "ThrottlingException",
        "Throttling",
        "TooManyRequestsException",
    ),
    *_many("account_rate_limited", _SES, "LimitExceededException", "RequestLimitExceeded"),
    *_many(
        "sending_disabled",
        _SES,
        "AccountSuspendedException",
        "SendingPausedException",
        "AccountSendingPaused",
    ),
    *_many("sending_disabled", _SES, "ConfigurationSetSendingPaused", "ProductionAccessNotGranted"),
    *_many(
        "sending_disabled",
        _AWS,
        "AccessDeniedException",
        "OptInRequired",
        "NotAuthorized",
    ),
    *_many("sending_disabled", _AWS, "UnauthorizedOperation", "SubscriptionRequiredException"),
    *_many(
        "sender_address_refused",
        _SES,
        "MailFromDomainNotVerifiedException",
        "MailFromDomainNotVerified",
    ),
    *_many(
        "sender_address_refused",
        _SES,
        "FromEmailAddressNotVerified",
        "EmailAddressNotVerified",
    ),
    *_many(
        "credentials_rejected",
        _AWS,
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "MissingAuthenticationToken",
    ),
    *_many(
        "credentials_rejected",
        _AWS,
        "IncompleteSignature",
        "ExpiredTokenException",
        "UnrecognizedClientException",
    ),
    *_many(
        "credentials_rejected",
        _AWS,
        "InvalidSignatureException",
        "AuthFailure",
        "MissingAuthenticationTokenException",
    ),
    *_many("credentials_rejected", _AWS, "RequestExpired"),
    *_many("server_error", _AWS, "InternalServiceErrorException", "InternalFailure"),
    *_many("server_error", _AWS, "ServiceUnavailableException", "InternalServiceError"),
    *_many("server_error", _AWS, "ConcurrentModificationException"),
    *_many("server_error", _AWS, "ConflictException"),
    *_many(
        "message_malformed",
        _SES,
        "BadRequestException",
        "InvalidParameterValue",
        "ValidationError",
    ),
    *_many(
        "message_malformed",
        _SES,
        "ValidationException",
        "NotFoundException",
        "InvalidTemplateException",
    ),
    *_many(
        "message_malformed",
        _SES,
        "TemplateDoesNotExist",
        "MissingRenderingAttribute",
        "InvalidRenderingParameter",
    ),
    *_many("message_malformed", _SES, "InvalidTemplate", "ConfigurationSetDoesNotExist"),
    # Postmark's numbers, as "errorcode 406" (`reason_names` puts them so).
    *(
        _reason(f"ErrorCode {number}", cause, _POSTMARK)
        for number, cause in (
            (10, "credentials_rejected"),
            (100, "server_error"),
            (300, "message_malformed"),
            (400, "sender_address_refused"),
            (401, "sender_address_refused"),
            (402, "message_malformed"),
            (403, "message_malformed"),
            (405, "sending_disabled"),
            (406, "suppressed"),
            (409, "message_malformed"),
            (410, "message_malformed"),
            (411, "message_malformed"),
            (412, "sending_disabled"),
            (413, "sending_disabled"),
            (429, "account_rate_limited"),
            (500, "server_error"),
            (701, "message_malformed"),
            (1101, "message_malformed"),
            (1109, "message_malformed"),
            (1235, "message_malformed"),
        )
    ),
)


def _family(name: str, cause: str, pattern: str, example: str, source: str = _EWS) -> Rule:
    return Rule(
        id=f"api.family.{name}",
        layer="api",
        cause=cause,
        category=_SERVICE if cause == "server_error" else None,
        pattern=pattern,
        temporary=cause in PASSING,
        source=source,
        example=example,
        given={"kind": "http"},
    )


# Searched in one identifier, not in the words: Exchange's "Error…", Entra's "AADSTS…", and
# exceptions whose names are English.
FAMILIES: tuple[Rule, ...] = (
    _family(
        "entra-later",
        "server_error",
        "^aadsts(?:90033|90036|90002[0-9]|700022)$",
        "AADSTS90033",
        _ENTRA,
    ),
    _family(
        "entra-limit",
        "account_rate_limited",
        "^aadsts(?:90055|50196|90006)$",
        "AADSTS90055",
        _ENTRA,
    ),
    _family(
        "entra-not-allowed",
        "sending_disabled",
        r"^aadsts(?:7000\d{3}|53003|530\d\d|50105|90094|700016|50020|90072|53000)$",
        "AADSTS53003",
        _ENTRA,
    ),
    _family("entra", "credentials_rejected", r"^aadsts\d{4,9}$", "AADSTS70008", _ENTRA),
    _family(
        "store-full",
        "sending_disabled",
        "^errorquotaexceeded$",
        "ErrorQuotaExceeded",
        "https://learn.microsoft.com/graph/errors",
    ),
    _family(
        "send-as",
        "sender_address_refused",
        "^error(?:sendas|nonexistentsendas|invaliddelegateuser|sendonbehalf|delegatenouser"
        "|invalidsender|fromaddress)",
        "ErrorSendAsDenied",
    ),
    _family(
        "limit",
        "account_rate_limited",
        r"^error(?:exceeded\w{0,20}(?:message|recipient|connection|subscription|find)\w{0,20}"
        r"|toomany(?:requests|concurrent)\w{0,20}|messagethrottled|submissionquotaexceeded"
        r"|sendingquota\w{0,12}|recipientlimit\w{0,12}|messagelimit\w{0,12}|senderthrottled)",
        "ErrorExceededMessageLimit",
    ),
    _family(
        "busy",
        "server_error",
        "^error(?:serverbusy|insufficientresources|mailboxstoreunavailable|mailboxfailover"
        r"|mailboxmoveinprogress|internal\w{0,40}|connectionfailed\w{0,20}"
        r"|batchprocessing\w{0,20}|adunavailable|adoperation|timeout\w{0,10}"
        r"|servicediscovery\w{0,10}|proxy\w{0,30}|crosssiterequest|mailtipsdisabled"
        r"|itemsaveconflict|irresolvableconflict|contentconversion\w{0,0}|notenoughmemory"
        r"|clientdisconnected|mailboxdatabase\w{0,20}|replica\w{0,20}|transient\w{0,20}"
        r"|temporar\w{0,20}|concurren\w{0,20}|stale\w{0,20}|datasizelimitexceeded0)",
        "ErrorServerBusy",
    ),
    _family(
        "too-large",
        "message_too_large",
        r"^error\w{0,40}(?:size\w{0,10}exceed|sizelimit|toolarge|messagesize)",
        "ErrorMessageSizeExceeded",
    ),
    _family(
        "account",
        "sending_disabled",
        r"^error(?:account(?:disabled|expired|suspend\w{0,8})|mailboxnotenabled\w{0,20}"
        "|mailboxhold|messagesubmissionblocked|submissionblocked|sendingdisabled|notlicensed"
        r"|licen[sc]e\w{0,20}|subscriptionaccessdenied)",
        "ErrorAccountDisabled",
    ),
    _family(
        "credentials",
        "credentials_rejected",
        r"^error(?:password\w{0,30}|\w{0,30}token\w{0,20}|\w{0,20}credentials?\w{0,20}"
        r"|logon\w{0,20}|\w{0,20}authentication\w{0,20}|usernotallowed\w{0,20}|identit\w{0,30})$",
        "ErrorPasswordExpired",
    ),
    _family(
        "denied",
        "sending_disabled",
        r"^error(?:\w{0,40}(?:accessdenied|denied|notallowed|notpermitted|permission\w{0,20}"
        r"|unauthori[sz]ed|disallowed|impersonat\w{0,40}|nonprimarysmtpaddress"
        r"|delegation\w{0,20}))",
        "ErrorCreateItemAccessDenied",
    ),
    _family(
        "no-recipient",
        "address_invalid",
        "^error(?:missingrecipients?|norecipients?|invalid(?:smtp|email|recipients?|mailbox"
        r"|routing)\w{0,30}|invalidemail\w{0,20}|missingemail\w{0,20}|ambiguousresolution"
        r"|missinginformationemailaddress\w{0,8}|unsupportedrecipient|nameresolutionnomailbox)",
        "ErrorMissingRecipients",
    ),
    _family(
        "recipient",
        "recipient_unknown",
        "^error(?:mailrecipientnotfound|recipientnotfound|nameresolutionnoresults"
        r"|publicfolder\w{0,20}notfound|nonexistentmailbox|mailboxnotfound|usernotfound"
        r"|dlnotfound|distributionlist\w{0,20}|nopublicfolder\w{0,30})",
        "ErrorMailRecipientNotFound",
    ),
    _family(
        "content",
        "message_malformed",
        r"^error(?:mime\w{0,40}|attachment\w{0,40}|invalid\w{0,40}|missing\w{0,40}|schema\w{0,40}"
        r"|item\w{0,40}|message\w{0,40}|mess\w{0,40}|malformed\w{0,40}|unsupported\w{0,40}"
        r"|property\w{0,40}|incorrect\w{0,40}|cannot\w{0,40}|content\w{0,40}|virus\w{0,20}"
        r"|duplicate\w{0,40}|cannotuse\w{0,20}|restriction\w{0,20}|value\w{0,20}|smimenot\w{0,20})",
        "ErrorMimeContentInvalid",
    ),
    _family(
        "exception-throttled",
        "account_rate_limited",
        r"(?:throttl|toomanyrequests|ratelimit|ratelimited|quotaexceeded|limitexceeded)\w{0,30}$",
        "SendingRateLimitExceeded",
        _AWS,
    ),
    _family(
        "exception-denied",
        "sending_disabled",
        "(?:accessdenied|notauthori[sz]ed|unauthori[sz]ed|suspended|paused)(?:exception|error)$",
        "UnauthorizedException",
        _AWS,
    ),
    _family(
        "exception-unverified",
        "sender_address_refused",
        "notverified(?:exception|error)?$",
        "IdentityNotVerifiedException",
        _AWS,
    ),
    _family(
        "exception-server",
        "server_error",
        "(?:internal|unavailable|serviceerror|servererror|timeout"
        r"|concurrentmodification)\w{0,12}(?:exception|error|failure)?$",
        "BackendInternalError",
        _AWS,
    ),
    _family(
        "exception-content",
        "message_malformed",
        r"(?:validation|badrequest|invalid\w{0,20}|template\w{0,20}|notfound"
        r"|malformed\w{0,12})(?:exception|error)$",
        "TemplateMissingException",
        _SES,
    ),
)
