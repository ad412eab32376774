"""From settings to what mails are sent through; what can't work is refused at start, by name."""

from __future__ import annotations

from typing import Literal
from urllib.parse import quote

from msgspec.structs import replace

from franking.compose.addresses import Address
from franking.compose.envelope import Unsendable
from franking.compose.recipients import Group, Party, flat, read_addresses
from franking.config import PREFIX, Secret, SettingRefused, Settings
from franking.core.presets import API_KEY_USER, SENDGRID_HOST
from franking.transports.sendgrid_settings import SendGridSettings, sendgrid_settings
from franking.transports.smtp_settings import OAuthClient, SmtpSettings
from franking.transports.smtp_uri import parse_uri, uri_host

NO_SERVER = (
    "FRANKING_SMTP_CONNECTION_URI is not set: serve needs a server to send through, as"
    " smtps://user@smtp.example.com:465 with FRANKING_SMTP_PASSWORD, or else"
    " FRANKING_AUTH_TYPE=OAuth2 and what goes with it. To try franking out: franking demo."
)


def through(settings: Settings) -> SmtpSettings | SendGridSettings:
    """What mails go through by the settings: SendGrid comes first, from the URI's host alone, as
    with the extension. Raises `SettingRefused`."""
    uri = settings.smtp_connection_uri
    if uri is None or uri_host(uri.value) != SENDGRID_HOST:
        return smtp_settings(settings)
    found = _parsed(settings, uri.value)
    if found.password is None:
        needs = f"{PREFIX}SMTP_CONNECTION_URI names {SENDGRID_HOST}, which needs an API key here."
        raise SettingRefused(f"{PREFIX}SMTP_PASSWORD is not set: {needs}")
    try:
        return sendgrid_settings(found.password, found.max_connections)
    except ValueError as error:
        raise SettingRefused(f"{PREFIX}SMTP_PASSWORD can't be used: {error}.") from None


def smtp_settings(settings: Settings) -> SmtpSettings:
    """The server and the login. Raises `SettingRefused`."""
    if settings.auth_type == "OAuth2":
        return _with_tokens(settings)
    if settings.smtp_connection_uri is None:
        raise SettingRefused(NO_SERVER)
    found = _parsed(settings, settings.smtp_connection_uri.value)
    if settings.auth_type != "ApiKey":
        return found
    if found.password is None:
        needs = "FRANKING_AUTH_TYPE is ApiKey, which needs the key here."
        raise SettingRefused(f"FRANKING_SMTP_PASSWORD is not set: {needs}")
    return replace(found, user=found.user or API_KEY_USER)


def check_senders(settings: Settings) -> None:
    """The default sender is one address, and answers go to one or more. Raises `SettingRefused`.

    The sender's host is a whole name, as the extension wants it too: "only resolvable,
    fully-qualified domain names are permitted" (RFC 5321, section 2.3.5).
    """
    sender = _parties("default_from", settings.default_from)
    if len(sender) > 1 or any(isinstance(party, Group) for party in sender):
        raise _no_address("default_from", settings.default_from, "one address")
    if not all(map(_whole, flat(sender))):
        raise _no_address("default_from", settings.default_from, "an address with its whole host")
    _parties("default_reply_to", settings.default_reply_to)


def _with_tokens(settings: Settings) -> SmtpSettings:
    """OAuth2 ignores the URI, as the extension does; `config` made sure that all is there."""
    assert settings.client_secret is not None
    assert settings.refresh_token is not None
    scheme: Literal["smtp", "smtps"] = "smtps" if settings.oauth_secure else "smtp"
    login = quote(settings.user or "", safe="")
    found = _parsed(settings, f"{scheme}://{login}@{settings.host}:{settings.oauth_port}")
    client = OAuthClient(
        client_id=settings.client_id or "",
        client_secret=settings.client_secret.value,
        refresh_token=settings.refresh_token.value,
    )
    return replace(found, oauth=client, password=None)


def _parsed(settings: Settings, uri: str) -> SmtpSettings:
    try:
        return parse_uri(uri, _bare(settings.smtp_password), _bare(settings.tls_options))
    except ValueError as error:
        raise SettingRefused(f"{_blamed(settings, str(error))} can't be used: {error}.") from None


def _bare(secret: Secret | None) -> str | None:
    return None if secret is None else secret.value


def _blamed(settings: Settings, error: str) -> str:
    """The setting that a refused connection is to be told by."""
    if settings.tls_options is not None and error.startswith("TLS"):
        return f"{PREFIX}TLS_OPTIONS"
    if settings.auth_type == "OAuth2":
        return f"{PREFIX}HOST or {PREFIX}OAUTH_PORT"
    return f"{PREFIX}SMTP_CONNECTION_URI"


def _parties(name: str, value: str | None) -> tuple[Party, ...]:
    """Who a setting names; nobody where it is not set."""
    if value is None:
        return ()
    label = PREFIX + name.upper()
    found = read_addresses(label, value)
    if isinstance(found, Unsendable):
        raise SettingRefused(f"{label} is {value!r}: {found.error.removeprefix('Error: ')}.")
    if not any(flat(found)):
        raise _no_address(name, value, "an address")
    return found


def _whole(address: Address) -> bool:
    """Does its host have a dot, or is it an IP address in brackets?"""
    host = address.address.rpartition("@")[2]
    return "." in host or host.startswith("[")


def _no_address(name: str, value: str | None, wanted: str) -> SettingRefused:
    label = PREFIX + name.upper()
    return SettingRefused(f"{label} is {value!r}: it must be {wanted}, as A <a@example.com>.")
