"""Attachments as parts: a file, an inline image, a forwarded message or a prebuilt node."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from franking.compose.bodies import base64_lines
from franking.compose.custom_headers import custom_headers
from franking.compose.envelope import Unsendable
from franking.compose.headers import MAX_LINE_OCTETS, one_line
from franking.compose.media_types import DEFAULT_TYPE, MediaType, extension, media_type
from franking.compose.parameters import file_name_parameter, name_parameter
from franking.compose.parts import Part
from franking.compose.sources import read_source
from franking.compose.unicode import excerpt, utf8

_DISPOSITION = re.compile(r"[A-Za-z-]{1,40}")
_CONTENT_ID = re.compile(r"[!-;=?-~](?:[ -;=?-~]{0,898}[!-;=?-~])?")
_STRUCTURAL = frozenset(
    ("content-type", "content-transfer-encoding", "content-disposition", "content-id")
)


class Attachment(msgspec.Struct, frozen=True):
    """A part, and whether it belongs to the html that names it by `cid`."""

    part: Part
    inline: bool


def attachment(entry: Mapping[str, Any], number: int) -> Attachment | Unsendable:
    """The attachment at place `number`, counted from 1."""
    content_id = str(entry.get("cid") or "").strip().strip("<>")
    if content_id and not _CONTENT_ID.fullmatch(content_id):
        return Unsendable(f"Error: Invalid attachment cid: {excerpt(content_id)}")
    raw = entry.get("raw")
    part = raw_part(raw) if raw else _file(entry, number, content_id)
    return part if isinstance(part, Unsendable) else Attachment(part, bool(content_id))


def raw_part(raw: Any) -> Part | Unsendable:
    """A prebuilt MIME node: taken as it is, but for its line ends, if it is fit to be sent."""
    if not isinstance(raw, str | bytes | bytearray):
        return Unsendable("Error: Invalid raw attachment: it must be a string")
    octets = bytes(raw) if isinstance(raw, bytes | bytearray) else utf8(raw)
    octets = octets.replace(b"\r\n", b"\n")
    if b"\r" in octets or b"\0" in octets:
        return Unsendable("Error: Invalid raw attachment: it has a bare CR or a NUL")
    lines = octets.split(b"\n")
    if max(map(len, lines)) > MAX_LINE_OCTETS:
        return Unsendable(
            f"Error: Invalid raw attachment: it has a line of more than {MAX_LINE_OCTETS} octets"
        )
    return Part(b"", b"\r\n".join(lines), raw=True)


def _file(entry: Mapping[str, Any], number: int, content_id: str) -> Part | Unsendable:
    source = read_source(entry)
    if isinstance(source, Unsendable):
        return source
    headers = custom_headers(entry.get("headers"), ignored=_STRUCTURAL)
    if isinstance(headers, Unsendable):
        return headers
    name = one_line(str(entry.get("filename") or ""))
    kind = media_type((entry.get("contentType"), source.media_type), name)
    body, encoding = base64_lines(source.octets), "base64"
    if kind.kind.startswith("message/"):
        body, encoding, kind = _message(source.octets, kind)
    if not name and encoding == "base64":
        name = f"attachment-{number}{extension(kind.kind)}"
    head = (
        f"Content-Type: {kind.kind}{kind.parameters}{name_parameter(name) if name else ''}\r\n"
        f"Content-Transfer-Encoding: {encoding}\r\n"
        f"Content-Disposition: {_disposition(entry, kind, content_id)}"
        f"{file_name_parameter(name) if name else ''}\r\n"
    )
    if content_id:
        head += f"Content-ID: <{content_id}>\r\n"
    return Part(head.encode("ascii") + headers.block, body)


def _disposition(entry: Mapping[str, Any], kind: MediaType, content_id: str) -> str:
    """As given if it is a word; else messages and images that the html names are shown inline."""
    given = entry.get("contentDisposition")
    if isinstance(given, str) and _DISPOSITION.fullmatch(given):
        return given
    shown = kind.kind.startswith("message/") or (kind.kind.startswith("image/") and content_id)
    return "inline" if shown else "attachment"


def _message(octets: bytes, kind: MediaType) -> tuple[bytes, str, MediaType]:
    """A message may not be encoded (RFC 2046, section 5.2.1): what must be goes as a file."""
    lines = octets.replace(b"\r\n", b"\n").split(b"\n")
    fit = octets.isascii() and max(map(len, lines)) <= MAX_LINE_OCTETS
    body = b"\r\n".join(lines)
    if fit and b"\0" not in body and body.count(b"\r") == len(lines) - 1:
        return body, "7bit", kind
    return base64_lines(octets), "base64", MediaType(DEFAULT_TYPE)
