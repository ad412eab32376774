"""The words that people look for, in the language of SQLite's full-text search."""

from __future__ import annotations

import re
import unicodedata
from unicodedata import ucd_3_2_0

MOST_WORDS = 16


def prefixes(q: str) -> str:
    """Each word of `q` as a prefix, in FTS5's language; nothing of `q` is syntax there.

    A word is what FTS5's own tokens are made of: two of them in one would be a phrase, which an
    index without positions refuses. FTS5 knows Unicode 6.1; what 3.2 had, it surely knows.
    """
    folded = _MARKS.sub("", unicodedata.normalize("NFC", q.lower()))
    known = "".join([c if ucd_3_2_0.category(c) != "Cn" else " " for c in folded])
    return " AND ".join(f'"{word}"*' for word in _WORD.findall(known)[:MOST_WORDS])


def plain(text: str) -> str:
    """The words of a text as `prefixes` would ask for them, with a space between."""
    folded = _MARKS.sub("", unicodedata.normalize("NFC", text.lower()))
    return " ".join(_WORD.findall(folded))


_WORD = re.compile(r"[^\W_]+")
_MARKS = re.compile("[\u0300-\u036f]")
