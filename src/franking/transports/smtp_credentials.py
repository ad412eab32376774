"""Who logs in to a server and with what: nobody, a password, or an access token."""

from __future__ import annotations

from franking.core.fault import Failure
from franking.transports.oauth import Tokens
from franking.transports.smtp_login import Login
from franking.transports.smtp_settings import SmtpSettings


async def credentials(settings: SmtpSettings, tokens: Tokens | None) -> Login | Failure | None:
    """The login to open a connection with; None: none is needed. A token may have to be fetched."""
    if settings.user is None:
        return None
    if tokens is None:
        return Login(settings.user, settings.password or "", settings.auth_method)
    token = await tokens.access_token()
    return token if isinstance(token, Failure) else Login(settings.user, token, "XOAUTH2")
