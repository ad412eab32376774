"""From an account's server and secrets to the settings of its transport."""

from __future__ import annotations

import ipaddress

from msgspec.structs import replace

from franking.core.sender import Secrets, Server, through_sendgrid
from franking.transports.sendgrid_settings import SendGridSettings, sendgrid_settings
from franking.transports.smtp_settings import OAuthClient, SmtpSettings
from franking.transports.smtp_uri import parse_uri

Through = SmtpSettings | SendGridSettings


def through(server: Server, secrets: Secrets) -> Through:
    """What an account goes through: SendGrid's Web API where its server is SendGrid's, else SMTP.

    Of a URI's options only `maxConnections` counts for the former. Raises ValueError.
    """
    found = smtp_settings(server, secrets)
    if not through_sendgrid(server):
        return found
    if secrets.password is None:
        raise ValueError("Field 'password' is missing: SendGrid takes an API key there")
    try:
        return sendgrid_settings(secrets.password, found.max_connections)
    except ValueError as error:
        raise ValueError(f"Field 'password' can't be used: {error}") from None


def check(server: Server, secrets: Secrets) -> None:
    """Could an account go through it? What is not given may have been kept. Raises ValueError."""
    if secrets.password is None:
        smtp_settings(server, secrets)
    else:
        through(server, secrets)


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
