"""What a rep reads for each category, what they do next, who does it, and how much it concerns."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    "send_limit": (
        "You've reached your email account's sending limit. "
        "This email will be sent automatically{around}."
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

# What a rep reads of an attachment that another's server did not hand out: no provider's trouble.
UNFETCHED = (
    "A file attached to this email couldn't be fetched from the server that has it, so this email "
    "wasn't sent."
)

# What to do, and who does it.
STEPS: dict[str, tuple[str, str]] = {
    "send_limit": ("Nothing: it waits and is sent by itself.", "nobody"),
    "service_unavailable": ("Retry.", "rep"),
    "mailbox_disconnected": ("Reconnect the mailbox, then retry all.", "rep"),
    "sending_not_allowed": ("Ask the administrator to allow sending.", "administrator"),
    "sender_identity": ("Choose another From address, or have this one allowed.", "rep"),
    "domain_authentication": ("Correct the domain's DNS (SPF, DKIM, DMARC).", "administrator"),
    "invalid_recipient_address": ("Correct the address on the record.", "rep"),
    "recipient_not_found": ("Check the address, or use another.", "rep"),
    "recipient_mailbox_full": ("Retry later, or reach them another way.", "rep"),
    "recipient_unavailable": ("Retry later.", "rep"),
    "blocked_as_spam": ("Change the wording or links, or ask the administrator.", "rep"),
    "rejected_by_recipient": ("Reach them another way.", "rep"),
    "message_too_large": ("Make the email smaller.", "rep"),
    "message_content": ("Edit the email.", "rep"),
    "recipient_suppressed": ("Do not send.", "nobody"),
    "unknown": ("Retry; if it keeps failing, tell support the code.", "rep"),
    "outcome_unknown": ("Check whether it arrived, before a retry.", "rep"),
}

# What a fault concerns: others of the same recipient, message or account, or the whole service.
SCOPES: dict[str, str] = {
    "send_limit": "account",
    "service_unavailable": "service",
    "mailbox_disconnected": "account",
    "sending_not_allowed": "account",
    "sender_identity": "message",
    "domain_authentication": "account",
    "invalid_recipient_address": "recipient",
    "recipient_not_found": "recipient",
    "recipient_mailbox_full": "recipient",
    "recipient_unavailable": "recipient",
    "blocked_as_spam": "message",
    "rejected_by_recipient": "recipient",
    "message_too_large": "message",
    "message_content": "message",
    "recipient_suppressed": "recipient",
    "unknown": "message",
    "outcome_unknown": "message",
}
