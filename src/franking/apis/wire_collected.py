"""Templates, users, and what a template came to, as the outside reads them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from franking.compose.templates import Rendered
from franking.core.template import PARTS
from franking.stores.base import Kept

_json = msgspec.json.Encoder().encode


def document(kept: Kept) -> bytes:
    """A document as it is kept, with its id before its fields: `id` is ours on the wire, whatever
    the document itself has there."""
    fields = bytes(kept.document)
    if b'"id"' in fields:
        fields = _without_id(fields)
    comma = b"," if len(fields) > len(b"{}") else b""
    return b"".join((b'{"id":', _json(kept.id), comma, fields[1:]))


def page(documents: Iterable[bytes], next: str | None) -> bytes:
    """A list of documents, each as `document` gave it, and where to go on."""
    return b"".join((b'{"items":[', b",".join(documents), b'],"next":', _json(next), b"}"))


def rendered(found: Rendered) -> dict[str, Any]:
    """The parts of a template; null for what it does not have."""
    return {name: getattr(found, name) for name in (*PARTS, "attachments")}


def _without_id(fields: bytes) -> bytes:
    read = msgspec.json.decode(fields)
    read.pop("id", None)
    return _json(read)
