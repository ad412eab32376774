"""What Salesforce said, made fit to be written down: on one line, not too long, with no secret."""

from __future__ import annotations

from collections.abc import Iterable

CHARACTERS = 1_000
# A shorter text is no secret worth the name, and would tear words apart.
SECRET_CHARACTERS = 6


def shown(text: str, secrets: Iterable[str] = ()) -> str:
    """Its first characters; line breaks and tabs as spaces, what can't be shown as U+FFFD.

    A server may say back what it was told, so there is an ellipsis for each secret.
    """
    kept = _without(text.strip(), secrets)[:CHARACTERS]
    return "".join(map(_shown, kept)).rstrip()


def _without(text: str, secrets: Iterable[str]) -> str:
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SECRET_CHARACTERS:
            text = text.replace(secret, "…")
    return text


def _shown(mark: str) -> str:
    if mark.isprintable():
        return mark
    return " " if mark.isspace() else "\N{REPLACEMENT CHARACTER}"
