"""Attachments as parts: a file, an inline image, a forwarded message or a prebuilt node."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from franking.compose.bodies import base64_lines
from franking.compose.custom_headers import custom_headers
from franking.compose.envelope import Unsendable
from franking.compose.headers import MAX_LINE_OCTETS, one_line
from franking.compose.parameters import file_name_parameter, name_parameter
from franking.compose.parts import Part
from franking.compose.sources import read_source
from franking.compose.unicode import excerpt, utf8

DEFAULT_TYPE = "application/octet-stream"
MAX_TYPE_LENGTH = 900
_WORD = r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]+"
_TYPE = re.compile(rf"({_WORD}/{_WORD})((?:\s*;\s*{_WORD}=(?:{_WORD}|\"[ !#-\[\]-~]*\"))*)\s*;?")
_PARAMETER = re.compile(rf";\s*({_WORD})=({_WORD}|\"[^\"]*\")")
_DISPOSITION = re.compile(_WORD)
_CONTENT_ID = re.compile(r"[!-;=?-~](?:[ -;=?-~]{0,898}[!-;=?-~])?")
_STRUCTURAL = frozenset(
    ("content-type", "content-transfer-encoding", "content-disposition", "content-id")
)
# Only the tables of the standard library: the host's own must not change a mail's bytes.
_TYPES = mimetypes.MimeTypes()
_EXTENSIONS = {DEFAULT_TYPE: ".bin", "text/plain": ".txt", "image/jpeg": ".jpg"}


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
    media_type, parameters = _media_type(entry.get("contentType"), source.media_type, name)
    body, encoding = base64_lines(source.octets), "base64"
    if media_type.startswith("message/"):
        body, encoding, media_type = _message(source.octets, media_type)
    message = media_type.startswith("message/")
    if not name and not message:
        name = f"attachment-{number}{_extension(media_type)}"
    shown = message or (media_type.startswith("image/") and content_id)
    disposition = str(entry.get("contentDisposition") or ("inline" if shown else "attachment"))
    if not _DISPOSITION.fullmatch(disposition):
        disposition = "attachment"
    head = [
        f"Content-Type: {media_type}{parameters}{name_parameter(name) if name else ''}",
        f"Content-Transfer-Encoding: {encoding}",
        f"Content-Disposition: {disposition}{file_name_parameter(name) if name else ''}",
        *([f"Content-ID: <{content_id}>"] if content_id else ()),
        "",
    ]
    return Part("\r\n".join(head).encode("ascii") + headers.block, body)


def _media_type(given: Any, found: str | None, name: str) -> tuple[str, str]:
    """The type and its parameters: as given if well formed, else the source's, else by name."""
    for candidate in (given, found):
        if not isinstance(candidate, str) or len(candidate) > MAX_TYPE_LENGTH:
            continue
        match = _TYPE.fullmatch(candidate.strip())
        if match and not match[1].lower().startswith("multipart/"):
            parameters = [
                f";\r\n {key}={value}"
                for key, value in _PARAMETER.findall(match[2])
                if key.lower() != "name"
            ]
            return match[1].lower(), "".join(parameters)
    return _TYPES.guess_type(f"/{name}")[0] or DEFAULT_TYPE, ""


def _message(octets: bytes, media_type: str) -> tuple[bytes, str, str]:
    """A message may not be encoded (RFC 2046, section 5.2.1): what must be goes as a file."""
    lines = octets.replace(b"\r\n", b"\n").split(b"\n")
    fit = octets.isascii() and max(map(len, lines)) <= MAX_LINE_OCTETS
    body = b"\r\n".join(lines)
    if fit and b"\0" not in body and body.count(b"\r") == len(lines) - 1:
        return body, "7bit", media_type
    return base64_lines(octets), "base64", DEFAULT_TYPE


def _extension(media_type: str) -> str:
    return _EXTENSIONS.get(media_type) or _TYPES.guess_extension(media_type) or ".bin"
