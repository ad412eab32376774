"""The fields of an account's document, one function for each kind of value.

Each takes the map, the field's name and what it stands in (`transport.`), and returns None where
the field is absent or null. ValueError names the field and never tells its value.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

TEXT_CHARACTERS = 255
SECRET_CHARACTERS = 8_192
URI_CHARACTERS = 2_048

Fields = Mapping[str, Any]


def only(given: Fields, within: str, names: Collection[str]) -> None:
    """Refuse a field that is none of these."""
    for name in given:
        if name not in names:
            raise ValueError(f"Field '{within}{name[:50]}' is not known here")


def table(given: Fields, name: str, within: str = "") -> Fields | None:
    value = given.get(name)
    if value is not None and not isinstance(value, dict):
        raise _wrong(within + name, "must be a map")
    return value


def choice(given: Fields, name: str, names: Collection[str], within: str = "") -> str | None:
    value = given.get(name)
    if value is None or (isinstance(value, str) and value in names):
        return value
    raise _wrong(within + name, f"must be {', '.join(names)}")


def word(given: Fields, name: str, within: str = "") -> str | None:
    value = given.get(name)
    if value is None or (_short(value, TEXT_CHARACTERS) and value.isprintable()):
        return value
    raise _wrong(within + name, f"must be printable text of 1 to {TEXT_CHARACTERS} characters")


def secret(given: Fields, name: str, within: str = "") -> str | None:
    """A secret; `true`, which it is shown as, leaves the one there is."""
    value = given.get(name)
    if value is None or value is True:
        return None
    if _short(value, SECRET_CHARACTERS) and _CONTROLS.search(value) is None and _encodable(value):
        return str(value)
    raise _wrong(within + name, f"must be text of 1 to {SECRET_CHARACTERS} characters on one line")


def address(given: Fields, name: str, within: str = "") -> str | None:
    value = word(given, name, within)
    if value is None or _ADDRESS.fullmatch(value):
        return value
    raise _wrong(within + name, "must be an email address alone, as rep@example.com")


def host(given: Fields, name: str, within: str = "") -> str | None:
    value = given.get(name)
    if value is None or (_short(value, TEXT_CHARACTERS) and _HOST.fullmatch(value)):
        return value
    raise _wrong(within + name, "must be a host name or an IP address, without a port")


def whole(given: Fields, name: str, most: int, within: str = "") -> int | None:
    value = given.get(name)
    if value is None or (type(value) is int and 1 <= value <= most):
        return value
    raise _wrong(within + name, f"must be a whole number from 1 to {most}")


def truth(given: Fields, name: str, within: str = "") -> bool | None:
    value = given.get(name)
    if value is None or isinstance(value, bool):
        return value
    raise _wrong(within + name, "must be true or false")


def web(given: Fields, name: str, within: str = "") -> str | None:
    """An https address; http only on this machine, for what a secret is sent to."""
    value = given.get(name)
    if value is None:
        return None
    if _short(value, URI_CHARACTERS) and _WEB.fullmatch(value):
        parts = urlsplit(value)
        own = parts.hostname in ("127.0.0.1", "localhost", "::1")
        if parts.scheme == "https" or own:
            return str(value)
    raise _wrong(within + name, "must be an https address without a user")


def uri(given: Fields, name: str, within: str = "") -> tuple[str, str | None, str | None]:
    """An SMTP connection URI without its login, and the login's user and password.

    The last @ before the host ends the login, so that a user may hold one.
    """
    value = given.get(name)
    found = _URI.fullmatch(str(value)) if _short(value, URI_CHARACTERS) else None
    if found is None:
        raise _wrong(within + name, "must be as smtps://user@smtp.example.com:465")
    user, _, password = (found["login"] or "").partition(":")
    bare = f"{found['scheme'].lower()}://{found['place']}"
    login = word({"user": unquote(user) or None}, "user", within)
    return bare, login, secret({"uri": unquote(password) or None}, "uri", within)


def uri_host(uri: str) -> str | None:
    """The host of a URI that has no login; None where it is none, or an address in brackets."""
    found = _URI_HOST.match(uri)
    return None if found is None else found[1]


def _short(value: Any, most: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= most


def _encodable(value: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _wrong(name: str, what: str) -> ValueError:
    return ValueError(f"Field '{name}' {what}")


_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_ADDRESS = re.compile(r"[^\s@<>,;\"]+@[^\s@<>,;\"]+")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*)|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]+")
_WEB = re.compile(r"https?://[^\s@/?#]+(?:[/?#]\S*)?", re.ASCII)
_URI_HOST = re.compile(r"smtps?://([^:/?#\[\]]+)", re.IGNORECASE)
_URI = re.compile(
    r"(?P<scheme>smtps?)://(?:(?P<login>.*)@)?(?P<place>[^@/?#\s]+(?:[/?]\S*)?)", re.IGNORECASE
)
