"""Why a mail was not sent: from the raw facts of a failure to the verdict.

A `Failure` is what was seen: how far we were, what the peer said, which error the network gave.
`judge` turns it into a `Fault`: is it worth trying again, whose trouble is it, and the sentence
for the person who must act. `translate` does the same for words from anywhere. The peer's words
stay verbatim beside the verdict.

The policy, most specific first; the rules are data in `core/rules`:

1. the reason of a provider's API, or an OAuth `error`;
2. words that this provider is known for, then 3. its own use of a whole enhanced code;
4. words that mean the same whoever says them;
5. the enhanced code by its registered meaning (RFC 3463);
6. the reply code, then its class: 4yz is temporary, 5yz is final (RFC 5321, section 4.2.1);
7. the kind of the network's error: nearly all are temporary, for nothing was refused.

What none of these knows is `unknown` and final: never a guess. Whether a fault is temporary is
what its rule knows of the provider (Gmail's 550 5.4.5 passes at midnight), else the code's class,
else the cause's nature. A sending limit is always worth waiting for.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from franking.core.facts import Facts, read
from franking.core.matching import deciding, holding
from franking.core.retry_time import retry_at
from franking.core.rules.rule import CONFIDENCE, PASSING, Rule
from franking.core.rules.sentences import SCOPES, SENTENCES, STEPS, UNFETCHED

Step = Literal["compose", "connect", "greeting", "hello", "tls", "login", "mail", "rcpt", "data"]
Kind = Literal[
    "timeout",
    "dns",
    "refused",
    "closed",
    "network",
    "tls",
    "protocol",
    "oauth",
    "http",
    "account",
]

MOST_NEAR = 5


class Failure(msgspec.Struct, frozen=True):
    """What was seen when a mail could not be sent.

    `step` is the part of the conversation that failed; `text` the peer's words (or the error's)
    verbatim, several reply lines joined by a newline; `reply_code` and `enhanced` as the peer
    gave them; `kind` names an error of the network where there was no reply. `error` is the text
    for `delivery.error`, in nodemailer's words (contract trigger-email, section 4). `provider` is
    whose server it was, where that is known, and `retry_after` the header of an HTTP answer.
    """

    step: Step
    text: str
    error: str
    reply_code: int | None = None
    enhanced: str | None = None
    kind: Kind | None = None
    provider: str | None = None
    retry_after: str | None = None


class Fault(msgspec.Struct, frozen=True):
    """The verdict on a failure. `code` is the most specific code there is (`550 5.1.1`).

    `temporary`: worth trying again by itself. `rate_limited`: the sender's own limit; the mail
    waits. `scope` is what else it concerns (recipient, message, account or service). `sentence`
    is for the rep, with the time of the next try where the peer told one, and `next_step` what
    they do. `retry_at` is that time in UTC. `rule` is the id of the rule that decided, and
    `confidence` how far to trust it, from 0 to 1. `error` is the text for `delivery.error`;
    `text` the peer's words verbatim.
    """

    category: str
    cause: str
    temporary: bool
    rate_limited: bool
    code: str | None
    sentence: str
    error: str
    text: str
    scope: str = "message"
    next_step: str = ""
    retry_at: datetime | None = None
    rule: str = "ours"
    confidence: float = 1.0

    @property
    def retry_ms(self) -> int | None:
        """`retry_at` as milliseconds since 1970."""
        if self.retry_at is None:
            return None
        return (self.retry_at - _EPOCH) // timedelta(milliseconds=1)


def judge(failure: Failure, now: int | None = None) -> Fault:
    """The verdict on one failure, by the policy above; `now` is in milliseconds since 1970."""
    fault = translate(
        failure.text,
        reply_code=failure.reply_code,
        enhanced=failure.enhanced,
        provider=failure.provider,
        stage=failure.step,
        kind=failure.kind or ("compose" if failure.step == "compose" else None),
        retry_after=failure.retry_after,
        now=None if now is None else _EPOCH + timedelta(milliseconds=now),
    )
    return msgspec.structs.replace(fault, error=failure.error)


def translate(
    text: str,
    *,
    reply_code: str | int | None = None,
    enhanced: str | None = None,
    provider: str | None = None,
    stage: str | None = None,
    kind: str | None = None,
    retry_after: str | None = None,
    now: datetime | None = None,
) -> Fault:
    """The verdict on a peer's words, with whatever else is known; never raises.

    `kind` names an exception (`timeout`, `dns`, `tls`, `refused`…) or `http`, where `reply_code`
    is a status; `retry_after` is the header; without `now`, `retry_at` stays empty.
    """
    facts = read(text, reply_code, enhanced, provider, stage, kind)
    rule, reason = deciding(facts)
    category = rule.category_of(facts.stage)
    temporary = category == "send_limit" or _temporary(rule, facts)
    again = retry_at(facts.words, retry_after, now) if now is not None and temporary else None
    return Fault(
        category=category,
        cause=rule.cause,
        temporary=temporary,
        rate_limited=category == "send_limit",
        code=_code(facts, text, reason),
        sentence=sentence(category, again, now),
        error=text,
        text=text,
        scope=rule.scope or SCOPES[category],
        next_step=STEPS[category][0],
        retry_at=again,
        rule=rule.id,
        confidence=0.0 if rule.id == "unknown" else CONFIDENCE[rule.layer],
    )


def near(
    text: str,
    *,
    reply_code: str | int | None = None,
    enhanced: str | None = None,
    provider: str | None = None,
    stage: str | None = None,
    kind: str | None = None,
) -> list[Rule]:
    """What else came near: the rules that hold too, best first, each verdict once."""
    facts = read(text, reply_code, enhanced, provider, stage, kind)
    seen: dict[tuple[str, str], Rule] = {}
    for rule, _ in holding(facts):
        seen.setdefault((rule.category_of(facts.stage), rule.cause), rule)
        if len(seen) > MOST_NEAR:
            break
    return list(seen.values())[1:]


def doubt(error: str) -> Fault:
    """The verdict where nobody knows whether the mail went out."""
    return _ours("outcome_unknown", "unknown", error, "")


def ours(
    error: str,
    category: str = "message_content",
    cause: str = "message_malformed",
    *,
    unfetched: bool = False,
) -> Fault:
    """The verdict on what we refuse ourselves, before any peer has seen it.

    `unfetched`: the server that has an attachment was in trouble, which may pass.
    """
    fault = _ours(category, cause, error, error)
    if unfetched:
        return msgspec.structs.replace(fault, temporary=True, scope="message", sentence=UNFETCHED)
    return fault


def sentence(category: str, at: datetime | None = None, now: datetime | None = None) -> str:
    """What the rep reads; a time inside it names its zone, and its day where that is another."""
    around = ""
    if at is not None:
        at = at.astimezone(UTC)
        day = "" if now is None or now.astimezone(UTC).date() == at.date() else f"{at:%d %B}, "
        around = f" around {day}{at:%H:%M} UTC"
    return SENTENCES[category].format(around=around)


def limited_until(until: int, now: int) -> str:
    """What the rep reads of a sending limit that is waited out until then (milliseconds)."""
    at, today = (_EPOCH + timedelta(milliseconds=time) for time in (until, now))
    return sentence("send_limit", at, today)


def _ours(category: str, cause: str, error: str, text: str) -> Fault:
    return Fault(
        category=category,
        cause=cause,
        temporary=False,
        rate_limited=False,
        code=None,
        sentence=sentence(category),
        error=error,
        text=text,
        scope=SCOPES[category],
        next_step=STEPS[category][0],
    )


def _temporary(rule: Rule, facts: Facts) -> bool:
    if rule.temporary is not None:
        return rule.temporary
    if facts.http:
        return rule.cause in PASSING
    if facts.reply is not None:
        return facts.reply < 500
    if facts.enhanced is not None:
        return facts.enhanced[0] == "4"
    return rule.cause in PASSING


def _code(facts: Facts, text: str, reason: str | None) -> str | None:
    """The API's reason as the peer wrote it, else the codes."""
    if reason is not None:
        at = text.lower().find(reason)
        return text[at : at + len(reason)] if at >= 0 else reason
    if facts.reply is None:
        return facts.enhanced
    return f"{facts.reply} {facts.enhanced}" if facts.enhanced else f"{facts.reply}"


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
