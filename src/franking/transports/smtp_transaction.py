"""One mail on the wire: what it has been answered, and how it ends."""

from __future__ import annotations

from franking.compose.envelope import Envelope
from franking.core.fault import Failure
from franking.transports.base import Doubt, Receipt, Refusal, Rejected
from franking.transports.smtp_failures import ALL_REFUSED, RCPT_REFUSED, doubted, from_reply
from franking.transports.smtp_replies import Reply
from franking.transports.smtp_states import Stage, advance_mail


class Transaction:
    """A mail between MAIL and the answer to its dot; `kept` if not the connection's first."""

    __slots__ = ("_accepted", "_refused", "answered", "envelope", "kept", "refusal", "stage")

    def __init__(self, envelope: Envelope, *, kept: bool) -> None:
        self.envelope = envelope
        self.kept = kept
        self.stage = Stage.OPENING
        self.answered = False
        self.refusal: Failure | None = None
        self._accepted: list[str] = []
        self._refused: list[tuple[str, Reply]] = []

    def advance(self, arrow: str) -> None:
        """Take an arrow of the table, or raise `Misuse`."""
        self.stage = advance_mail(self.stage, arrow)

    def took_recipient(self, address: str, reply: Reply) -> None:
        """Note the answer to one RCPT; behind a refused MAIL a refusal says nothing of its own."""
        if reply.code < 300:
            self._accepted.append(address)
        elif self.refusal is None:
            self._refused.append((address, reply))

    @property
    def accepted_any(self) -> bool:
        """True once a recipient was taken."""
        return bool(self._accepted)

    @property
    def next_recipient(self) -> str | None:
        """In lockstep: whom to name next."""
        said = len(self._accepted) + len(self._refused)
        return self.envelope.recipients[said] if said < len(self.envelope.recipients) else None

    def receipt(self, reply: Reply) -> Receipt:
        """The server took the mail."""
        return Receipt(tuple(self._accepted), self._refusals(), reply.text)

    def rejected(self, failure: Failure) -> Rejected:
        """The mail was not taken."""
        return Rejected(failure, self._refusals())

    def all_refused(self) -> Failure:
        """Nobody was taken: the last refusal is quoted, as nodemailer does."""
        return from_reply("rcpt", ALL_REFUSED, self._refused[-1][1])

    def cut_short(self, why: Failure) -> Rejected | Doubt | None:
        """The ending when the conversation is over; None if the mail never began."""
        if self.refusal is not None:
            return self.rejected(self.refusal)
        if self.stage is Stage.DOTTED:
            return Doubt(doubted(why))
        if self.kept and not self.answered:
            return None
        return self.rejected(why)

    def _refusals(self) -> tuple[Refusal, ...]:
        return tuple(
            Refusal(address, from_reply("rcpt", RCPT_REFUSED, reply))
            for address, reply in self._refused
        )
