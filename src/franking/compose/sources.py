"""Where an attachment's octets come from: its `content`, a `data:` URI, or what was fetched.

The host's files are never read, and nothing is fetched here: what is at an address must have been
fetched before, or is refused. Decoding is lenient as Node's is, for documents were written against
it.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Mapping
from string import ascii_letters, digits
from typing import Any
from urllib.parse import unquote_to_bytes

from msgspec.structs import replace

from franking.compose.envelope import Unsendable
from franking.compose.links import Fetched, Source, file_name, link, refused, source_address, unfit
from franking.compose.unicode import excerpt, utf8

_DATA_URI = re.compile(r"data:([^,]*),(.*)", re.DOTALL | re.IGNORECASE)
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_NOT_BASE64 = bytes(set(range(256)) - set(f"{ascii_letters}{digits}+/-_".encode("ascii")))
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})*")


def read_source(attachment: Mapping[str, Any], fetched: Fetched) -> Source | Unsendable:
    """The octets of an attachment; `path` and `href` come before `content`, as in nodemailer."""
    address = source_address(attachment)
    if address is None:
        return _content(attachment.get("content"), attachment.get("encoding"))
    wanted = link(attachment)
    found = None if wanted is None else fetched.get(wanted)
    if found is not None:
        return replace(found, name=file_name(address))
    return _data_uri(address) or refused(address)


def _data_uri(address: str) -> Source | None:
    found = _DATA_URI.fullmatch(address)
    if not found:
        return None
    media_type, *flags = found[1].split(";")
    octets = unquote_to_bytes(utf8(found[2]))
    if flags and flags[-1].strip().lower() == "base64":
        octets = _base64(octets.decode("latin-1"))
        flags.pop()
    full_type = ";".join([media_type, *flags]) if media_type else None
    return Source(octets, full_type or "text/plain")


def _content(content: Any, encoding: Any) -> Source | Unsendable:
    if content is None:
        return Source(b"")
    if isinstance(content, bytes | bytearray):
        return Source(bytes(content))
    if not isinstance(content, str):
        return unfit("Error: Invalid attachment: its content must be a string")
    decode = _DECODERS.get(str(encoding or "utf8").lower())
    if not decode:
        return unfit(f"Error: Unknown attachment encoding: {excerpt(str(encoding))}")
    return Source(decode(content))


def _base64(text: str) -> bytes:
    signs = text.partition("=")[0].encode("ascii", "ignore").translate(_URL_SAFE, _NOT_BASE64)
    if len(signs) % 4 == 1:
        signs = signs[:-1]
    return binascii.a2b_base64(signs + b"=" * (-len(signs) % 4))


def _hex(text: str) -> bytes:
    pairs = _HEX.match(text)
    return bytes.fromhex(pairs[0]) if pairs else b""


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


def _latin1(text: str) -> bytes:
    return bytes(ord(character) & 0xFF for character in text)


_DECODERS: dict[str, Callable[[str], bytes]] = {
    "utf8": utf8,
    "utf-8": utf8,
    "base64": _base64,
    "base64url": _base64,
    "hex": _hex,
    "ascii": _latin1,
    "latin1": _latin1,
    "binary": _latin1,
    "utf16le": _utf16,
    "utf-16le": _utf16,
    "ucs2": _utf16,
    "ucs-2": _utf16,
}
