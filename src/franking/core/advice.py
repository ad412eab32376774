"""What a person can do about a sign-in that failed, by where it failed and how.

The category and the sentence say whose trouble it is (`core/fault`); this says what to look at,
for who has the settings before them.
"""

from __future__ import annotations

from franking.core.fault import Failure

WORKS = "It signs in. Nothing need be done."
WORKS_AGAIN = "It signs in. Resume it, and what waits is sent."

_KINDS = {
    "dns": "There is no such host: look at transport.host for a slip of the pen.",
    "refused": "Nothing listens there: look at transport.host and transport.port.",
    "timeout": (
        "Nobody answered. Look at transport.host and transport.port, and whether a firewall lets "
        "this machine out; many networks close port 25."
    ),
    "tls": (
        "No encrypted connection came about. Port 465 is TLS from the start (secure: true), 587 "
        "begins without it (secure: false). If the certificate is what is wrong, the server's "
        "operator must put it right."
    ),
    "closed": (
        "The server hung up. Look at transport.port and transport.secure: 465 wants true, 587 "
        "false."
    ),
    "network": "The network does not reach that host. Look at transport.host and the network.",
    "protocol": "What answered is no SMTP server. Look at transport.host and transport.port.",
    "oauth": (
        "The token server gave no access token. Sign in with the provider anew, and set the new "
        "transport.oauth.refreshToken; look at clientId and clientSecret too."
    ),
    "account": "Set the account with PUT /v1/accounts/{id}, with what it is sent through.",
}
_STEPS = {
    "login": (
        "The server did not take the user and password. Set them anew; Gmail and Google Workspace "
        "want an app password or OAuth2, Microsoft 365 wants OAuth2 and SMTP AUTH allowed for the "
        "mailbox."
    ),
    "tls": "The server refused to encrypt. Ask its operator, or use its port 465.",
    "greeting": "The server does not want this machine now. Read its words; try again later.",
    "hello": "The server does not want this machine. Read its words, and set transport.uri's name.",
}
_SENDGRID = {
    "http": (
        "SendGrid does not let this key send. Make one with the permission Mail Send (Settings, "
        "API Keys), and set it as the password."
    ),
    "protocol": "What answered is not SendGrid: is there a proxy between?",
    None: (
        "franking reaches SendGrid at https://api.sendgrid.com: look whether this machine's "
        "network, names and firewall let it out, and whether its clock is right."
    ),
}
_SENDGRID_LATER = "SendGrid can't answer now. Read its words; try again later."
_LATER = "The server can't take a login now. Read its words; try again later."
_ELSE = "Read the server's words, and ask its operator."


def sign_in(failure: Failure) -> str:
    """What to do about it."""
    if failure.provider == "sendgrid":
        later = failure.reply_code == 429 or (failure.reply_code or 0) >= 500
        return _SENDGRID_LATER if later else _SENDGRID.get(failure.kind, _SENDGRID[None])
    if failure.reply_code is not None and failure.reply_code < 500:
        return _LATER
    if failure.kind is not None:
        return _KINDS.get(failure.kind, _ELSE)
    return _STEPS.get(failure.step, _ELSE)
