"""From a transport's answer to the settlement of the attempt: decided first, written later."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from franking.clock import Clock
from franking.compose.envelope import Envelope, Unsendable
from franking.core import endings
from franking.core.attempt import AccountNews, Attempt, Lease, Remainder, Settlement
from franking.core.delivery import Bounds, Delivery, Info, Outcome, Stage, State
from franking.core.event import report
from franking.core.fault import Failure, Fault, judge, limited_until, ours
from franking.core.retry import backoff_ms, limit_wait_ms
from franking.engine.hold import Hold
from franking.stores.base import Claimed, Mail
from franking.transports.base import Answer, Doubt, Receipt, Refusal, Rejected, Withheld

COMPOSING_FAILED = "Error: This message could not be composed."


class Ending(msgspec.Struct, frozen=True):
    """How an attempt ended, before it is written down."""

    event: str
    delivery: Delivery
    text: str = ""
    response: str | None = None
    remainder: Remainder | None = None
    fault: Fault | None = None
    next_at: int | None = None


class Concluder:
    """Turns answers into settlements, with the time and chance of one worker."""

    def __init__(self, clock: Clock, bounds: Bounds, worker: str) -> None:
        self._clock = clock
        self._bounds = bounds
        self._worker = worker

    def conclude(
        self, hold: Hold, answer: Answer | Unsendable, envelope: Envelope | None
    ) -> Settlement:
        """The settlement of a claimed mail whose transport answered so."""
        ending = self._ending(hold, answer, envelope)
        settlement = self._settlement(hold.claimed.mail, hold, ending)
        unknown = _unknown(answer)
        return replace(settlement, unknown=unknown) if unknown else settlement

    def lapse(self, mail: Mail) -> Settlement:
        """The settlement of a mail whose lease ran out (the sweeper's)."""
        now = self._clock.now()
        resend = mail.on_unknown == "resend"
        event, delivery = endings.lapsed(
            mail.delivery, resend, now, self._clock.jitter(), self._bounds
        )
        return self._settlement(mail, None, Ending(event, delivery))

    def _ending(self, hold: Hold, answer: Answer | Unsendable, envelope: Envelope | None) -> Ending:
        mail = hold.claimed.mail
        delivery = mail.delivery
        if isinstance(answer, Receipt) and envelope is not None:
            return self._sent(hold, answer, envelope)
        if isinstance(answer, Rejected):
            _note(hold, answer.refused)
            return self._refused(hold.claimed, answer.failure)
        if isinstance(answer, Doubt):
            return self._doubted(mail, answer)
        if isinstance(answer, Withheld):
            return Ending("returned", endings.returned(delivery))
        known = answer if isinstance(answer, Unsendable) else Unsendable(COMPOSING_FAILED)
        return self._unsendable(delivery, known)

    def _sent(self, hold: Hold, receipt: Receipt, envelope: Envelope) -> Ending:
        hold.reach(Stage.ANSWERED, text=receipt.response)
        _note(hold, receipt.refused)
        mail = hold.claimed.mail
        tries = mail.delivery.tries + 1
        later = [r for r in receipt.refused if self._worth_trying(r, tries)]
        pending = tuple(r.address for r in later)
        refused = [r.address for r in receipt.refused if r.address not in pending]
        rejected = (*hold.left_out, *refused)
        now = self._clock.now()
        told = (receipt.response, receipt.queue_id)
        info = Info(envelope.message_id, receipt.accepted, rejected, pending, *told)
        delivery = endings.sent(mail.delivery, info, now)
        remainder = self._remainder(mail, envelope, pending, tries) if pending else None
        return Ending("sent", delivery, receipt.response, receipt.response, remainder)

    def _worth_trying(self, refusal: Refusal, tries: int) -> bool:
        return judge(refusal.failure).temporary and tries < self._bounds.transient_attempts

    def _remainder(
        self, mail: Mail, envelope: Envelope, pending: tuple[str, ...], tries: int
    ) -> Remainder:
        now = self._clock.now()
        wait_ms = backoff_ms(tries, self._bounds.retry_base_ms, self._clock.jitter())
        delivery = Delivery(
            state=State.PENDING,
            due_at=now + wait_ms,
            start_at=now,
            tries=tries,
            give_up_at=mail.delivery.give_up_at,
            waiting_for="retry",
        )
        parent = mail.remainder_of or mail.id
        return Remainder(
            id=f"{parent}~{mail.delivery.epoch}",
            parent=parent,
            delivery=delivery,
            envelope=_described(replace(envelope, recipients=pending)),
            content=envelope.content,
        )

    def _refused(self, claimed: Claimed, failure: Failure) -> Ending:
        now, jitter = self._clock.now(), self._clock.jitter()
        fault = judge(failure, now)
        delivery = claimed.mail.delivery
        event, after = endings.refused(delivery, fault, now, jitter, self._bounds)
        until = None
        if fault.rate_limited:
            until = fault.retry_ms or now + limit_wait_ms(claimed.pauses + 1, jitter)
            after = replace(after, sentence=limited_until(until, now))
        return Ending(event, after, failure.text, fault=fault, next_at=until)

    def _unsendable(self, delivery: Delivery, answer: Unsendable) -> Ending:
        error = answer.error
        fault = ours(error)
        if answer.category is not None and answer.cause is not None:
            fault = ours(error, answer.category, answer.cause, unfetched=answer.temporary)
        elif "ecipient" in error or "address" in error:
            fault = ours(error, "invalid_recipient_address", "address_invalid")
        now, jitter = self._clock.now(), self._clock.jitter()
        event, after = endings.refused(delivery, fault, now, jitter, self._bounds)
        return Ending(event, after, answer.said or error)

    def _doubted(self, mail: Mail, doubt: Doubt) -> Ending:
        now, jitter = self._clock.now(), self._clock.jitter()
        resend = mail.on_unknown == "resend"
        error = doubt.failure.error
        after = endings.doubted(mail.delivery, resend, now, jitter, self._bounds, error)
        return Ending("doubted", after, doubt.failure.text)

    def _settlement(self, mail: Mail, hold: Hold | None, ending: Ending) -> Settlement:
        now = self._clock.now()
        event = None
        if mail.remainder_of is None:
            event = report(
                ending.event,
                ending.delivery,
                event_id=self._clock.new_id(),
                mail=mail.id,
                links=mail.links,
                now=now,
                text=ending.text,
                next_at=ending.next_at,
            )
        return Settlement(
            lease=Lease(mail.seq, mail.delivery.epoch),
            delivery=ending.delivery,
            attempt=self._attempt(mail, hold, ending, now),
            event=event,
            remainder=ending.remainder,
            parent=mail.remainder_of,
            news=_news(mail, hold, ending),
            timed=mail.timed > 0,
        )

    def _attempt(self, mail: Mail, hold: Hold | None, ending: Ending, now: int) -> Attempt:
        stage = hold.stage if hold is not None else mail.delivery.stage or Stage.CLAIMED
        after = ending.delivery
        told = ending.event not in ("sent", "returned", "released")
        return Attempt(
            mail=mail.id,
            epoch=mail.delivery.epoch,
            number=after.attempts,
            revision=mail.revision,
            event=ending.event,
            stage=stage,
            outcome=_outcome(ending),
            started_at=hold.started_at if hold is not None else now,
            ended_at=now,
            error=after.error if told else None,
            category=after.category if told else None,
            code=after.error_code if told else None,
            text=ending.text or None,
            response=ending.response,
            worker=self._worker,
            steps=hold.steps if hold is not None else [],
            message_id=hold.message_id if hold is not None and stage in _TRANSMITTED else None,
        )


def _news(mail: Mail, hold: Hold | None, ending: Ending) -> AccountNews | None:
    """What the attempt says of the account, where it says anything new."""
    fault = ending.fault
    if fault is not None and fault.rate_limited:
        return AccountNews(mail.account, "limited", fault.error, ending.next_at)
    if fault is not None and fault.category == "mailbox_disconnected":
        return AccountNews(mail.account, "disconnected", fault.error)
    never_composed = hold is not None and hold.stage is Stage.CLAIMED
    if never_composed or ending.event in ("returned", "released"):
        return AccountNews(mail.account, "unused")
    if hold is None or not hold.claimed.probe:
        return None
    unreachable = fault is not None and fault.cause == "connection_failed"
    return AccountNews(mail.account, "unreachable" if unreachable else "went")


def _unknown(answer: Answer | Unsendable) -> tuple[str, ...]:
    """What the peer said that no rule knows."""
    if isinstance(answer, Receipt | Rejected):
        failures = [refusal.failure for refusal in answer.refused]
        if isinstance(answer, Rejected):
            failures.append(answer.failure)
        unknown = [f.text for f in failures if judge(f).category == "unknown"]
        return tuple(dict.fromkeys(unknown))
    return ()


def _outcome(ending: Ending) -> Outcome:
    if ending.event == "sent":
        return Outcome.SENT
    in_doubt = ending.event in ("doubted", "expired")
    return Outcome.UNKNOWN if in_doubt else Outcome.NOT_SENT


def _note(hold: Hold, refused: tuple[Refusal, ...]) -> None:
    for refusal in refused:
        hold.said(refusal.address, refusal.failure.text)


def _described(envelope: Envelope) -> dict[str, Any]:
    """What a remainder keeps of its envelope; the content is kept as bytes."""
    return {
        "sender": envelope.sender,
        "recipients": list(envelope.recipients),
        "message_id": envelope.message_id,
        "smtputf8": envelope.smtputf8,
        "eight_bit": envelope.eight_bit,
    }


_TRANSMITTED = (Stage.TRANSMITTING, Stage.ANSWERED)
