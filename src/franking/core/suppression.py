"""The suppression list: addresses that nothing is sent to, and why.

Policy. An address is compared in lower case, as nearly every mailbox provider does, though RFC
5321 (section 2.4) leaves the local part to the receiver: to write to one person too few, who is
told, is better than to one who asked not to be written to.
"""

from __future__ import annotations

from typing import Literal

import msgspec

REASON_CHARACTERS = 200
ADDRESS_CHARACTERS = 320
REMOVED = "recipient_suppressed", "suppressed"


class Suppression(msgspec.Struct, frozen=True):
    """An address on the list. `source`: a person put it there, or a bounce did."""

    address: str
    reason: str
    source: Literal["person", "bounce"]
    created_at: int


def normal(address: str) -> str:
    """The address as the list has it."""
    return address.strip().lower()


def listed(address: str, reason: str, source: Literal["person", "bounce"], at: int) -> Suppression:
    """An address for the list, its reason on one line and bounded."""
    words = " ".join(reason.split())
    if len(words) > REASON_CHARACTERS:
        words = words[: REASON_CHARACTERS - 1] + "…"
    return Suppression(normal(address), words, source, at)


def words(suppression: Suppression, address: str) -> str:
    """What is told of a recipient that is left out."""
    return f"Error: This address is on the suppression list: {address} ({suppression.reason})"
