"""The hosts that attachments may be fetched from, as `ATTACHMENT_HOSTS` lists them.

Policy. A host is a name, a wildcard (`*.example.com`: all names below it, and not that name), or
an IP address, IPv6 in brackets; with a port, that port alone; without, the one of the scheme (80 or
443). A name with other than ASCII letters stands for its A-label (RFC 5890). A wildcard needs two
labels behind it, so that a slip never lets a whole top-level domain in; and an address in an odd
spelling (`0x7f.1`) is refused, since nobody could tell what it is compared with.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from ipaddress import ip_address

import idna
import msgspec

HOSTS_MAX = 100
PORT_MAX = 65_535
NAME_CHARACTERS = 253

_ENTRY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:/@?#\s]+)(?::([0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


class FileHost(msgspec.Struct, frozen=True):
    """One host of the list: `name` in lower case, IP addresses in their usual spelling."""

    name: str
    port: int | None = None
    below: bool = False

    def takes(self, host: str, port: int, usual: int) -> bool:
        """Does it let that host in, at that port? `usual` is the scheme's own port."""
        named = host.endswith(f".{self.name}") if self.below else host == self.name
        return named and port == (self.port or usual)


def file_hosts(value: str) -> tuple[FileHost, ...]:
    """As the setting spells them. Raises ValueError, which names the one that is wrong."""
    parts = [part.strip() for part in value.split(",")]
    if len(parts) > HOSTS_MAX:
        raise ValueError(f"must be up to {HOSTS_MAX} hosts with commas between them")
    return tuple(dict.fromkeys(_host(part) for part in parts))


def listed(hosts: Iterable[FileHost], host: str, port: int, usual: int) -> bool:
    """Is a host of a URL on the list, at that port? An IPv6 address comes without brackets."""
    bare = host.removesuffix(".").lower()
    with suppress(ValueError):
        bare = ip_address(bare).compressed
    return any(one.takes(bare, port, usual) for one in hosts)


def _host(entry: str) -> FileHost:
    found = _ENTRY.fullmatch(entry)
    if found is None:
        raise _wrong(entry)
    port = None if found[2] is None else int(found[2])
    if port is not None and not 0 < port <= PORT_MAX:
        raise _wrong(entry)
    text = found[1]
    below = text.startswith("*.")
    name = _address(text) if not below else None
    if name is None:
        name = _name(text.removeprefix("*."), entry)
    if below and "." not in name:
        raise _wrong(entry)
    return FileHost(name, port, below)


def _address(text: str) -> str | None:
    bare = text[1:-1] if text.startswith("[") else text
    try:
        found = ip_address(bare)
    except ValueError:
        if text.startswith("["):
            raise _wrong(text) from None
        return None
    if (found.version == 6) is not text.startswith("["):
        raise _wrong(text)
    return found.compressed


def _name(text: str, entry: str) -> str:
    name = text.removesuffix(".").lower()
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode("ascii")
        except idna.IDNAError:
            raise _wrong(entry) from None
    labels = name.split(".")
    if len(name) > NAME_CHARACTERS or not all(map(_LABEL.fullmatch, labels)):
        raise _wrong(entry)
    if _NUMBER.fullmatch(labels[-1]):
        raise _wrong(entry)
    return name


def _wrong(entry: str) -> ValueError:
    shown = "".join(c if c.isprintable() else "?" for c in entry[:80])
    return ValueError(
        "must be host names with commas between them, as files.example.com, *.example.com or"
        f" files.example.com:8443, and {shown!r} is none"
    )
