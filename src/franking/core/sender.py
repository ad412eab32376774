"""What an account is sent through, as a person sets it: the server, the login, the limits.

`read` takes the document of `PUT /v1/accounts/{id}` apart into what is shown again (`Sender`) and
what never is (`Secrets`); a refusal names the field. Policy: a preset gives the server and the
limits that the document does not name; a limit that is null is none. A password is never kept
for another server, user or token server than the one it was given for: whoever may edit an
account could else have its secret sent to a place of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from franking.core import sender_fields as fields
from franking.core.account import AccountState, Limits
from franking.core.presets import API_KEY_USER, PRESETS, SENDGRID_HOST

GOOGLE_TOKENS = "https://oauth2.googleapis.com/token"
# What an account is shown with and can't be set here: ignored, so that what was read can be
# written back.
SHOWN = ("id", "state", "pausedUntil", "reason", "since", "waiting", "sentToday", "createTime")
FIELDS = ("address", "preset", "transport", "password", "limits")
IN_TRANSPORT = ("type", "uri", "host", "port", "secure", "user", "oauth")
IN_OAUTH = ("clientId", "clientSecret", "refreshToken", "tokenUrl")
LIMITS = {
    "perMinute": 1_000_000,
    "perDay": 1_000_000_000,
    "recipientsPerDay": 1_000_000_000,
    "connections": 100,
}


class Tokens(msgspec.Struct, frozen=True, rename="camel"):
    """Where access tokens are fetched, and by whom."""

    client_id: str
    token_url: str = GOOGLE_TOKENS


class Server(msgspec.Struct, frozen=True, rename="camel"):
    """An SMTP server and who logs in. `uri` holds no login; without it, `host` and the rest do."""

    uri: str | None = None
    host: str | None = None
    port: int = 587
    secure: bool = False
    user: str | None = None
    oauth: Tokens | None = None


class Sender(msgspec.Struct, frozen=True, rename="camel"):
    """An account as it was set; no `server` is the installation's own."""

    address: str | None = None
    preset: str | None = None
    server: Server | None = None


class Secrets(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What goes in and never comes out. Its text shows which there are, and no more."""

    password: str | None = None
    client_secret: str | None = None
    refresh_token: str | None = None

    def __repr__(self) -> str:
        return f"Secrets({', '.join(self.names)})"

    @property
    def names(self) -> list[str]:
        """Which of them are there."""
        return [name for name, value in msgspec.structs.asdict(self).items() if value is not None]


class SecretLost(Exception):
    """A secret can't be opened or kept; the text says why and what to do, and holds no secret."""


class Settled(msgspec.Struct, frozen=True):
    """An account's settings and its sealed secret, as of a version of theirs.

    `sender` is None where the account was never set, or was forgotten.
    """

    version: int
    sender: Sender | None = None
    limits: Limits | None = None
    secret: bytes | None = None


class Shown(msgspec.Struct, frozen=True):
    """An account as people see it. `waiting` is counted up to a bound, from where on it is more.

    `sent` is what went in the last day, None where no limit counts it.
    """

    id: str
    settings: Sender | None
    limits: Limits | None
    state: AccountState
    reason: str | None
    since: int | None
    paused_until: int | None
    pauses: int
    created_at: int | None
    version: int
    waiting: int
    secret: bool = False
    sent: int | None = None


class Given(msgspec.Struct, frozen=True):
    """A document taken apart. `kept`: the secrets stay as they were; `login`: there must be one."""

    sender: Sender
    secrets: Secrets
    limits: Limits
    kept: bool
    login: bool


def read(document: Mapping[str, Any], own_server: bool) -> Given:
    """The document's account; `own_server`: it may go without a transport.

    Raises ValueError, which names the field and never tells a value.
    """
    fields.only(document, "", (*FIELDS, *SHOWN))
    name = fields.choice(document, "preset", PRESETS)
    address = fields.address(document, "address")
    given = fields.table(document, "transport")
    secrets, server = Secrets(), None
    if given is not None or name is not None:
        server, secrets = _server(given or {}, name, address)
        server = _of_sendgrid(server) if through_sendgrid(server) else server
    elif not own_server:
        raise ValueError("Field 'transport' is missing: say what is sent through, or a 'preset'")
    secrets = _with_password(secrets, document, server)
    dropped = "password" in document and document["password"] is None
    return Given(
        sender=Sender(address, name, server),
        secrets=secrets,
        limits=_limits(document, name),
        kept=server is not None and secrets == Secrets() and not dropped,
        login=_logs_in(given or {}, name, server),
    )


def through_sendgrid(server: Server) -> bool:
    """Is it SendGrid's? Then the mails go through its Web API, and the password is the key."""
    host = server.host if server.uri is None else fields.uri_host(server.uri)
    return host is not None and host.lower() == SENDGRID_HOST


def same_login(one: Sender | None, other: Sender) -> bool:
    """Would a secret of the one go to the same place, for the same user, from the other?"""
    if one is None or one.server is None or other.server is None:
        return False
    return _goes_to(one.server) == _goes_to(other.server)


def _goes_to(server: Server) -> tuple[object, ...]:
    # The URI whole: its options say whether TLS is asked for, and of whom.
    place = (server.uri, server.host, server.port, server.secure, server.user)
    return (*place, server.oauth)


def _server(
    given: Mapping[str, Any], preset: str | None, address: str | None
) -> tuple[Server, Secrets]:
    fields.only(given, "transport.", IN_TRANSPORT)
    fields.choice(given, "type", ("smtp",), "transport.")
    oauth, secrets = _oauth(given)
    if given.get("uri") is not None:
        return _by_uri(given, oauth, secrets)
    known = PRESETS.get(preset or "")
    host = fields.host(given, "host", "transport.") or (known.host if known else None)
    if host is None:
        raise ValueError("Field 'transport.host' is missing, as is 'transport.uri'")
    user = fields.word(given, "user", "transport.") or (known.user if known else None)
    port = fields.whole(given, "port", 65_535, "transport.")
    secure = fields.truth(given, "secure", "transport.")
    if port is None:
        port, secure = _port(known.port if known else None, secure, known.secure if known else None)
    elif secure is None:
        secure = known.secure if known and known.port == port else port == 465
    return Server(None, host, port, secure, user or address, oauth), secrets


def _of_sendgrid(server: Server) -> Server:
    """A key is nobody's in particular."""
    if server.oauth is not None:
        raise ValueError("Field 'transport.oauth' is not for SendGrid: its key is the 'password'")
    return server if server.user else msgspec.structs.replace(server, user=API_KEY_USER)


def _port(known: int | None, secure: bool | None, known_secure: bool | None) -> tuple[int, bool]:
    """465 is TLS from the start (RFC 8314, section 3.3), 587 STARTTLS."""
    if known is not None and secure in (None, known_secure):
        return known, bool(known_secure)
    return (465, True) if secure else (587, False)


def _by_uri(
    given: Mapping[str, Any], oauth: Tokens | None, secrets: Secrets
) -> tuple[Server, Secrets]:
    for name in ("host", "port", "secure"):
        if given.get(name) is not None:
            raise ValueError(f"Field 'transport.{name}' can't stand beside 'transport.uri'")
    uri, user, password = fields.uri(given, "uri", "transport.")
    named = fields.word(given, "user", "transport.")
    if user is not None and named not in (None, user):
        raise ValueError("Field 'transport.user' is another than the one in 'transport.uri'")
    server = Server(uri=uri, user=user or named, oauth=oauth)
    return server, msgspec.structs.replace(secrets, password=password)


def _oauth(given: Mapping[str, Any]) -> tuple[Tokens | None, Secrets]:
    found = fields.table(given, "oauth", "transport.")
    if found is None:
        return None, Secrets()
    within = "transport.oauth."
    fields.only(found, within, IN_OAUTH)
    client = fields.word(found, "clientId", within)
    if client is None:
        raise ValueError(f"Field '{within}clientId' is missing")
    secrets = Secrets(
        client_secret=fields.secret(found, "clientSecret", within),
        refresh_token=fields.secret(found, "refreshToken", within),
    )
    if (secrets.client_secret is None) is not (secrets.refresh_token is None):
        missing = "clientSecret" if secrets.client_secret is None else "refreshToken"
        raise ValueError(f"Field '{within}{missing}' is missing: both are given, or neither")
    return Tokens(client, fields.web(found, "tokenUrl", within) or GOOGLE_TOKENS), secrets


def _with_password(secrets: Secrets, document: Mapping[str, Any], server: Server | None) -> Secrets:
    password = fields.secret(document, "password")
    if password is None:
        password = secrets.password
    elif server is None:
        raise ValueError("Field 'password' needs a 'transport' or a 'preset' to log in to")
    elif secrets.password is not None:
        raise ValueError("Field 'password' can't stand beside a password in 'transport.uri'")
    _somebodys(server, password)
    return msgspec.structs.replace(secrets, password=password)


def _logs_in(given: Mapping[str, Any], preset: str | None, server: Server | None) -> bool:
    """Is a login asked for? An address alone may belong to a relay that wants none."""
    if server is None:
        return False
    named = given.get("user") is not None or (server.uri is not None and server.user is not None)
    return named or preset is not None or server.oauth is not None or through_sendgrid(server)


def _somebodys(server: Server | None, password: str | None) -> None:
    if server is None:
        return
    if server.user is None and (password is not None or server.oauth is not None):
        raise ValueError("Field 'transport.user' is missing: a login is somebody's")
    if password is not None and server.oauth is not None:
        raise ValueError("Field 'password' can't stand beside 'transport.oauth'")


def _limits(document: Mapping[str, Any], preset: str | None) -> Limits:
    given = fields.table(document, "limits") or {}
    fields.only(given, "limits.", LIMITS)
    known = msgspec.to_builtins(PRESETS[preset].limits if preset else Limits())
    found = {name: fields.whole(given, name, most, "limits.") for name, most in LIMITS.items()}
    named = {name: value for name, value in found.items() if name in given}
    return msgspec.convert({**known, **named}, Limits)
