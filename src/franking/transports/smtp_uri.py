"""Reads `SMTP_CONNECTION_URI`, with nodemailer's options as its query parameters.

A parameter that we don't know is refused by name: a misspelt `tls.rejectUnautorized` would else
silently do the opposite of what was meant. Switches of nodemailer's logging are taken and have no
effect.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote

import msgspec

from franking.transports.smtp_services import service
from franking.transports.smtp_settings import OAuthClient, SmtpSettings, Timeouts, TlsOptions

__all__ = ["OAuthClient", "SmtpSettings", "Timeouts", "TlsOptions", "parse_uri", "uri_host"]

INVALID = "Invalid URI: please reconfigure with a valid SMTP connection URI"


def parse_uri(
    uri: str, password: str | None = None, tls_options: str | None = None
) -> SmtpSettings:
    """The settings that a URI, SMTP_PASSWORD and TLS_OPTIONS (JSON) make together.

    `password` is taken as it is and goes before the URI's, which is percent-encoded. The last @
    separates the host, so that a user may hold one. Raises ValueError, without any secret.
    """
    found = _URI.fullmatch(uri)
    if found is None or not 0 < int(found["port"]) < 65536:
        raise ValueError(INVALID)
    user, _, secret = (found["login"] or "").partition(":")
    fields: dict[str, Any] = {
        "host": unquote(found["host"].strip("[]")),
        "port": int(found["port"]),
        "secure": found["scheme"].lower() == "smtps",
        "user": unquote(user) or None,
        "password": password or unquote(secret) or None,
    }
    tls = _tls_options(tls_options)
    _read_query(found["query"] or "", fields, tls)
    return SmtpSettings(**fields, tls=_convert_tls(tls))


def uri_host(uri: str) -> str | None:
    """The host that a URI names, in lower case, whatever its options say; None for no URI."""
    found = _URI.fullmatch(uri)
    return None if found is None else unquote(found["host"]).lower()


_URI = re.compile(
    r"(?P<scheme>smtps?)://(?:(?P<login>.*)@)?"
    r"(?P<host>[^:@/?#\[\]\s]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})"
    r"(?:/[^?\s]*)?(?:\?(?P<query>\S*))?",
    re.IGNORECASE,
)


def _read_query(query: str, fields: dict[str, Any], tls: dict[str, Any]) -> None:
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name.startswith("tls."):
            tls[name.removeprefix("tls.")] = _switch(name, value) if value in _BOOLEANS else value
        elif name in _OPTIONS:
            _OPTIONS[name](name, value, fields)
        elif name not in _WITHOUT_EFFECT:
            raise ValueError(f"unknown parameter {name!r} in the SMTP connection URI")


def _pool(name: str, value: str, fields: dict[str, Any]) -> None:
    # Connections are always kept; nodemailer without its pool makes one for each mail.
    if not _switch(name, value):
        fields["max_messages"] = 1


def _service(_: str, value: str, fields: dict[str, Any]) -> None:
    fields["host"], fields["port"], fields["secure"] = service(value)


def _name(name: str, value: str, fields: dict[str, Any]) -> None:
    if not re.fullmatch(r"[!-~]{1,255}", value):
        raise _wrong(name, "a host name")
    fields["name"] = value


def _secure(name: str, value: str, fields: dict[str, Any]) -> None:
    fields["secure"] = _switch(name, value)


def _auth_method(name: str, value: str, fields: dict[str, Any]) -> None:
    if value.upper() not in ("PLAIN", "LOGIN", "XOAUTH2"):
        raise _wrong(name, "PLAIN, LOGIN or XOAUTH2")
    fields["auth_method"] = value.upper()


def _starttls(policy: Literal["required", "never"]) -> Callable[[str, str, dict[str, Any]], None]:
    def read(name: str, value: str, fields: dict[str, Any]) -> None:
        if _switch(name, value):
            fields["starttls"] = policy

    return read


def _count(field: str) -> Callable[[str, str, dict[str, Any]], None]:
    def read(name: str, value: str, fields: dict[str, Any]) -> None:
        fields[field] = _positive(name, value)

    return read


def _timeout(*parts: str) -> Callable[[str, str, dict[str, Any]], None]:
    def read(name: str, value: str, fields: dict[str, Any]) -> None:
        seconds = _positive(name, value) / 1000
        now = fields.get("timeouts", Timeouts())
        fields["timeouts"] = msgspec.structs.replace(now, **dict.fromkeys(parts, seconds))

    return read


def _switch(name: str, value: str) -> bool:
    if value not in _BOOLEANS:
        raise _wrong(name, "true or false")
    return _BOOLEANS[value]


def _positive(name: str, value: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,9}", value):
        raise _wrong(name, "a whole number above zero")
    return int(value)


def _wrong(name: str, wanted: str) -> ValueError:
    return ValueError(f"parameter {name!r} in the SMTP connection URI must be {wanted}")


def _tls_options(text: str | None) -> dict[str, Any]:
    if not text:
        return {}
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"TLS_OPTIONS is no JSON object: {error}") from None


def _convert_tls(options: dict[str, Any]) -> TlsOptions:
    try:
        return msgspec.convert(options, TlsOptions)
    except msgspec.ValidationError as error:
        raise ValueError(f"TLS options: {error}") from None


_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}

_OPTIONS: dict[str, Callable[[str, str, dict[str, Any]], None]] = {
    "pool": _pool,
    "service": _service,
    "name": _name,
    "secure": _secure,
    "authMethod": _auth_method,
    "requireTLS": _starttls("required"),
    "ignoreTLS": _starttls("never"),
    "maxConnections": _count("max_connections"),
    "maxMessages": _count("max_messages"),
    "connectionTimeout": _timeout("connect"),
    "greetingTimeout": _timeout("greeting"),
    "socketTimeout": _timeout("command", "data_initiation", "data_block", "answer"),
}

_WITHOUT_EFFECT = {"logger", "debug", "transactionLog", "disableFileAccess", "disableUrlAccess"}
