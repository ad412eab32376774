"""From an address in a document to what may be asked for: every door that is closed, in one place.

Policy. Only http and https, only hosts and ports on the list, no user in the URL, nothing in it
that two readers could read differently (a backslash, a control character, a host that is neither a
name nor an address). What is checked is the URL as it is asked for, by the same parser. A redirect
is an address like any other; besides, it never leads from https to http, and the headers of the
document go to no other host than the one they were written for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_address

import msgspec
from yarl import URL

from franking import __version__
from franking.compose.links import Link
from franking.config.hosts import FileHost, listed
from franking.core.message import http_headers

USER_AGENT = f"franking/{__version__}"
URL_CHARACTERS = 8_192
USUAL_PORTS = {"http": 80, "https": 443}


class NotAllowed(Exception):
    """An address that is not asked: `address` is as it was written, the text says why."""

    def __init__(self, address: str, why: str) -> None:
        super().__init__(why)
        self.address = address


class Target(msgspec.Struct, frozen=True):
    """What to ask, and whom: `place` is `host:port`, `headers` are the document's own.

    `address` is the URL as it was written, `url` as it is asked.
    """

    address: str
    url: URL
    host: str
    place: str
    headers: Mapping[str, str]


def target(link: Link, hosts: Sequence[FileHost]) -> Target:
    """The address of a document. Raises `NotAllowed`."""
    if not http_headers.fit(link.headers):
        raise NotAllowed(link.url, "its httpHeaders can't be sent")
    return _checked(link.url, _url(link.url), dict(link.headers), hosts)


def redirected(before: Target, location: str, hosts: Sequence[FileHost]) -> Target:
    """Where an answer leads. Raises `NotAllowed`."""
    after = _joined(before.url, location)
    told = str(after)
    if before.url.scheme == "https" and after.scheme == "http":
        raise NotAllowed(told, f"a redirect from {before.place} leads from https to http")
    found = _checked(told, after, {}, hosts)
    return msgspec.structs.replace(found, headers=before.headers if _same(before, found) else {})


def _checked(
    address: str, url: URL, headers: Mapping[str, str], hosts: Sequence[FileHost]
) -> Target:
    usual = USUAL_PORTS.get(url.scheme)
    if usual is None:
        raise NotAllowed(address, "it is neither http nor https")
    host, port = url.raw_host, url.port
    if not host or not port or not _is_host(host):
        raise NotAllowed(address, "its host or port can't be read")
    if not listed(hosts, host, port, usual):
        raise NotAllowed(address, "this host and port are not in FRANKING_ATTACHMENT_HOSTS")
    place = f"[{host}]:{port}" if ":" in host else f"{host.lower()}:{port}"
    return Target(address, url.with_fragment(None), host, place, headers)


def _url(address: str) -> URL:
    if len(address) > URL_CHARACTERS:
        raise NotAllowed(address, f"it has more than {URL_CHARACTERS} characters")
    if _AMBIGUOUS.search(address):
        raise NotAllowed(address, "it has a backslash or a control character")
    authority = re.split(r"[/?#]", address.partition("//")[2], maxsplit=1)[0]
    if "@" in authority:
        raise NotAllowed(address, "it has a user or a password in it")
    try:
        url = URL(address)
        url.port  # noqa: B018 (read here, since reading may raise)
    except (ValueError, UnicodeError):
        raise NotAllowed(address, "it can't be read") from None
    return url


def _joined(base: URL, location: str) -> URL:
    """A relative one starts from where we are; what it becomes is read anew, by the same rules."""
    if _AMBIGUOUS.search(location) or len(location) > URL_CHARACTERS:
        raise NotAllowed(str(base.origin()), "its redirect can't be read")
    try:
        joined = str(base.join(URL(location)))
    except (ValueError, UnicodeError):
        raise NotAllowed(str(base.origin()), "its redirect can't be read") from None
    return _url(joined)


def _same(before: Target, after: Target) -> bool:
    """The same host: at the same port, or from the usual one of http to that of https."""
    ports = (before.url.port, after.url.port)
    same_port = ports[0] == ports[1] or ports == (80, 443)
    return before.host.lower() == after.host.lower() and same_port


def _is_host(host: str) -> bool:
    if ":" not in host:
        return _NAME.fullmatch(host) is not None
    try:
        return ip_address(host).version == 6
    except ValueError:
        return False


# A lone surrogate is in no URL either.
_AMBIGUOUS = re.compile(r"[\x00-\x1f\x7f-\x9f\\\ud800-\udfff]")
_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*)")
