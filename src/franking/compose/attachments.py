"""Attachments as parts: a file, an inline image, a forwarded message or a prebuilt node."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from franking.compose.bodies import base64_lines
from franking.compose.custom_headers import CustomHeaders, custom_headers
from franking.compose.envelope import Unsendable
from franking.compose.headers import MAX_LINE_OCTETS, one_line
from franking.compose.links import NOTHING, Fetched, Source, unfit
from franking.compose.media_types import DEFAULT_TYPE, MediaType, extension, media_type, named_type
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


class File(msgspec.Struct, frozen=True):
    """What an attachment holds, not yet encoded; the name is on one line, or empty."""

    octets: bytes
    name: str
    kind: MediaType
    headers: CustomHeaders


def attachment(
    entry: Mapping[str, Any], number: int, fetched: Fetched = NOTHING
) -> Attachment | Unsendable:
    """The attachment at place `number`, counted from 1; `fetched` is what was fetched for it."""
    content_id = read_content_id(entry)
    if isinstance(content_id, Unsendable):
        return content_id
    raw = entry.get("raw")
    part = raw_part(raw) if raw else _file(entry, number, content_id, fetched)
    return part if isinstance(part, Unsendable) else Attachment(part, bool(content_id))


def read_content_id(entry: Mapping[str, Any]) -> str | Unsendable:
    """The `cid` without angle brackets; empty where there is none."""
    content_id = str(entry.get("cid") or "").strip().strip("<>")
    if content_id and not _CONTENT_ID.fullmatch(content_id):
        return unfit(f"Error: Invalid attachment cid: {excerpt(content_id)}")
    return content_id


def read_file(entry: Mapping[str, Any], fetched: Fetched = NOTHING) -> File | Unsendable:
    """What an attachment that is not `raw` holds; what is at an address is in `fetched`."""
    source = read_source(entry, fetched)
    if isinstance(source, Unsendable):
        return source
    headers = custom_headers(entry.get("headers"), ignored=_STRUCTURAL)
    if isinstance(headers, Unsendable):
        return headers
    name = one_line(str(entry.get("filename") or source.name or ""))
    kind = _kind(entry, source, name)
    if name and not entry.get("filename") and "." not in name:
        name += extension(kind.kind)
    return File(source.octets, name, kind, headers)


def default_name(number: int, kind: str) -> str:
    """What the attachment at place `number` is called where it has no name."""
    return f"attachment-{number}{extension(kind)}"


def raw_part(raw: Any) -> Part | Unsendable:
    """A prebuilt MIME node: taken as it is, if it is fit to be sent.

    A bare LF becomes CRLF, as nodemailer sends it: so it can't end a line for one server and not
    for another (RFC 5321, section 2.3.8). What a bare CR was meant for nobody knows: refused.
    """
    if not isinstance(raw, str | bytes | bytearray):
        return unfit("Error: Invalid raw attachment: it must be a string")
    octets = bytes(raw) if isinstance(raw, bytes | bytearray) else utf8(raw)
    octets = octets.replace(b"\r\n", b"\n")
    if b"\r" in octets or b"\0" in octets:
        return unfit("Error: Invalid raw attachment: it has a bare CR or a NUL")
    lines = octets.split(b"\n")
    if max(map(len, lines)) > MAX_LINE_OCTETS:
        return unfit(
            f"Error: Invalid raw attachment: it has a line of more than {MAX_LINE_OCTETS} octets"
        )
    return Part(b"", b"\r\n".join(lines), raw=True)


def _file(
    entry: Mapping[str, Any], number: int, content_id: str, fetched: Fetched
) -> Part | Unsendable:
    file = read_file(entry, fetched)
    if isinstance(file, Unsendable):
        return file
    name, kind = file.name, file.kind
    body, encoding = base64_lines(file.octets), "base64"
    if kind.kind.startswith("message/"):
        body, encoding, kind = _message(file.octets, kind)
    if not name and encoding == "base64":
        name = default_name(number, kind.kind)
    head = (
        f"Content-Type: {kind.kind}{kind.parameters}{name_parameter(name) if name else ''}\r\n"
        f"Content-Transfer-Encoding: {encoding}\r\n"
        f"Content-Disposition: {_disposition(entry, kind, content_id)}"
        f"{file_name_parameter(name) if name else ''}\r\n"
    )
    if content_id:
        head += f"Content-ID: <{content_id}>\r\n"
    return Part(head.encode("ascii") + file.headers.block, body)


def _kind(entry: Mapping[str, Any], source: Source, name: str) -> MediaType:
    """As the document says; of what was fetched, the name counts before what its server said."""
    by_name = named_type(name) if source.name is not None else None
    return media_type((entry.get("contentType"), by_name, source.media_type), name)


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
