"""What well-known providers let an account send, and where they take it, as data.

Each has the provider's own page as its source. A limit that the provider does not publish is not
made up: it stays None, and the provider's answers are what limits the account then.
"""

from __future__ import annotations

import msgspec

from franking.core.account import Limits

# What sends through this server goes through SendGrid's Web API (contract trigger-email, 7).
SENDGRID_HOST = "smtp.sendgrid.net"
# SendGrid, whose name for it this is, takes an API key as the password of this user.
API_KEY_USER = "apikey"


class Preset(msgspec.Struct, frozen=True):
    """A provider: its server, and the limits that hold where an account names no others."""

    host: str
    port: int
    secure: bool
    limits: Limits
    user: str | None = None


PRESETS: dict[str, Preset] = {
    # A personal Gmail account: 500 emails a day. https://support.google.com/mail/answer/22839
    "gmail": Preset("smtp.gmail.com", 465, True, Limits(per_day=500)),
    # 2,000 messages and 10,000 recipients in a rolling day; trial accounts have 500 messages.
    # https://support.google.com/a/answer/166852
    "google_workspace": Preset(
        "smtp.gmail.com", 465, True, Limits(per_day=2_000, recipients_per_day=10_000)
    ),
    # 30 messages a minute, 10,000 recipients a day, three connections at once.
    # https://learn.microsoft.com/exchange/troubleshoot/send-emails/smtp-submission-improvements
    "microsoft365": Preset(
        "smtp.office365.com",
        587,
        False,
        Limits(per_minute=30, recipients_per_day=10_000, connections=3),
    ),
    # What may be sent depends on the plan, so name its limits beside the preset. The user is
    # always "apikey", and the password the key.
    # https://www.twilio.com/docs/sendgrid/for-developers/sending-email/getting-started-smtp
    "sendgrid": Preset(SENDGRID_HOST, 587, False, Limits(), user=API_KEY_USER),
}
