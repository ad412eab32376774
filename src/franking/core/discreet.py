"""What a text may say in a log: addresses shortened, secrets left out, one line of bounded length.

Policy. A log is read by more people than a mailbox, and kept elsewhere. Of an address it shows the
first character and the domain, enough to tell one person's trouble from another's. What looks like
one of the secrets that pass through here is left out, wherever it stands: keys, signing secrets,
tokens, passwords in URLs, and a URL's query. It is the last line: who logs a document's text is
wrong already.
"""

from __future__ import annotations

import re

MOST_CHARACTERS = 500

_ADDRESS = re.compile(
    r"([^\s@<>\"'(),:;\[\]=]{1,64}|\"[^\"]{1,64}\")@([^\s@<>\"'(),:;\[\]]{1,255})"
)
_SECRETS = (
    (
        re.compile(r"\b(Bearer|Basic|XOAUTH2|PLAIN)\s+[A-Za-z0-9+/=_.~-]{8,}", re.IGNORECASE),
        r"\1 …",
    ),
    (re.compile(r"\b(fk_[0-9A-Z]{26})_[A-Za-z0-9_-]+"), r"\1_…"),
    (re.compile(r"\bwhsec_[A-Za-z0-9+/=]+"), "whsec_…"),
    (re.compile(r"\bSG\.[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]+)?"), "SG.…"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]+){0,2}"), "eyJ…"),
    (re.compile(r"(://)[^/\s]*@"), r"\1"),
    (re.compile(r"(https?://[^\s?#\"']*)\?[^\s\"']*"), r"\1?…"),
    (
        re.compile(r"(?i)(passw(?:or)?d|secret|token|api_?key)(\"?'?\s*[=:]\s*\"?'?)[^\s,;&\"']+"),
        r"\1\2…",
    ),
)


def discreet(text: str) -> str:
    """The text as a log may have it."""
    text = " ".join(text[: 4 * MOST_CHARACTERS].split())
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    text = _ADDRESS.sub(lambda found: f"{found[1][:1]}…@{found[2]}", text)
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"
