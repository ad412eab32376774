"""The trace that a mail belongs to: W3C Trace Context, carried in its document.

`traceparent` (https://www.w3.org/TR/trace-context/#traceparent-header) is a field of the document
like any other: whoever hands it in may set it, by any door, and so it goes wherever the mail goes.
What is no traceparent is passed over.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

FIELD = "traceparent"

_TEXT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


class _Carrier(msgspec.Struct):
    traceparent: Any = None


def valid(value: object) -> str | None:
    """The value where it is a traceparent of version 00; else None."""
    return value if isinstance(value, str) and _TEXT.fullmatch(value) else None


def of(document: bytes | msgspec.Raw) -> str | None:
    """The trace that a stored document carries."""
    try:
        return valid(_carrier.decode(document).traceparent)
    except msgspec.MsgspecError:
        return None


def carrying(document: dict[str, Any], traceparent: str | None) -> dict[str, Any]:
    """The document with its trace, where there is one; one that it names itself stays."""
    if traceparent is None or valid(document.get(FIELD)) is not None:
        return document
    return {**document, FIELD: traceparent}


_carrier = msgspec.json.Decoder(_Carrier)
