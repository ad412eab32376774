"""Well-known providers by name, for `?service=` in a connection URI: host, port, implicit TLS.

The names are nodemailer's. Each provider's own page on SMTP is the source:
https://support.google.com/mail/answer/7126229,
https://support.microsoft.com/office/d088b986-291d-42b8-9564-9c414e2aa040,
https://help.yahoo.com/kb/SLN4724.html, https://support.apple.com/102525,
https://www.fastmail.help/hc/articles/1500000278342,
https://www.zoho.com/mail/help/zoho-smtp.html,
https://www.twilio.com/docs/sendgrid/for-developers/sending-email/getting-started-smtp,
https://documentation.mailgun.com/docs/mailgun/user-manual/sending-messages/send-smtp,
https://docs.aws.amazon.com/ses/latest/dg/smtp-connect.html,
https://postmarkapp.com/developer/user-guide/send-email-with-smtp.
"""

from __future__ import annotations

SERVICES: dict[str, tuple[str, int, bool]] = {
    "gmail": ("smtp.gmail.com", 465, True),
    "outlook365": ("smtp.office365.com", 587, False),
    "hotmail": ("smtp-mail.outlook.com", 587, False),
    "outlook": ("smtp-mail.outlook.com", 587, False),
    "yahoo": ("smtp.mail.yahoo.com", 465, True),
    "icloud": ("smtp.mail.me.com", 587, False),
    "fastmail": ("smtp.fastmail.com", 465, True),
    "zoho": ("smtp.zoho.com", 465, True),
    "sendgrid": ("smtp.sendgrid.net", 587, False),
    "mailgun": ("smtp.mailgun.org", 465, True),
    "mailjet": ("in-v3.mailjet.com", 587, False),
    "postmark": ("smtp.postmarkapp.com", 2525, False),
    "ses": ("email-smtp.us-east-1.amazonaws.com", 465, True),
    "sesuseast1": ("email-smtp.us-east-1.amazonaws.com", 465, True),
    "sesuswest2": ("email-smtp.us-west-2.amazonaws.com", 465, True),
    "seseuwest1": ("email-smtp.eu-west-1.amazonaws.com", 465, True),
}


def service(name: str) -> tuple[str, int, bool]:
    """Host, port and implicit TLS of a provider; raises ValueError for one not known."""
    try:
        return SERVICES["".join(filter(str.isalnum, name.lower()))]
    except KeyError:
        raise ValueError(f"unknown service {name!r} in the SMTP connection URI") from None
