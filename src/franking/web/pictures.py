"""Pictures that a mail brings along: only such as every browser shows safely, by their octets."""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping
from typing import Any

MOST_BYTES = 2 * 1024 * 1024
MOST_PICTURES = 50
_SAFE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/]++={0,2}")
_DATA = re.compile(r"\s*data:[^,]{0,200};\s*base64\s*,", re.IGNORECASE)
_BLANKS = re.compile(r"\s+")


def shown(address: str) -> str | None:
    """A `data:` address of a picture as it may stand on a page; None for any other address.

    What is in it is told by its first octets, whatever it says it is.
    """
    head = _DATA.match(address)
    if head is None or len(address) > MOST_BYTES * 2:
        return None
    return _named(address[head.end() :])


def safe(address: str) -> bool:
    """Is it one that `shown` gave?"""
    return _SAFE.fullmatch(address) is not None


def attached(document: Mapping[str, Any]) -> dict[str, str]:
    """By Content-ID: the pictures that a document holds itself, of MOST_BYTES together."""
    message = document.get("message")
    given = message.get("attachments") if isinstance(message, dict) else None
    found: dict[str, str] = {}
    left = MOST_BYTES * 4 // 3
    for entry in given[:MOST_PICTURES] if isinstance(given, list) else ():
        cid = entry.get("cid") if isinstance(entry, dict) else None
        address = _address(entry, left) if isinstance(cid, str) else None
        if address is not None:
            found[str(cid).strip().strip("<>")] = address
            left -= len(address)
    return found


def _address(entry: Mapping[str, Any], most: int) -> str | None:
    for name in ("path", "href"):
        given = entry.get(name)
        if given:
            return shown(given) if isinstance(given, str) and len(given) <= most else None
    content = entry.get("content")
    if entry.get("encoding") != "base64" or not isinstance(content, str) or len(content) > most:
        return None
    return _named(content)


def _named(base64: str) -> str | None:
    try:
        octets = binascii.a2b_base64(_BLANKS.sub("", base64), strict_mode=True)
    except (binascii.Error, ValueError):
        return None
    kind = _kind(octets[:16])
    if kind is None or len(octets) > MOST_BYTES:
        return None
    return f"data:image/{kind};base64,{binascii.b2a_base64(octets, newline=False).decode()}"


def _kind(head: bytes) -> str | None:
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    return "webp" if head[:4] == b"RIFF" and head[8:12] == b"WEBP" else None
