"""What a person can do about an event that the CRM did not hear, by the words of its refusal.

The words are kept verbatim beside the event; the first sign that is found in them counts.
"""

from __future__ import annotations

# A sign in the outlet's words, what to do, and whether the event is sent again then.
ADVICE: tuple[tuple[str, str, bool], ...] = (
    (
        "was deleted",
        "Nothing need be done: the touchpoint was deleted while its email was under way.",
        False,
    ),
    ("There is no touchpoint", "Make the touchpoint, or correct the mail's touchpointId", True),
    (
        "REQUIRED_FIELD_MISSING",
        "The package asks for a field that the event lacks: bring both to one version",
        True,
    ),
    (
        "INVALID_FIELD",
        "The package does not know the event or a value in it: see docs/salesforce.md",
        True,
    ),
    ("APEX_ERROR", "The package failed five times: see its log in the org", True),
    ("The account", "Name the account's org (FRANKING_SALESFORCE_ORGS)", True),
    ("inside franking", "Its log tells where; please report it", True),
)
OTHERWISE = ("Mend what these words name", True)
WAITS = "Nothing need be done: it is told by itself, after the touchpoint's events before it."


def advice(error: str | None, again: str) -> str:
    """What to do about a parked event; `again` says how it is sent again."""
    found = ((words, resent) for sign, words, resent in ADVICE if sign in (error or ""))
    words, resent = next(found, OTHERWISE)
    return f"{words}; {again}" if resent else words
