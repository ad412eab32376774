"""Errors that no rule knows: what they have in common, so that they can be counted.

A fingerprint is what is left of a text once all that differs from mail to mail is masked:
addresses, links, hosts, ids and digits. The reply code and the enhanced code at its head stay, for
they are what a new rule would begin with.
"""

from __future__ import annotations

import re

import msgspec

READ_CHARACTERS = 1_000
FINGERPRINT_CHARACTERS = 240
EXAMPLE_CHARACTERS = 500


class UnknownError(msgspec.Struct, frozen=True):
    """An error that no rule knows: how often it was seen, and one that may be shown."""

    fingerprint: str
    example: str
    seen: int
    first_at: int
    last_at: int


def fingerprint(text: str) -> str:
    """The text's shape: lower-case, bounded, and the same for the same error."""
    words = " ".join(text[:READ_CHARACTERS].lower().split())
    head = _CODES.match(words)
    codes = head[0] if head else ""
    rest = words[len(codes) :]
    for pattern, mask in _MASKS:
        rest = pattern.sub(mask, rest)
    return (codes + rest)[:FINGERPRINT_CHARACTERS]


def example(text: str) -> str:
    """The text as it may be shown to anyone: bounded, addresses and tokens shortened."""
    words = " ".join(text[:READ_CHARACTERS].split())
    words = _ADDRESS.sub(lambda found: f"{found[1][:1]}…@{found[2]}", words)
    words = _TOKEN.sub(lambda found: f"{found[0][:6]}…", words)
    return words if len(words) <= EXAMPLE_CHARACTERS else words[: EXAMPLE_CHARACTERS - 1] + "…"


_CODES = re.compile(r"(?:error: )?[245]\d\d(?:[ -][245]\.\d{1,3}\.\d{1,3})?(?![\d.])")
_ADDRESS = re.compile(r"([^\s<>@\"'(),:;]{1,64})@([^\s<>@\"'(),:;]{1,255})")
_TOKEN = re.compile(r"[A-Za-z0-9_/+=-]{24,}")
_MASKS = (
    (re.compile(r"\bhttps?://[^\s<>\"')]+"), "<link>"),
    (_ADDRESS, "<address>"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b|\b(?:[0-9a-f]{0,4}:){3,7}[0-9a-f]{0,4}\b"), "<host>"),
    (re.compile(r"\b(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}\b"), "<host>"),
    (re.compile(r"(?=[a-z_-]*\d)[a-z0-9_-]{6,}(?:\.[a-z0-9_-]+)*"), "<id>"),
    (re.compile(r"\d+"), "0"),
)
