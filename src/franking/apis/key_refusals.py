"""What is told to who may not call: no key, one that does not count, or not the scope.

A 401 names both ways to send a key, so that programs and browsers know.
"""

from __future__ import annotations

from franking.apis.problems import Problem
from franking.core.key import Scope


def unknown() -> Problem:
    """401: unknown, malformed and wrong are told alike."""
    return refused("key_unknown", "There is no such key.", ANOTHER, INVALID)


def refused(reason: str, detail: str, next: str, error: bytes = b"") -> Problem:
    """401 with both ways to send a key (RFC 9110, section 11.6.1; RFC 6750, section 3)."""
    challenges = ((_CHALLENGE, _BEARER + error), (_CHALLENGE, _BASIC))
    return Problem(401, reason, detail, next, "Authorization", challenges)


def not_allowed(need: Scope | None) -> Problem:
    """403: the key has not the scope."""
    if need is None:
        # What no row covers is no route of ours; were it one, it would not be open by mistake.
        detail = "There is nothing at this path with this method."
        return Problem(404, "unknown_path", detail, "GET /openapi.json lists every path.")
    error = f'{_BEARER.decode()}, error="insufficient_scope", scope="{need}"'
    return Problem(
        403,
        "scope_missing",
        f"This call needs a key with the scope {need}, which this key has not.",
        f"Make one with `franking key create --scope {need}`.",
        "Authorization",
        ((_CHALLENGE, error.encode()),),
    )


def too_often(per_minute: int, seconds: int) -> Problem:
    """429: the key has called as often as it may."""
    detail = f"This key may make {per_minute} calls a minute, and they are used up."
    headers = ((b"retry-after", b"%d" % seconds),)
    return Problem(429, "too_often", detail, f"Call again in {seconds} s.", headers=headers)


_CHALLENGE = b"www-authenticate"
_BEARER = b'Bearer realm="franking"'
_BASIC = b'Basic realm="franking", charset="UTF-8"'
INVALID = b', error="invalid_token"'
SEND = (
    "Send one as `Authorization: Bearer fk_…` (commands take it from FRANKING_KEY);"
    " `franking key create` makes one."
)
ANOTHER = "Send the whole key as it was shown when it was made, or make another."
