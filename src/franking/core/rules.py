"""The rules that turn a failure into a verdict, as data: sentences, enhanced codes, kinds.

Sources: RFC 3463 and the IANA registry of enhanced status codes for their meanings; RFC 5321,
section 4.2, for the classes of reply codes. The sentences are what a rep reads.
"""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    "send_limit": (
        "You've reached your email account's sending limit. This email will be sent automatically."
    ),
    "service_unavailable": (
        "Your email provider had a temporary problem, so this email wasn't sent."
    ),
    "mailbox_disconnected": "Your email account is disconnected. Reconnect it, then send again.",
    "sending_not_allowed": (
        "Your email account isn't allowed to send right now. Contact your email administrator."
    ),
    "sender_identity": (
        "You're not allowed to send from this address. "
        "Choose another From address or ask your administrator."
    ),
    "domain_authentication": (
        "The recipient's server couldn't verify your company's domain (SPF, DKIM or DMARC). "
        "Contact your administrator."
    ),
    "invalid_recipient_address": (
        "This person's email address is missing or isn't valid. Correct it, then send again."
    ),
    "recipient_not_found": (
        "This email address doesn't exist or is no longer active. Check it or use another."
    ),
    "recipient_mailbox_full": (
        "The recipient's mailbox is full. Try again later or reach them another way."
    ),
    "recipient_unavailable": (
        "The recipient's mail server isn't accepting email right now. Try again later."
    ),
    "blocked_as_spam": (
        "The recipient's mail server blocked this email as possible spam. "
        "Change the wording or links, or contact your administrator."
    ),
    "rejected_by_recipient": (
        "The recipient's organization doesn't accept this email. Reach them another way."
    ),
    "message_too_large": (
        "This email or its attachments are too large. Make it smaller, then send again."
    ),
    "message_content": (
        "Something in this email stopped it from being sent (for example a missing field or a "
        "blocked attachment). Edit it, then send again."
    ),
    "recipient_suppressed": (
        "This person has unsubscribed or is blocked from receiving your emails."
    ),
    "unknown": ("This email couldn't be sent. Try again, and contact support if it keeps failing."),
    "outcome_unknown": (
        "We lost contact while sending, so this email may or may not have been delivered. "
        "Check before sending it again."
    ),
}

# Subject and detail of an enhanced code (its class only says whether it is temporary):
# category and cause. https://www.iana.org/assignments/smtp-enhanced-status-codes
MEANINGS: dict[str, tuple[str, str]] = {
    "1.0": ("invalid_recipient_address", "address_invalid"),
    "1.1": ("recipient_not_found", "recipient_unknown"),
    "1.2": ("invalid_recipient_address", "domain_invalid"),
    "1.3": ("invalid_recipient_address", "address_invalid"),
    "1.6": ("recipient_not_found", "recipient_disabled"),
    "1.7": ("sender_identity", "sender_address_refused"),
    "1.8": ("sender_identity", "sender_address_refused"),
    "1.10": ("recipient_not_found", "recipient_unknown"),
    "2.1": ("recipient_not_found", "recipient_disabled"),
    "2.2": ("recipient_mailbox_full", "mailbox_full"),
    "2.3": ("message_too_large", "message_too_large"),
    "3.1": ("recipient_unavailable", "server_error"),
    "3.2": ("recipient_unavailable", "server_error"),
    "3.4": ("message_too_large", "message_too_large"),
    "4.1": ("recipient_unavailable", "server_error"),
    "4.2": ("recipient_unavailable", "server_error"),
    "4.5": ("recipient_unavailable", "recipient_throttled"),
    "5.3": ("recipient_unavailable", "recipient_throttled"),
    "6.0": ("message_content", "message_malformed"),
    "7.1": ("rejected_by_recipient", "policy_rejected"),
    "7.8": ("mailbox_disconnected", "credentials_rejected"),
    "7.20": ("domain_authentication", "domain_authentication_failed"),
    "7.23": ("domain_authentication", "domain_authentication_failed"),
    "7.25": ("blocked_as_spam", "sender_blocked"),
    "7.26": ("domain_authentication", "domain_authentication_failed"),
}

# Whole codes that mean the sender's own sending limit and nothing else, with the source.
LIMITS: dict[str, str] = {
    # Gmail: "Daily user sending limit exceeded", final by its code, a limit by its meaning.
    # https://support.google.com/a/answer/3726730
    "5.4.5": "gmail",
    # Exchange Online: "the recipient rate limit has been exceeded" for the submitting mailbox.
    # https://learn.microsoft.com/exchange/mail-flow-best-practices/non-delivery-reports-in-exchange-online
    "5.1.90": "exchange online",
}

# Where no code tells: what an error of the network means, or of our own account settings.
KINDS: dict[str, tuple[str, str]] = {
    "timeout": ("service_unavailable", "connection_failed"),
    "dns": ("service_unavailable", "connection_failed"),
    "refused": ("service_unavailable", "connection_failed"),
    "closed": ("service_unavailable", "connection_failed"),
    "network": ("service_unavailable", "connection_failed"),
    "tls": ("service_unavailable", "connection_failed"),
    "protocol": ("service_unavailable", "server_error"),
    "oauth": ("mailbox_disconnected", "credentials_rejected"),
    "account": ("sending_not_allowed", "sending_disabled"),
}

# Where a reply names no enhanced code: what a refusal at a step means, final and temporary.
STEPS: dict[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "login": (
        ("mailbox_disconnected", "credentials_rejected"),
        ("service_unavailable", "server_error"),
    ),
    "mail": (
        ("sender_identity", "sender_address_refused"),
        ("service_unavailable", "server_error"),
    ),
    "rcpt": (
        ("rejected_by_recipient", "recipient_refused"),
        ("recipient_unavailable", "server_error"),
    ),
    "data": (
        ("rejected_by_recipient", "policy_rejected"),
        ("recipient_unavailable", "server_error"),
    ),
    "compose": (
        ("message_content", "message_malformed"),
        ("message_content", "message_malformed"),
    ),
}
