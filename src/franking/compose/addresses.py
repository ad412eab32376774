"""One address: what may stand in an SMTP envelope.

Refused is what no server would take (RFC 5321, sections 4.1.2 and 4.5.3.1) and what could break
out of the line it is sent in. Otherwise lenient: a local part may have dots anywhere, for some
Japanese carriers handed such addresses out, and hosts with underscores exist.
"""

from __future__ import annotations

import re

import idna
import msgspec

MAX_LOCAL_OCTETS = 64
MAX_DOMAIN_OCTETS = 255
MAX_ADDRESS_OCTETS = 254  # a path of 256 octets, less its angle brackets

_ASCII_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}"
    r"@((?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*"
    r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)"
)
_DOT_ATOM = re.compile(r"(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]|[^\x00-\x7f])+")
_QUOTED = re.compile(r'"(?:[!#-\[\]-~]|[^\x00-\x7f]|\\[!-~])+"')
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_LITERAL = re.compile(r"\[[0-9A-Za-z:.-]+\]")


class Address(msgspec.Struct, frozen=True):
    """A mailbox: its display name, maybe empty, and its bare address, the domain in ASCII."""

    name: str
    address: str


class Misfit(msgspec.Struct, frozen=True):
    """Why a text is no address, as half a sentence."""

    reason: str


def bare_address(text: str) -> str | Misfit:
    """The address as it goes over the wire: its domain in ASCII and lower case.

    A domain in other scripts is mapped by UTS 46 and spelled in punycode (RFC 5891). A local
    part may hold UTF-8; the mail then needs SMTPUTF8 (RFC 6531).
    """
    simple = _ASCII_ADDRESS.fullmatch(text)
    if simple and len(text) <= MAX_ADDRESS_OCTETS:
        at = simple.start(1)
        return text[:at] + text[at:].lower()
    local, at_sign, domain = text.rpartition("@")
    if not at_sign:
        return Misfit("it has no @")
    misfit = _local_misfit(local)
    if misfit:
        return Misfit(misfit)
    ascii_domain = _ascii_domain(domain)
    if isinstance(ascii_domain, Misfit):
        return ascii_domain
    address = f"{local}@{ascii_domain}"
    if len(address.encode()) > MAX_ADDRESS_OCTETS:
        return Misfit(f"it is longer than {MAX_ADDRESS_OCTETS} octets")
    return address


def _local_misfit(local: str) -> str | None:
    if not local:
        return "nothing stands before the @"
    if not local.isprintable() or " " in local or "\ufffd" in local:
        return "a space or an unprintable character stands before the @"
    if len(local.encode()) > MAX_LOCAL_OCTETS:
        return f"the part before the @ is longer than {MAX_LOCAL_OCTETS} octets"
    if not _DOT_ATOM.fullmatch(local) and not _QUOTED.fullmatch(local):
        return "the part before the @ has characters that must be quoted"
    return None


def _ascii_domain(domain: str) -> str | Misfit:
    if not domain:
        return Misfit("nothing stands after the @")
    if _LITERAL.fullmatch(domain):
        return domain
    spelled = domain.lower() if domain.isascii() else _punycode(domain)
    if spelled is None:
        return Misfit("its domain is not a valid internationalised name")
    if not all(_LABEL.fullmatch(label) for label in spelled.split(".")):
        return Misfit("its domain is not a valid name")
    if len(spelled) > MAX_DOMAIN_OCTETS:
        return Misfit(f"its domain is longer than {MAX_DOMAIN_OCTETS} octets")
    return spelled


def _punycode(domain: str) -> str | None:
    """IDNA 2008 after UTS 46; emoji, which it forbids and some registries sell, as IDNA 2003."""
    if len(domain) > MAX_DOMAIN_OCTETS:
        return None  # idna's time grows with the square of the length
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.InvalidCodepoint:
        return _old_punycode(domain)
    except (idna.IDNAError, UnicodeError):
        return None


def _old_punycode(domain: str) -> str | None:
    try:
        mapped = idna.uts46_remap(domain, std3_rules=False)
        labels = [
            label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")
            for label in mapped.split(".")
        ]
    except (idna.IDNAError, UnicodeError):
        return None
    return ".".join(labels)
