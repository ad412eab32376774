"""What Salesforce's answers mean: the error table of the contract (cadence, section 3).

Policy, from the first line that fits:

- 200 with the package's word (`applied`, `already applied`, `out of order`): heard. Any other
  success says nothing of the event: told again, FEW tries, then parked, for a maintenance page or
  a package of another kind must not swallow it;
- REQUEST_LIMIT_EXCEEDED, UNABLE_TO_LOCK_ROW, 502 to 504, and 408 and 429, which say the same over
  plain HTTP: waited out, `Retry-After` honoured;
- 500: FEW tries, then parked; with a row lock or the CPU limit inside, waited out;
- a redirect, 401 (there was a new token before), other 403, and 404 that "Could not find a match
  for URL" (the package is not installed there): the org's trouble, so its side pauses;
- any other 4xx is about this event: parked.

Sources: "Status Codes and Error Responses" (REST API Developer Guide,
https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/errorcodes.htm), "Exposing
Apex Classes as REST Web Services" (Apex Developer Guide: response status codes).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from franking.core.depth import UNREADABLE
from franking.core.reporting import Down, Heard, Later, Never, Verdict
from franking.core.retry_time import retry_at
from franking.outlets.salesforce.wire import Answer, Unanswered
from franking.outlets.salesforce.words import shown

FEW = 5
HEARD = ("applied", "already applied", "out of order")
WAITED_OUT_CODES = frozenset(("REQUEST_LIMIT_EXCEEDED", "UNABLE_TO_LOCK_ROW"))
WAITED_OUT_STATUSES = frozenset((408, 429, 502, 503, 504))
# In the words of an exception that Apex let out.
WAITED_OUT_WORDS = (
    "UNABLE_TO_LOCK_ROW",
    "unable to obtain exclusive access",
    "Record Currently Unavailable",
    "Apex CPU time limit exceeded",
)
UNMATCHED = "Could not find a match for URL"
REASONS_MAX = 5


class Reason(msgspec.Struct, frozen=True):
    """One of the errors in an answer, in Apex's own shape."""

    code: str = msgspec.field(default="", name="errorCode")
    message: str = ""


def verdict(answer: Answer, now: int, secrets: Sequence[str] = ()) -> Verdict:
    """What an answer of the package's endpoint means, at `now` in milliseconds.

    `secrets` are left out of its words.
    """
    status = answer.status
    if status < 300:
        return _success(answer, secrets)
    reasons = _reasons(answer.body)
    text = f"Salesforce answered {status}{_told(reasons, secrets)}"
    after_ms = retry_after_ms(answer, now)
    codes = {reason.code for reason in reasons}
    if codes & WAITED_OUT_CODES or status in WAITED_OUT_STATUSES:
        return Later(text, after_ms)
    if status >= 500:
        busy = any(words in reason.message for reason in reasons for words in WAITED_OUT_WORDS)
        return Later(text, after_ms, None if busy else FEW)
    if status < 400:
        return Down(f"Salesforce answered {status}: the org has moved or is not there.")
    unmatched = status == 404 and any(UNMATCHED in reason.message for reason in reasons)
    if unmatched or status in (401, 403):
        return Down(text, after_ms)
    return Never(text)


def unanswered(found: Unanswered) -> Verdict:
    """What no answer means: it may be one soon, or somebody must mend the way there."""
    return Down(found.error) if found.lasting else Later(found.error)


def retry_after_ms(answer: Answer, now: int) -> int | None:
    """How long the answer asks to be left in peace (RFC 9110, section 10.2.3)."""
    moment = datetime.fromtimestamp(now / 1000, UTC)
    asked = retry_at("", answer.retry_after, moment)
    return None if asked is None else round((asked - moment).total_seconds() * 1000)


class _Success(msgspec.Struct, frozen=True):
    status: str


def _success(answer: Answer, secrets: Sequence[str]) -> Verdict:
    try:
        word = msgspec.json.decode(answer.body, type=_Success).status
    except UNREADABLE:
        word = ""
    if answer.status == 200 and word in HEARD:
        return Heard(word)
    said = f"{shown(word, secrets)!r}" if word else "nothing that can be read"
    return Later(f"Salesforce answered {answer.status} and said {said}.", most_tries=FEW)


def _reasons(body: bytes) -> Sequence[Reason]:
    """The errors that are told; the body as one without a code where it has another shape."""
    try:
        found = msgspec.json.decode(body, type=list[Reason] | Reason)
        return found[:REASONS_MAX] if isinstance(found, list) else [found]
    except UNREADABLE:
        text = body.decode("utf-8", "replace")
    return [] if text.lstrip().startswith("<") else [Reason("", text)]


def _told(reasons: Sequence[Reason], secrets: Sequence[str]) -> str:
    parts = [": ".join(filter(None, (one.code, one.message))) for one in reasons]
    words = shown("; ".join(filter(None, parts)), secrets)
    return f": {words}" if words else " without a reason that can be read."
