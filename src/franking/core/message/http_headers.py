"""The headers that an attachment may be fetched with: `httpHeaders`, a map of strings.

Policy: whoever writes a document may say who asks, and what for; not whom (`Host`), nor how the
connection is used (RFC 9110, section 7.6.1). A value has no line break, or it would be a header
of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

MAX_HEADERS = 50
NAME_CHARACTERS = 76
VALUE_CHARACTERS = 8_000

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[\t -~\u00a0-\ud7ff\ue000-\U0010ffff]*")
OURS = frozenset(
    (
        *("host", "connection", "keep-alive", "proxy-authenticate", "proxy-authorization"),
        *("proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings"),
        *("content-length", "expect", "range"),
    )
)


def issue(name: str, value: str) -> str | None:
    """What is wrong with one, to complete "Field 'httpHeaders.X' …"; None where nothing is."""
    if len(name) > NAME_CHARACTERS or not _TOKEN.fullmatch(name):
        return "is not a valid header name"
    if name.lower() in OURS:
        return "is a header that must not be set"
    if len(value) > VALUE_CHARACTERS:
        return f"must not have more than {VALUE_CHARACTERS} characters"
    if not _VALUE.fullmatch(value):
        return "must not contain line breaks or control characters"
    return None


def fit(headers: Iterable[tuple[str, str]]) -> bool:
    """Could they be sent?"""
    given = list(headers)
    return len(given) <= MAX_HEADERS and not any(issue(name, value) for name, value in given)
