"""Where and how to send over SMTP, for one account."""

from __future__ import annotations

from typing import Literal

import msgspec

from franking.transports.smtp_login import Method


class Timeouts(msgspec.Struct, frozen=True):
    """How long to wait, in seconds: the least that RFC 5321, section 4.5.3.2 asks for."""

    connect: float = 120
    greeting: float = 300
    command: float = 300
    data_initiation: float = 120
    data_block: float = 180
    answer: float = 600
    # Our own: how long an unused connection is kept, and how long a QUIT may take.
    idle: float = 30
    quit: float = 5


class TlsOptions(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Node's names for what is checked of the server; by default everything."""

    reject_unauthorized: bool = True
    servername: str | None = None
    ca: str | tuple[str, ...] | None = None
    min_version: Literal["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"] = "TLSv1.2"
    max_version: Literal["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"] | None = None
    ciphers: str | None = None


class OAuthClient(msgspec.Struct, frozen=True):
    """What fetches access tokens; the secrets never show."""

    client_id: str
    client_secret: str
    refresh_token: str
    token_url: str = "https://oauth2.googleapis.com/token"  # noqa: S105 it is an address

    def __repr__(self) -> str:
        return f"OAuthClient(client_id={self.client_id!r}, …)"


class SmtpSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One server and one login. `secure` is implicit TLS; `max_messages` is per connection."""

    host: str
    port: int
    secure: bool = False
    user: str | None = None
    password: str | None = None
    oauth: OAuthClient | None = None
    auth_method: Method | None = None
    starttls: Literal["if_offered", "required", "never"] = "if_offered"
    name: str | None = None
    max_connections: int | None = None
    max_messages: int | None = None
    tls: TlsOptions = TlsOptions()
    timeouts: Timeouts = Timeouts()

    def __repr__(self) -> str:
        scheme = "smtps" if self.secure else "smtp"
        return f"SmtpSettings({scheme}://{self.user or ''}@{self.host}:{self.port})"
