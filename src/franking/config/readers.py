"""How each setting's text is read: a function for each kind of value.

A reader takes the text and returns the value; its ValueError completes the sentence "it must …"
or "it …", and never repeats the text, which may be secret.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from franking.config.database import database_url
from franking.config.hosts import file_hosts
from franking.config.salesforce import login_url
from franking.config.settings import Address, Secret
from franking.core.key import parsed

Reader = Callable[[str], Any]

PORT_MAX = 65_535
LEASE_SECONDS_MAX = 3_600
TRANSIENT_ATTEMPTS_MAX = 100
RETRY_SECONDS_MAX = 3_600
CONNECTIONS_MAX = 1_000
MAX_WAIT_HOURS_MAX = 24 * 365
STOP_SECONDS_MAX = 3_600
RETAIN_DAYS_MAX = 36_500
DOCUMENT_BYTES_MIN = 1_024
DOCUMENT_BYTES_MAX = 100 * 1024 * 1024
TTL_EXPIRE_VALUE_MAX = 100_000
ATTACHMENT_BYTES_MIN = 1_024
ATTACHMENT_BYTES_MAX = 100 * 1024 * 1024
ATTACHMENT_SECONDS_MAX = 300
HOSTS_MAX = 100
KEYS_MAX = 16
WEBHOOK_SECRETS_MAX = 16
EXTRA_EVENTS = ("email_Bounced",)
# Of the bytes that it stands for, by the Standard Webhooks' specification.
WEBHOOK_SECRET_MIN = 24
WEBHOOK_SECRET_MAX = 64

# 32 bytes: ten groups of three and one of two, whose last character has four bits.
_KEY = re.compile(r"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=")
# RFC 3986 calls it a reg-name or an IP literal; a port may follow, as in a Host field.
_HOST = re.compile(r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_.-]*)|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_PLACE = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9_.-]*|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})")


def text(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must be printable text on one line")
    return value


def secret(value: str) -> Secret:
    return Secret(text(value))


def keys(value: str) -> Secret:
    """One or more keys; what they are is read where they are used, and checked here."""
    found = [part.strip() for part in value.split(",")]
    if not all(map(_KEY.fullmatch, found)) or not 0 < len(set(found)) == len(found) <= KEYS_MAX:
        raise ValueError(
            "must be 32 bytes in base64, as `openssl rand -base64 32` prints them, or up to"
            f" {KEYS_MAX} different ones with commas between: the first seals, all open"
        )
    return Secret(",".join(found))


def whole(least: int, most: int) -> Reader:
    """A whole number from `least` to `most`."""

    def read(value: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", value) or not least <= int(value) <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(value)

    return read


def one_of(*words: str) -> Reader:
    def read(value: str) -> str:
        if value not in words:
            raise ValueError(f"must be {' or '.join([', '.join(words[:-1]), words[-1]])}")
        return value

    return read


def truth(value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise ValueError("must be true or false")
    return value.lower() == "true"


def collection(value: str) -> bool:
    """Is there this collection? Its place is ours, so it has no name to be set."""
    if value not in ("on", ""):
        raise ValueError("must be on, or empty where there is none")
    return value == "on"


def listening(value: str) -> Address:
    host, colon, port = value.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not colon or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > PORT_MAX:
        raise ValueError("must be an address and a port, as 127.0.0.1:8025 or [::1]:8025")
    if not _numbers(bare, bracketed=bare != host):
        raise ValueError("must be an IP address and a port, as 127.0.0.1:8025 or [::1]:8025")
    return Address(bare, int(port))


def _numbers(host: str, *, bracketed: bool) -> bool:
    if host == "localhost":
        return not bracketed
    try:
        return bracketed is (ipaddress.ip_address(host).version == 6)
    except ValueError:
        return False


def path(value: str) -> Path:
    return Path(text(value))


def key(value: str) -> Secret:
    if parsed(value) is None:
        raise ValueError("must be a key, whole, as `franking key create` shows it: fk_…")
    return Secret(value)


def hosts(value: str) -> tuple[str, ...]:
    found = [name.strip().lower() for name in value.split(",")]
    if len(found) > HOSTS_MAX or not all(map(_HOST.fullmatch, found)):
        raise ValueError(f"must be up to {HOSTS_MAX} host names with commas between them")
    return tuple(found)


def server_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
        raise ValueError("must be the address of a server, as http://127.0.0.1:8025")
    return value.rstrip("/")


def events(value: str) -> tuple[str, ...]:
    found = tuple(name.strip() for name in value.split(","))
    if not set(found) <= set(EXTRA_EVENTS) or len(set(found)) < len(found):
        raise ValueError(f"must be {' and '.join(EXTRA_EVENTS)}, or empty")
    return found


def place(value: str) -> str:
    """Where something is called that has no scheme: `host:port`."""
    found = _PLACE.fullmatch(value)
    if found is None or not 0 < int(found[1]) <= PORT_MAX:
        raise ValueError("must be a host and a port and nothing else, as franking.internal:50052")
    return value


def webhook_secrets(value: str) -> Secret:
    """One or more, with spaces between; what they stand for is read where they are used."""
    found = value.replace(",", " ").split()
    if not all(map(_signs, found)) or not 0 < len(set(found)) == len(found) <= WEBHOOK_SECRETS_MAX:
        raise ValueError(
            f"must be whsec_ and {WEBHOOK_SECRET_MIN} to {WEBHOOK_SECRET_MAX} bytes in base64, as"
            ' `echo "whsec_$(openssl rand -base64 32)"` prints it, or up to'
            f" {WEBHOOK_SECRETS_MAX} different ones with spaces between, each of which signs"
        )
    return Secret(" ".join(found))


def _signs(secret: str) -> bool:
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        return False
    fits = WEBHOOK_SECRET_MIN <= len(key) <= WEBHOOK_SECRET_MAX
    return secret.startswith("whsec_") and fits


def json_map(value: str) -> Secret:
    try:
        found = json.loads(value)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ValueError('must be a JSON object, as {"rejectUnauthorized": true}')
    return Secret(value)


def retain_days(value: str) -> int | None:
    if value == "never":
        return None
    try:
        found: int = whole(1, RETAIN_DAYS_MAX)(value)
    except ValueError:
        words = f"must be a whole number of days from 1 to {RETAIN_DAYS_MAX}, or never"
        raise ValueError(words) from None
    return found


READERS: Mapping[str, Reader] = {
    "database_url": database_url,
    "http": listening,
    "hosts": hosts,
    "tls_certificate": path,
    "tls_key": path,
    "data_api_ca": path,
    "url": server_url,
    "key": key,
    "grpc": listening,
    "data_api": place,
    "log_format": one_of("json", "people"),
    "traces": server_url,
    "log_level": one_of("debug", "info", "warning", "error"),
    "smtp_connection_uri": secret,
    "smtp_password": secret,
    "auth_type": one_of("UsernamePassword", "OAuth2", "ApiKey"),
    "host": text,
    "oauth_port": whole(1, PORT_MAX),
    "oauth_secure": truth,
    "client_id": text,
    "client_secret": secret,
    "refresh_token": secret,
    "user": text,
    "tls_options": json_map,
    "default_from": text,
    "default_reply_to": text,
    "secret_key": keys,
    "users_collection": collection,
    "templates_collection": collection,
    "ttl_expire_type": one_of("never", "hour", "day", "week", "month", "year"),
    "ttl_expire_value": whole(1, TTL_EXPIRE_VALUE_MAX),
    "webhook_secret": webhook_secrets,
    "webhook_private_addresses": one_of("allow", "deny"),
    "attachment_hosts": file_hosts,
    "attachment_private_addresses": one_of("allow", "deny"),
    "attachment_seconds": whole(1, ATTACHMENT_SECONDS_MAX),
    "attachment_max_bytes": whole(ATTACHMENT_BYTES_MIN, ATTACHMENT_BYTES_MAX),
    "attachment_max_mail_bytes": whole(ATTACHMENT_BYTES_MIN, ATTACHMENT_BYTES_MAX),
    "outlet": one_of("package", "salesforce", "none"),
    "events": events,
    "event_rate_limited": one_of("email_Rate_Limited", "email_Rate Limited"),
    "salesforce_login_url": login_url,
    "salesforce_client_id": text,
    "salesforce_client_secret": secret,
    "salesforce_refresh_token": secret,
    "salesforce_username": text,
    "salesforce_private_key": path,
    "salesforce_orgs": path,
    "lease_seconds": whole(1, LEASE_SECONDS_MAX),
    "transient_attempts": whole(1, TRANSIENT_ATTEMPTS_MAX),
    "retry_seconds": whole(1, RETRY_SECONDS_MAX),
    "connections": whole(1, CONNECTIONS_MAX),
    "max_wait_hours": whole(1, MAX_WAIT_HOURS_MAX),
    "stop_seconds": whole(0, STOP_SECONDS_MAX),
    "retain_days": retain_days,
    "bounce_maildir": path,
    "max_document_bytes": whole(DOCUMENT_BYTES_MIN, DOCUMENT_BYTES_MAX),
}
# An empty value says something here; anywhere else it is as if it were not set.
MAY_BE_EMPTY = ("users_collection", "templates_collection")
SECRETS = (
    *("smtp_connection_uri", "smtp_password", "client_secret", "refresh_token", "tls_options"),
    *("key", "secret_key", "webhook_secret", "salesforce_client_secret"),
    # A path; but who puts the key itself there must not find it in a log.
    *("salesforce_refresh_token", "salesforce_private_key"),
)
