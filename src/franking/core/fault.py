"""Why a mail was not sent: from the raw facts of a failure to the verdict.

A `Failure` is what was seen: how far we were, what the peer said, which error the network gave.
`judge` turns it into a `Fault`: is it worth trying again, whose trouble is it, and the sentence
for the person who must act. The peer's words stay verbatim on the failure, beside the verdict.

The policy of this first form, most specific first:

1. the sender's own sending limit, by the few codes that mean nothing else, is `send_limit`: the
   mail waits and uses up no try;
2. the enhanced status code (RFC 3463) by its registered meaning;
3. the class of the reply code: 4yz is temporary, 5yz is final (RFC 5321, section 4.2.1);
4. the kind of the error: the network's are all temporary, for nothing was refused; a token that
   is not granted, and an account that does not exist, are final.

What none of these knows is `unknown` and final: never a guess. Categories and causes are those
of the error vocabulary; their sentences, and the tables of codes, are data in `core/rules`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from franking.core.rules import KINDS, LIMITS, MEANINGS, SENTENCES, STEPS

Step = Literal["compose", "connect", "greeting", "hello", "tls", "login", "mail", "rcpt", "data"]
Kind = Literal[
    "timeout", "dns", "refused", "closed", "network", "tls", "protocol", "oauth", "account"
]


class Failure(msgspec.Struct, frozen=True):
    """What was seen when a mail could not be sent.

    `step` is the part of the conversation that failed; `text` the peer's words (or the error's)
    verbatim, several reply lines joined by a newline; `reply_code` and `enhanced` as the peer
    gave them; `kind` names an error of the network where there was no reply. `error` is the text
    for `delivery.error`, in nodemailer's words (contract trigger-email, section 4).
    """

    step: Step
    text: str
    error: str
    reply_code: int | None = None
    enhanced: str | None = None
    kind: Kind | None = None


class Fault(msgspec.Struct, frozen=True):
    """The verdict on a failure. `code` is the most specific code there is (`550 5.1.1`).

    `temporary`: worth trying again by itself. `rate_limited`: the sender's own limit; the mail
    waits. `sentence` is for the rep; `error` the text for `delivery.error`; `text` the peer's
    words verbatim.
    """

    category: str
    cause: str
    temporary: bool
    rate_limited: bool
    code: str | None
    sentence: str
    error: str
    text: str
    retry_at: int | None = None


def judge(failure: Failure) -> Fault:
    """The verdict on one failure, by the policy above."""
    category, cause = _meaning(failure)
    limited = category == "send_limit"
    return Fault(
        category=category,
        cause=cause,
        temporary=_temporary(failure) or limited,
        rate_limited=limited,
        code=_code(failure),
        sentence=SENTENCES[category],
        error=failure.error,
        text=failure.text,
    )


def doubt(error: str) -> Fault:
    """The verdict where nobody knows whether the mail went out."""
    return Fault(
        category="outcome_unknown",
        cause="unknown",
        temporary=False,
        rate_limited=False,
        code=None,
        sentence=SENTENCES["outcome_unknown"],
        error=error,
        text="",
    )


def ours(error: str, category: str = "message_content", cause: str = "message_malformed") -> Fault:
    """The verdict on what we refuse ourselves, before any peer has seen it."""
    return Fault(
        category=category,
        cause=cause,
        temporary=False,
        rate_limited=False,
        code=None,
        sentence=SENTENCES[category],
        error=error,
        text=error,
    )


def _meaning(failure: Failure) -> tuple[str, str]:
    enhanced = failure.enhanced
    if enhanced in LIMITS:
        return "send_limit", "account_rate_limited"
    if enhanced and (meaning := MEANINGS.get(enhanced.partition(".")[2])):
        # A policy's "not now" is greylisting or throttling, not a refusal of this mail.
        refused_for_now = _temporary(failure) and meaning[0] == "rejected_by_recipient"
        return _THROTTLED if refused_for_now else meaning
    if failure.reply_code is not None:
        if failure.reply_code == 421:
            return "service_unavailable", "server_error"
        final, passing = STEPS.get(failure.step, _ANY_STEP)
        return passing if _temporary(failure) else final
    if failure.kind is not None:
        return KINDS[failure.kind]
    return STEPS["compose"][0] if failure.step == "compose" else ("unknown", "unknown")


def _temporary(failure: Failure) -> bool:
    if failure.reply_code is not None:
        return 400 <= failure.reply_code < 500
    return failure.kind is not None and failure.kind not in ("oauth", "account")


def _code(failure: Failure) -> str | None:
    if failure.reply_code is None:
        return None
    return (
        f"{failure.reply_code} {failure.enhanced}" if failure.enhanced else f"{failure.reply_code}"
    )


_THROTTLED = ("recipient_unavailable", "recipient_throttled")
_ANY_STEP = (("unknown", "unknown"), ("service_unavailable", "server_error"))
