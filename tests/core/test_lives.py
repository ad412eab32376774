"""Many lives of one delivery: whatever happens to it in whatever order, these things stay true."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from franking.core import endings, proof, requests
from franking.core.delivery import FINAL, WAITING, Bounds, Delivery, Info, Outcome, Stage, State
from franking.core.machine import Refused

from .lives import HOUR, MINUTE, NOW, fault

BOUNDS = Bounds(transient_attempts=3, max_wait_ms=3 * HOUR)
JITTERS = st.floats(0, 1, exclude_max=True)
PRESETS: list[dict[str, Any]] = [
    {"state": "SUCCESS"},
    {"state": "ERROR", "attempts": 4},
    {"state": "PROCESSING", "leaseExpireTime": "2026-11-21T14:06:00Z"},
    {"state": "PROCESSING"},
    {"state": "LOST"},
    {"state": "RETRY", "attempts": 2},
]
INFOS = st.builds(
    Info,
    message_id=st.none(),
    accepted=st.just(("a@example.com",)),
    rejected=st.just(()),
    pending=st.sampled_from([(), ("b@example.com",)]),
    response=st.just("250 ok"),
)


class Lives(RuleBasedStateMachine):
    """Tries every event at every moment; what is refused must have changed nothing."""

    delivery: Delivery
    before: Delivery

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.doubts = 0
        self.ours = True

    def follow(self, next_delivery: Any) -> None:
        """Take a step, or see it refused."""
        self.before = self.delivery
        self.now += 1
        try:
            self.delivery = next_delivery()
        except Refused:
            assert self.delivery == self.before
        if self.delivery.outcome is Outcome.UNKNOWN is not self.before.outcome:
            self.doubts += 1

    @initialize(given=st.sampled_from([None, *PRESETS]), before=st.sampled_from([None, NOW + HOUR]))
    def begin(self, given: dict[str, Any] | None, before: int | None) -> None:
        if given is None:
            self.delivery = requests.submitted(self.now, None, before)
        else:
            self.delivery = requests.preset(given, self.now, None, before)
            self.ours = given["state"] in (*WAITING, "LOST")
            self.doubts = int(self.delivery.outcome is Outcome.UNKNOWN)
        self.before = self.delivery

    @rule()
    def claim(self) -> None:
        if self.delivery.state in WAITING:
            self.ours = True
            self.delivery = self.before = replace(
                self.delivery,
                state=State.PROCESSING,
                epoch=self.delivery.epoch + 1,
                stage=Stage.CLAIMED,
                returns_to=self.delivery.state,
                lease_expires_at=self.now + MINUTE,
                waiting_for=None,
            )

    @rule()
    def transmit(self) -> None:
        if self.delivery.state is State.PROCESSING and self.delivery.epoch:
            self.delivery = replace(self.delivery, stage=Stage.TRANSMITTING)

    @rule(info=INFOS)
    def sent(self, info: Info) -> None:
        self.follow(lambda: endings.sent(self.delivery, info, self.now))

    @rule(temporary=st.booleans(), limited=st.booleans(), jitter=JITTERS)
    def refused(self, temporary: bool, limited: bool, jitter: float) -> None:
        verdict = fault(temporary=temporary, limited=limited)
        self.follow(lambda: endings.refused(self.delivery, verdict, self.now, jitter, BOUNDS)[1])

    @rule(resend=st.booleans(), jitter=JITTERS)
    def doubted(self, resend: bool, jitter: float) -> None:
        self.follow(lambda: endings.doubted(self.delivery, resend, self.now, jitter, BOUNDS))

    @rule()
    def returned(self) -> None:
        self.follow(lambda: endings.returned(self.delivery))

    @rule(resend=st.booleans(), jitter=JITTERS)
    def lapsed(self, resend: bool, jitter: float) -> None:
        self.follow(lambda: endings.lapsed(self.delivery, resend, self.now, jitter, BOUNDS)[1])

    @rule()
    def waited_out(self) -> None:
        self.follow(lambda: endings.waited_out(self.delivery, self.now))

    @rule(ask=st.sampled_from([requests.retried, requests.resubmitted]))
    def sent_again(self, ask: Any) -> None:
        self.ours = self.ours or self.delivery.state is not State.PROCESSING
        self.follow(lambda: ask(self.delivery, self.now, None))

    @rule(info=st.none() | INFOS)
    def proved_sent(self, info: Info | None) -> None:
        self.follow(lambda: proof.proved_sent(self.delivery, info, self.now))

    @rule(last=st.booleans(), event=st.sampled_from(["failed", "returned"]))
    def proved_unsent(self, last: bool, event: str) -> None:
        late = replace(self.delivery, error="Error: 550", category="unknown", sentence="S")
        self.follow(lambda: proof.proved_unsent(self.delivery, event, late, last, self.now))

    @invariant()
    def attempts_never_shrink(self) -> None:
        assert self.before.attempts <= self.delivery.attempts <= self.before.attempts + 1

    @invariant()
    def tries_stay_within_their_bound(self) -> None:
        assert 0 <= self.delivery.tries < BOUNDS.transient_attempts

    @invariant()
    def releases_stay_within_their_bound(self) -> None:
        assert 0 <= self.delivery.releases < BOUNDS.releases

    @invariant()
    def it_has_ended_where_it_has_an_end(self) -> None:
        if self.ours:
            assert (self.delivery.end_at is not None) is (self.delivery.state in FINAL)

    @invariant()
    def info_names_someone_who_got_it(self) -> None:
        assert self.delivery.info is None or self.delivery.info.accepted

    @invariant()
    def a_lease_is_for_processing_only(self) -> None:
        processing = self.delivery.state is State.PROCESSING
        assert (self.delivery.lease_expires_at is not None) is processing
        assert self.delivery.stage is None or processing

    @invariant()
    def nothing_is_unknown_but_by_doubt(self) -> None:
        assert self.delivery.outcome is not Outcome.UNKNOWN or self.doubts

    @invariant()
    def success_is_sent_and_tells_no_error(self) -> None:
        if self.delivery.state is State.SUCCESS and self.ours:
            assert self.delivery.outcome is Outcome.SENT
            assert self.delivery.error is None

    @invariant()
    def an_error_says_what_and_to_whom(self) -> None:
        if self.delivery.state is State.ERROR and self.ours:
            assert self.delivery.error
            assert self.delivery.sentence

    @invariant()
    def what_waits_is_due_at_some_time(self) -> None:
        if self.delivery.waiting_for == "send_limit":
            assert self.delivery.give_up_at is not None

    @invariant()
    def only_what_ended_waits_for_nothing(self) -> None:
        assert self.delivery.waiting_for is None or self.delivery.state in WAITING


TestLives = Lives.TestCase
TestLives.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None, derandomize=True
)
