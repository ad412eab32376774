"""What a receiver's answer means: done, failed, or to be tried again, and when.

Policy. 2xx is done. 408, 425, 429 and 5xx may pass, so they are tried again, no sooner than
`Retry-After` asks. Everything else is final, redirects too: whoever asked for a call to one URL
did not ask for a call to another. The receiver's words are kept.
"""

from __future__ import annotations

import email.utils
import re
from datetime import UTC
from http import HTTPStatus

import msgspec

from franking.core.timer.calls import LONGEST_WAIT_MS, Called
from franking.transports.quoting import printable

PASSING = (408, 425, 429)
BODY_CHARACTERS = 500
REASON_CHARACTERS = 100


class Answer(msgspec.Struct, frozen=True):
    """An HTTP answer: its status line, its `Retry-After`, and the beginning of its body."""

    status: int
    reason: str = ""
    retry_after: str | None = None
    body: bytes = b""


def called(answer: Answer, now: int) -> Called:
    """What the call came to; `now` is what a `Retry-After` with a date is counted from."""
    if 200 <= answer.status <= 299:
        return Called()
    again = answer.status in PASSING or 500 <= answer.status <= 599
    wait_ms = retry_after_ms(answer.retry_after or "", now) if again else None
    return Called(_words(answer), again, wait_ms)


def retry_after_ms(text: str, now: int) -> int | None:
    """Seconds or an HTTP date (RFC 9110, section 10.2.3), an hour at most; None for nonsense."""
    text = text.strip()
    if re.fullmatch(r"[0-9]{1,15}", text):
        return min(int(text) * 1000, LONGEST_WAIT_MS)
    try:
        date = email.utils.parsedate_to_datetime(text[:64])
        due = int(date.replace(tzinfo=date.tzinfo or UTC).timestamp() * 1000)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return max(0, min(due - now, LONGEST_WAIT_MS))


def _words(answer: Answer) -> str:
    reason = printable(answer.reason, REASON_CHARACTERS) or _usual_reason(answer.status)
    line = f"{answer.status} {reason}".rstrip()
    if 300 <= answer.status <= 399:
        line += " (redirects are not followed)"
    body = printable(answer.body.decode("utf-8", "replace"), BODY_CHARACTERS)
    return f"{line}: {body}" if body else line


def _usual_reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
