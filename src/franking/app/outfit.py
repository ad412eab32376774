"""From an account's server and secrets to the settings of an SMTP transport."""

from __future__ import annotations

import ipaddress

from msgspec.structs import replace

from franking.core.sender import Secrets, Server
from franking.transports.smtp_settings import OAuthClient, SmtpSettings
from franking.transports.smtp_uri import parse_uri


def smtp_settings(server: Server, secrets: Secrets) -> SmtpSettings:
    """Raises ValueError, which names the field and never a secret.

    Where a host is named, a login is only ever told to it under TLS, unless it is this machine:
    who stands between could else take STARTTLS away and read the password (RFC 3207, section 6).
    A URI says itself what it wants, with `requireTLS`.
    """
    if server.uri is not None:
        found = _by_uri(server.uri, secrets)
    else:
        host = server.host or ""
        secret = server.user is not None and not _own(host)
        found = SmtpSettings(
            host=host,
            port=server.port,
            secure=server.secure,
            password=secrets.password,
            starttls="required" if secret else "if_offered",
        )
    found = replace(found, user=server.user)
    if server.oauth is None:
        # A user without a password would be logged in with an empty one.
        return found if secrets.password else replace(found, user=None)
    client = OAuthClient(
        client_id=server.oauth.client_id,
        client_secret=secrets.client_secret or "",
        refresh_token=secrets.refresh_token or "",
        token_url=server.oauth.token_url,
    )
    return replace(found, oauth=client, password=None)


def _by_uri(uri: str, secrets: Secrets) -> SmtpSettings:
    try:
        return parse_uri(uri, secrets.password)
    except ValueError as error:
        raise ValueError(f"Field 'transport.uri' can't be used: {error}") from None


def _own(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
