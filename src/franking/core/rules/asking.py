"""What a person is asked before a failed email goes again, by the category of its failure.

A hint, never a refusal (ERRORS: "hint beside Retry"). What is not named here is retried at once.
"""

from __future__ import annotations

ASKING: dict[str, str] = {
    "outcome_unknown": (
        "This email may already have been delivered. If it was, the recipient gets it twice. "
        "Check before you send it again."
    ),
    "recipient_not_found": (
        "The recipient's server says that this address doesn't exist. Unless you change it, it "
        "will be refused again."
    ),
    "invalid_recipient_address": (
        "The address is missing or isn't valid. Correct it here, then retry."
    ),
    "blocked_as_spam": (
        "The recipient's server took this email for spam. The same words again may harm your "
        "company's reputation. Change the wording or the links first."
    ),
    "rejected_by_recipient": (
        "The recipient's organization doesn't accept this email. Another try will most likely be "
        "refused too; reach them another way."
    ),
    "message_too_large": "The email is too large. Make it smaller here, then retry.",
    "message_content": (
        "Something in the email stopped it from being sent. Edit it here, then retry."
    ),
    "recipient_suppressed": (
        "This person has unsubscribed or is blocked from receiving your emails. Do not send unless "
        "you know that this has changed."
    ),
}
