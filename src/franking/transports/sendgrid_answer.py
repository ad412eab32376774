"""What SendGrid's answer means for the mail, and its words.

Policy. 202 is acceptance; 200 is the answer in sandbox mode, where nothing is sent and nothing was
to be. A 3xx or 4xx, 429 among them, is a certain refusal: the request was not acted on. 503 is
one too: SendGrid documents it as "the v3 Web API is not available", so there was nobody to take the
mail. Of every other 5xx it says "an error occurred when SendGrid attempted to process it", which
may have been behind the point where the mail was queued, and 502 and 504 are a gateway's, which
does not know: the outcome is unknown, as with SMTP when the connection is lost behind the dot. An
answer that came before the body was whole is no doubt, whatever it says, for half a JSON object is
no mail; unless it claims to have taken it.

Sources: https://www.twilio.com/docs/sendgrid/api-reference/mail-send/errors and
https://www.twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api/rate-limits.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus

import msgspec

from franking.core.depth import UNREADABLE
from franking.core.fault import Failure
from franking.transports.base import Doubt, Receipt, Rejected
from franking.transports.quoting import printable
from franking.transports.sendgrid_exchange import PROVIDER, Answer
from franking.transports.sendgrid_payload import Payload

UNAVAILABLE = 503
WORDS_CHARACTERS = 2_000
MOST_ERRORS = 50
# Seconds since 1970 have ten digits; fewer are taken for a wait, which Retry-After has too.
_EPOCH_DIGITS = 10


class _Error(msgspec.Struct):
    message: str = ""
    field: str | None = None


class _Errors(msgspec.Struct):
    errors: list[_Error]


def read(answer: Answer, sent: Payload, whole: bool) -> Receipt | Rejected | Doubt:
    """`whole`: the body went out to its end, or may have."""
    status = answer.status
    if whole and (status == HTTPStatus.ACCEPTED or (status == HTTPStatus.OK and sent.sandbox)):
        return Receipt(sent.accepted, (), f"status={status}", answer.message_id)
    failed = failure(answer)
    certain = 300 <= status < 500 or status == UNAVAILABLE or (status >= 500 and not whole)
    return Rejected(failed) if certain else Doubt(failed)


def failure(answer: Answer) -> Failure:
    """Its words verbatim, and for `delivery.error` the status's phrase, as the extension has it."""
    phrase = answer.reason or _phrase(answer.status)
    return Failure(
        step="mail",
        text=_words(answer) or f"{answer.status} {phrase}",
        error=f"Error: {phrase}",
        reply_code=answer.status,
        kind="http",
        provider=PROVIDER,
        retry_after=answer.retry_after or _reset(answer),
    )


def _words(answer: Answer) -> str:
    """One line for each error, with the field that it is about."""
    try:
        found = msgspec.json.decode(answer.body, type=_Errors).errors[:MOST_ERRORS]
    except UNREADABLE:
        return printable(answer.body.decode("utf-8", "replace"), WORDS_CHARACTERS)
    told = [f"{one.message} ({one.field})" if one.field else one.message for one in found]
    return "\n".join(printable(one, WORDS_CHARACTERS) for one in told)[:WORDS_CHARACTERS].strip()


def _reset(answer: Answer) -> str | None:
    """X-RateLimit-Reset, seconds since 1970, as a date; every answer tells it, and 429 means it."""
    told = (answer.reset or "").strip()
    if answer.status != HTTPStatus.TOO_MANY_REQUESTS or not (told.isascii() and told.isdigit()):
        return None
    if len(told) != _EPOCH_DIGITS:
        return told
    return format_datetime(datetime.fromtimestamp(int(told), UTC), usegmt=True)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"HTTP {status}"
