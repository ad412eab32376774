"""What can be set, and its defaults."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Literal

import msgspec

from franking.config.database import POSTGRESQL, SQLITE, DatabaseUrl, database_name
from franking.config.hosts import FileHost

PREFIX = "FRANKING_"
LOGIN_URL = "https://login.salesforce.com"


class SettingRefused(Exception):
    """One or more settings can't be used; the text has a line for each, by name."""

    def __init__(self, *refusals: str) -> None:
        super().__init__("\n".join(refusals))
        self.refusals = refusals


class Secret:
    """A text that shows only to who asks for its `value`."""

    __slots__ = ("value",)

    def __init__(self, value: str) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.value == self.value

    def __hash__(self) -> int:
        return hash((Secret, self.value))


class Address(msgspec.Struct, frozen=True):
    """Where HTTP or gRPC is served; port 0 is any free one."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Can only this machine reach it?"""
        return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting by its name in lower case. Units come last; None and () are "not set".

    `users_collection` and `templates_collection`: may mails name users, and templates?
    `smtp_connection_uri` to `tls_options` say what to send through, as the extension does; their
    inner form is checked where they are used, when `serve` starts. `hosts` are Host names served
    beside our own. `url` is where commands find a server that they can't find by the database, and
    `key` what they show there. `data_api` is the `host:port` where Retry Timer finds the timers
    when they are not in its own process, over TLS where `data_api_ca` names the authorities that
    count ("system": the public ones that gRPC knows). `webhook_secret` is one `whsec_…` or several
    with spaces between. `attachment_…` say from whom attachments are fetched, and how much.
    `outlet` is where events go, `events` which are told beside the usual ones,
    and `event_rate_limited` how the package in Salesforce spells that event; `salesforce_…` are its
    org, which `config/orgs` reads together with the orgs of the file `salesforce_orgs`.
    """

    database_url: str = DatabaseUrl(SQLITE + "franking.db")
    http: Address = Address("127.0.0.1", 8025)
    hosts: tuple[str, ...] = ()
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    url: str | None = None
    key: Secret | None = None
    grpc: Address = Address("127.0.0.1", 50052)
    data_api: str | None = None
    data_api_ca: Path | None = None
    log_format: Literal["json", "people"] | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    traces: str | None = None

    smtp_connection_uri: Secret | None = None
    smtp_password: Secret | None = None
    auth_type: Literal["UsernamePassword", "OAuth2", "ApiKey"] = "UsernamePassword"
    host: str | None = None
    oauth_port: int = 465
    oauth_secure: bool = True
    client_id: str | None = None
    client_secret: Secret | None = None
    refresh_token: Secret | None = None
    user: str | None = None
    tls_options: Secret | None = None
    default_from: str | None = None
    default_reply_to: str | None = None
    secret_key: Secret | None = None
    users_collection: bool = True
    templates_collection: bool = True
    ttl_expire_type: Literal["never", "hour", "day", "week", "month", "year"] = "never"
    ttl_expire_value: int = 1

    webhook_secret: Secret | None = None
    webhook_private_addresses: Literal["allow", "deny"] = "allow"

    attachment_hosts: tuple[FileHost, ...] = ()
    attachment_private_addresses: Literal["allow", "deny"] = "deny"
    attachment_seconds: int = 20
    attachment_max_bytes: int = 10 * 1024 * 1024
    attachment_max_mail_bytes: int = 25 * 1024 * 1024

    outlet: Literal["package", "salesforce", "none"] = "package"
    events: tuple[str, ...] = ()
    event_rate_limited: Literal["email_Rate_Limited", "email_Rate Limited"] = "email_Rate_Limited"
    salesforce_login_url: str = LOGIN_URL
    salesforce_client_id: str | None = None
    salesforce_client_secret: Secret | None = None
    salesforce_refresh_token: Secret | None = None
    salesforce_username: str | None = None
    salesforce_private_key: Path | None = None
    salesforce_orgs: Path | None = None

    lease_seconds: int = 60
    transient_attempts: int = 5
    retry_seconds: int = 30
    connections: int = 10
    max_wait_hours: int = 72
    stop_seconds: int = 30
    retain_days: int | None = None
    bounce_maildir: Path | None = None
    max_document_bytes: int = 10 * 1024 * 1024

    @property
    def database_path(self) -> Path:
        """The SQLite file that `database_url` names."""
        return Path(self.database_url.removeprefix(SQLITE))

    @property
    def postgresql(self) -> bool:
        """Is the database in PostgreSQL, so that many processes may work on it?"""
        return self.database_url.startswith(POSTGRESQL)

    @property
    def database_name(self) -> str:
        """The database in words: the file, or the server and its database."""
        return database_name(self.database_url)
