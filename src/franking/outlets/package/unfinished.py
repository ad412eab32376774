"""What was begun for a touchpoint and is not done yet, as it is kept beside it."""

from __future__ import annotations

from typing import Any

import msgspec

# So long may a completion be under way; then whoever began it is gone.
LONGEST_MS = 30_000


class Creation(msgspec.Struct, frozen=True, tag="create", tag_field="do"):
    """A timer is to be made; `timer` is the body of the call."""

    timer: dict[str, Any]


class Undoing(msgspec.Struct, frozen=True, tag="undo", tag_field="do"):
    """A creation was refused to its caller, and nobody knows whether its timer was made. Somebody
    undoes it since `at`."""

    at: int | None = None

    def over(self, now: int) -> bool:
        """Is nobody at it any more?"""
        return self.at is None or not 0 <= now - self.at < LONGEST_MS


class Completion(msgspec.Struct, frozen=True, tag="complete", tag_field="do"):
    """A mail is being handed in since `at`; `before` was the touchpoint's mail until then.

    `unsure`: there was no answer that tells whether it was taken.
    """

    before: str | None
    at: int
    unsure: bool = False

    def over(self, now: int) -> bool:
        """Is nobody at it any more?"""
        return self.unsure or not 0 <= now - self.at < LONGEST_MS


class Deletion(msgspec.Struct, frozen=True, tag="delete", tag_field="do"):
    """What is still to come is to be cancelled, and the touchpoint deleted then."""


Unfinished = Creation | Undoing | Completion | Deletion


def written(work: Unfinished) -> bytes:
    """As the store keeps it."""
    return msgspec.json.encode(work)


def read(raw: bytes | None) -> Unfinished | None:
    """What is unfinished; None where nothing is."""
    return None if raw is None else _decoder.decode(raw)


_decoder: msgspec.json.Decoder[Unfinished] = msgspec.json.Decoder(Unfinished)
