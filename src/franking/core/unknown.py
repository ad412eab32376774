"""Fingerprints of words that no rule knows, so that the same trouble is counted as one.

What differs from mail to mail is masked: addresses, links, hosts, network addresses, numbers and
ids. What is left names the trouble, holds nobody's address, and stays the same from release to
release, since counts are kept under it.
"""

from __future__ import annotations

import re

import msgspec

from franking.core.facts import joined

FINGERPRINT_CHARACTERS = 160
MOST_WORDS = 256
READ_CHARACTERS = 1_000
EXAMPLE_CHARACTERS = 500


class UnknownError(msgspec.Struct, frozen=True):
    """An error that no rule knows: how often it was seen, and one that may be shown."""

    fingerprint: str
    example: str
    seen: int
    first_at: int
    last_at: int


def fingerprint(text: str) -> str:
    """The words in lower case with what varies masked, 160 characters at most; never raises."""
    words = joined(text).lower().split(maxsplit=MOST_WORDS)[:MOST_WORDS]
    masked = " ".join(_masked(word) for word in words)
    printable = "".join(char if char.isprintable() else "?" for char in masked)
    return _REPEATED.sub(r"\1", printable)[:FINGERPRINT_CHARACTERS].rstrip()


def example(text: str) -> str:
    """The text as it may be shown to anyone: bounded, addresses and tokens shortened."""
    words = " ".join(text[:READ_CHARACTERS].split())
    words = _NAMED.sub(lambda found: f"{found[1][:1]}…@{found[2]}", words)
    words = _TOKEN.sub(lambda found: f"{found[0][:6]}…", words)
    return words if len(words) <= EXAMPLE_CHARACTERS else words[: EXAMPLE_CHARACTERS - 1] + "…"


def _masked(word: str) -> str:
    """One word: `<address>`, `<link>`, `<host>`, `<id>`, or with its digits as `#`.

    Codes at the beginning of a reply are kept: they are part of the trouble's name.
    """
    if "@" in word:
        return "<address>"
    if "://" in word or word.startswith("www."):
        return "<link>"
    bare = word.strip(_PUNCTUATION)
    if _CODE.fullmatch(bare):
        return bare
    if _ADDRESS.fullmatch(bare) or _HOST.fullmatch(bare):
        return "<host>"
    if len(bare) > 7 and sum(char.isdigit() for char in bare) >= 2:
        return "<id>"
    return _DIGITS.sub("#", word)


_PUNCTUATION = "<>()[]{}\"'.,;:!?#"
_CODE = re.compile(r"[245]\d\d|[245]\.\d{1,3}\.\d{1,3}")
_ADDRESS = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}")
_HOST = re.compile(r"(?:[a-z0-9_-]{1,63}\.){1,8}[a-z]{2,24}(?:\[[0-9a-f.:]{3,45}\])?(?::\d{1,5})?")
_DIGITS = re.compile(r"\d{1,20}")
_REPEATED = re.compile(r"(<[a-z]{2,7}>)(?: <[a-z]{2,7}>){1,256}")
_NAMED = re.compile(r"([^\s<>@\"'(),:;]{1,64})@([^\s<>@\"'(),:;]{1,255})")
_TOKEN = re.compile(r"[A-Za-z0-9_/+=-]{24,}")
