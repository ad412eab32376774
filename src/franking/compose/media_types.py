"""Media types: as a document gives them, else by a file's extension (RFC 2045, section 5.1).

Only fixed tables: what the host's own `/etc/mime.types` says must not change a mail's bytes.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterable
from typing import Any

import msgspec

DEFAULT_TYPE = "application/octet-stream"
MAX_TYPE_LENGTH = 900

_TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]+"  # noqa: S105 — RFC 2045's word for it, no secret
_TYPE = re.compile(
    rf"({_TOKEN}/{_TOKEN})((?:\s*;\s*{_TOKEN}=(?:{_TOKEN}|\"[ !#-\[\]-~]*\"))*)\s*;?"
)
_PARAMETER = re.compile(rf";\s*({_TOKEN})=({_TOKEN}|\"[^\"]*\")")
# What people attach and the standard library's table lacks, by IANA's registry.
_BY_EXTENSION = mimetypes.MimeTypes().types_map[True] | {
    ".7z": "application/x-7z-compressed",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".epub": "application/epub+zip",
    ".gz": "application/gzip",
    ".ics": "text/calendar",
    ".md": "text/markdown",
    ".msg": "application/vnd.ms-outlook",
    ".odp": "application/vnd.oasis.opendocument.presentation",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".rar": "application/vnd.rar",
    ".rtf": "application/rtf",
    ".tgz": "application/gzip",
    ".webp": "image/webp",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".yaml": "application/yaml",
}
_EXTENSIONS = {
    **{media_type: extension for extension, media_type in reversed(_BY_EXTENSION.items())},
    DEFAULT_TYPE: ".bin",
    "text/plain": ".txt",
    "image/jpeg": ".jpg",
    "text/html": ".html",
}


class MediaType(msgspec.Struct, frozen=True):
    """`kind` is type and subtype in lower case; `parameters` begin with `;` and a fold each."""

    kind: str
    parameters: str = ""


def media_type(candidates: Iterable[Any], name: str) -> MediaType:
    """The first candidate that is well formed and no multipart, else by the file's name."""
    for candidate in candidates:
        if not isinstance(candidate, str) or len(candidate) > MAX_TYPE_LENGTH:
            continue
        match = _TYPE.fullmatch(candidate.strip())
        if match and not match[1].lower().startswith("multipart/"):
            parameters = [
                f";\r\n {key}={value}"
                for key, value in _PARAMETER.findall(match[2])
                if key.lower() != "name"
            ]
            return MediaType(match[1].lower(), "".join(parameters))
    return MediaType(named_type(name) or DEFAULT_TYPE)


def named_type(name: str) -> str | None:
    """The type of a file of that name, None where its extension tells none."""
    return _BY_EXTENSION.get("." + name.rpartition(".")[2].lower())


def extension(kind: str) -> str:
    """An extension for a file of that kind, with its dot."""
    return _EXTENSIONS.get(kind, ".bin")
