"""A Salesforce org that events go to, and what a login to it takes.

Policy: an org is logged in to in one way, so what is set is that of one flow (JWT bearer, refresh
token, client credentials), whole, and nothing of another.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from franking.config.settings import LOGIN_URL, PREFIX, Secret, Settings

FIELDS = (
    *("login_url", "client_id", "client_secret", "refresh_token"),
    *("username", "private_key"),
)
# They know no org of their own, and answer "request not supported on this domain" to client
# credentials: https://github.com/pozil/pub-sub-api-node-client/issues/58
_SHARED = ("https://login.salesforce.com", "https://test.salesforce.com")

Spelled = Callable[[str], str]


class Org(msgspec.Struct, frozen=True, kw_only=True):
    """An org, and how to log in to it; `private_key` is PEM, `login_url` has no slash at its end.

    With `username` and `private_key`: JWT bearer. With `refresh_token`: that. Else: client
    credentials, with `client_secret`.
    """

    name: str
    client_id: str
    login_url: str = LOGIN_URL
    client_secret: Secret | None = None
    refresh_token: Secret | None = None
    username: str | None = None
    private_key: Secret | None = None


class Orgs(msgspec.Struct, frozen=True):
    """The orgs by account, and the one for all others."""

    default: Org | None = None
    by_account: Mapping[str, Org] = {}

    @property
    def all(self) -> tuple[Org, ...]:
        """Each once."""
        found = {org.name: org for org in self.by_account.values()}
        if self.default is not None:
            found[self.default.name] = self.default
        return tuple(found.values())

    def of(self, account: str | None) -> Org | None:
        """The org of an account; None where nobody would hear."""
        return self.by_account.get(account or "", self.default)


def given(settings: Settings) -> dict[str, Any]:
    """What the settings say of their own org, by the names of `Org`; nothing without one."""
    values = {name: getattr(settings, f"salesforce_{name}") for name in FIELDS}
    found = {name: value for name, value in values.items() if value is not None}
    return {} if found.keys() == {"login_url"} else found


def contradictions(values: Mapping[str, Any], spelled: Spelled) -> Iterator[str]:
    """Why these values are not one whole flow; `spelled` is how their giver calls them."""
    if "client_id" not in values:
        yield f"{spelled('client_id')} is not set: an org needs it."
    jwt = [name for name in ("username", "private_key") if name in values]
    if len(jwt) == 1:
        other = "private_key" if jwt == ["username"] else "username"
        yield f"{spelled(other)} is not set: {spelled(jwt[0])} needs it."
    for name in ("refresh_token", "client_secret"):
        if jwt and name in values:
            yield f"{spelled(name)} and {spelled(jwt[0])} can't both be set: choose one flow."
    if jwt or "refresh_token" in values:
        return
    if "client_secret" not in values:
        ways = f"{spelled('refresh_token')}, or {spelled('username')} with a private key"
        yield f"{spelled('client_secret')} is not set: set it, or {ways}."
    elif values.get("login_url", LOGIN_URL) in _SHARED:
        yield (
            f"{spelled('login_url')} must be the org's own address (My Domain), as"
            " https://acme.my.salesforce.com: client credentials need it."
        )


def login_url(value: str) -> str:
    """Where secrets are sent, so nothing but https, unless it is this machine."""
    found = value.rstrip("/")
    if not is_origin(found):
        raise ValueError("must be https:// and a host, as https://login.salesforce.com")
    return found


def is_origin(url: str) -> bool:
    """Is it `https://host`, or `http://` to this machine, with a port or not and nothing else?"""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not host or url != f"{parts.scheme}://{parts.netloc}" or "@" in parts.netloc:
        return False
    if not url.isascii() or not url.isprintable() or " " in url:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _own(host))


def setting(name: str) -> str:
    """How the settings call a field of their own org."""
    return f"{PREFIX}salesforce_{name}".upper()


def _own(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
