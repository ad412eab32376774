"""Texts cut as Salesforce counts and as people read: UTF-16 units, between grapheme clusters."""

from __future__ import annotations

import regex

LONG_UNITS = 5_000
SHORT_UNITS = 255
CATEGORY_UNITS = 40


def cut(text: str, most_units: int) -> str:
    """The beginning of a text with no more UTF-16 units than that, and no half character.

    A character is a grapheme cluster (Unicode, UAX 29): an accent stays with its letter, a family
    of emojis whole.
    """
    if len(text) * 2 <= most_units or _units(text) <= most_units:
        return text
    kept, units = 0, 0
    for found in _CLUSTER.finditer(text):
        units += _units(found.group())
        if units > most_units:
            break
        kept = found.end()
    return text[:kept]


def _units(text: str) -> int:
    return len(text) + sum(character > "\uffff" for character in text)


_CLUSTER = regex.compile(r"\X")
