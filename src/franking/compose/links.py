"""What of a mail has to be fetched before it can be composed: attachments at an http(s) address.

An attachment's source is its `raw`, else its `path`, else its `href`, else its `content`, as in
nodemailer. A `path` that is no `data:` URI and no http(s) URL is a file of the host, which is
never read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from franking.compose.envelope import Unsendable
from franking.compose.unicode import excerpt

_HTTP = re.compile(r"https?://", re.IGNORECASE)
# A scheme has two letters at least: `C:` is a drive.
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


class Link(msgspec.Struct, frozen=True):
    """An address as the document spells it, and the headers that it is asked with."""

    url: str
    headers: tuple[tuple[str, str], ...] = ()


class Source(msgspec.Struct, frozen=True):
    """Octets, the media type that they came with, if any, and the name at the end of their URL.

    `name` is None where there was no URL, and empty where the URL ends in none.
    """

    octets: bytes
    media_type: str | None = None
    name: str | None = None


Fetched = Mapping[Link, Source]
NOTHING: Fetched = {}


def links(document: Mapping[str, Any]) -> list[Link]:
    """The addresses in a checked document, one for each attachment or event that needs one."""
    message = document.get("message")
    if not isinstance(message, dict):
        return []
    attachments = message.get("attachments")
    entries = [*(attachments if isinstance(attachments, list) else ()), message.get("icalEvent")]
    found = [link(entry) for entry in entries if isinstance(entry, dict) and not entry.get("raw")]
    return [one for one in found if one is not None]


def link(attachment: Mapping[str, Any]) -> Link | None:
    """What an attachment has to be fetched from, None where it comes from elsewhere."""
    address = source_address(attachment)
    if address is None or not _HTTP.match(address):
        return None
    headers = attachment.get("httpHeaders")
    given = headers.items() if isinstance(headers, dict) else ()
    return Link(address, tuple((str(name), str(value)) for name, value in given))


def source_address(attachment: Mapping[str, Any]) -> str | None:
    """Its `path`, or else its `href`; None where it has neither."""
    for key in ("path", "href"):
        if address := attachment.get(key):
            return str(address)
    return None


def file_name(url: str) -> str:
    """The last piece of a URL's path, decoded; empty where it ends in a slash."""
    try:
        path = urlsplit(url).path
    except ValueError:
        return ""
    decoded = unquote(path.rpartition("/")[2], errors="replace")
    return re.split(r"[/\\]", decoded)[-1]


def refused(address: str, why: str | None = None) -> Unsendable:
    """Not asked. Told by scheme and host only: a path or a password is nobody's business."""
    error = f"Error: Attachment source is not allowed: {excerpt(where(address))}"
    return unfit(error, f"{error} ({why})" if why else None)


def unfit(error: str, said: str | None = None) -> Unsendable:
    """An attachment that no mail can be made of; `said` is told in the timeline instead."""
    return Unsendable(error, "message_content", "message_malformed", said=said)


def where(address: str) -> str:
    """Its scheme and host, `file://` for what is no URL."""
    if not _SCHEME.match(address):
        return "file://"
    try:
        url = urlsplit(address)
    except ValueError:
        return address.partition(":")[0].lower() + "://"
    return f"{url.scheme}://{url.netloc.rpartition('@')[2]}"
