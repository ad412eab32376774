"""The mails under way on an open conversation, and the replies that are due to them.

Policy. Replies come in the order of the commands, so each is read for what was asked first. One
that nobody asked for, or of a kind that its command can't have, means that we and the server are
out of step: it would be taken for the answer to another mail, so the conversation is over. So it
is with 421 at any time (RFC 5321, section 3.8).
"""

from __future__ import annotations

from collections import deque
from typing import Literal

from franking.compose.envelope import Envelope
from franking.core.fault import Failure, Step
from franking.transports import smtp_failures as say
from franking.transports.base import Doubt, Receipt, Rejected
from franking.transports.smtp_commands import (
    DATA,
    DOT,
    RSET,
    mail_command,
    obstacle,
    rcpt_command,
    rcpt_commands,
    stuffed,
)
from franking.transports.smtp_events import Event, GoAhead, Settled, Untried
from franking.transports.smtp_extensions import Extensions
from franking.transports.smtp_replies import Reply
from franking.transports.smtp_states import Misuse, Stage
from franking.transports.smtp_transaction import Transaction

Command = Literal["MAIL", "RCPT", "DATA", "DOT", "IGNORED"]

_STEPS: dict[Command, Step] = {"MAIL": "mail", "RCPT": "rcpt", "DATA": "data", "DOT": "data"}
_LEADS: dict[Command, str] = {
    "MAIL": say.MAIL_REFUSED,
    "RCPT": say.RCPT_REFUSED,
    "DATA": say.DATA_REFUSED,
    "DOT": say.MESSAGE_REFUSED,
}


class Pipeline:
    """Writes to `out` and `events`, which the conversation owns."""

    def __init__(self, out: list[bytes], events: deque[Event]) -> None:
        self.server = Extensions()
        self._out = out
        self._events = events
        # The replies that must come, in order: to which command, for which recipient.
        self._due: deque[tuple[Command, str]] = deque()
        # Oldest first: at most one whose dot is out, and one behind it.
        self._mails: deque[Transaction] = deque()
        self._begun = 0

    @property
    def ready(self) -> bool:
        """True when a mail may begin: none is under way, or just one that awaits its answer."""
        if not self.server.pipelining:
            return not self._mails and not self._due
        return not self._mails or (len(self._mails) == 1 and self._mails[0].stage is Stage.DOTTED)

    @property
    def empty(self) -> bool:
        """True when no mail is under way."""
        return not self._mails

    @property
    def awaited(self) -> Command | None:
        """The command whose reply comes next; None if none is due."""
        return self._due[0][0] if self._due else None

    @property
    def step(self) -> Step:
        """What is waited for, in the words of a Failure."""
        if self._due:
            return _STEPS.get(self._due[0][0], "mail")
        return "data" if self._mails else "mail"

    def begin(self, envelope: Envelope) -> Failure | None:
        """Say MAIL, RCPT and DATA (in lockstep: MAIL); a Failure if the server can't take it."""
        if not self.ready:
            raise Misuse(f"no mail may begin: {len(self._mails)} under way")
        if failure := obstacle(envelope, self.server):
            return failure
        mail, recipients = mail_command(envelope, self.server), rcpt_commands(envelope)
        self._mails.append(Transaction(envelope, kept=self._begun > 0))
        self._begun += 1
        self.ask(mail, "MAIL")
        if self.server.pipelining:
            for line, address in zip(recipients, envelope.recipients, strict=True):
                self.ask(line, "RCPT", address)
            self.ask(DATA, "DATA")
        return None

    def content(self) -> bytes:
        """The oldest mail's stuffed content; the dot is held back."""
        mail = self._oldest()
        content = stuffed(mail.envelope.content)
        mail.advance("written")
        return content

    def dot(self) -> None:
        """Say the dot: from here on the server may have the mail."""
        self._oldest().advance("dotted")
        self.ask(DOT, "DOT")

    def ask(self, line: bytes, command: Command, address: str = "") -> None:
        """Say a line to which a reply is due."""
        self._out.append(line)
        self._due.append((command, address))

    def cut_short(self, why: Failure) -> None:
        """The conversation is over: each mail gets its ending."""
        self._due.clear()
        while self._mails:
            self._settle(self._mails[0].cut_short(why))

    def take(self, reply: Reply) -> Failure | None:
        """Read one reply; a Failure if the conversation is over with it."""
        if not self._due:
            return self._take_unasked(reply)
        command, address = self._due[0]
        if reply.code == 421:
            return self._take_goodbye(command, address, reply)
        if not _fits(command, reply):
            return _out_of_step(self.step, f"unexpected answer to {command}: {reply.text}")
        self._due.popleft()
        match command:
            case "RCPT":
                self._mails[0].took_recipient(address, reply)
                self._next_in_lockstep(self._mails[0])
            case "MAIL":
                self._take_mail(self._mails[0], reply)
            case "DATA":
                return self._take_data(self._mails[0], reply)
            case "DOT":
                self._take_answer(self._mails[0], reply)
        return None

    def _take_unasked(self, reply: Reply) -> Failure:
        """A refusal during the content is the mail's ending; all else is out of step."""
        if reply.code < 400:
            return _out_of_step(self.step, f"a reply that nobody asked for: {reply.text}")
        if self._mails:
            self._mails[0].refusal = say.from_reply("data", say.MESSAGE_REFUSED, reply)
        return say.unwelcome(self.step, "Server terminates connection", reply)

    def _take_goodbye(self, command: Command, address: str, reply: Reply) -> Failure:
        """The server closes; a kept connection's mail that said only MAIL hasn't begun."""
        if command == "IGNORED" or (command == "MAIL" and self._mails[0].kept):
            return say.unwelcome(self.step, "Server terminates connection", reply)
        mail = self._mails[0]
        failure = say.from_reply(self.step, _LEADS[command], reply)
        if command == "RCPT":
            mail.took_recipient(address, reply)
            failure = failure if mail.accepted_any or mail.refusal else mail.all_refused()
        mail.refusal = mail.refusal or failure
        return failure

    def _take_mail(self, mail: Transaction, reply: Reply) -> None:
        mail.answered = True
        if reply.code < 300:
            self._next_in_lockstep(mail)
            return
        mail.refusal = say.from_reply("mail", say.MAIL_REFUSED, reply)
        if not self.server.pipelining:
            self._settle(mail.rejected(mail.refusal))

    def _next_in_lockstep(self, mail: Transaction) -> None:
        if self.server.pipelining:
            return
        if (address := mail.next_recipient) is not None:
            self.ask(rcpt_command(address), "RCPT", address)
        elif mail.accepted_any:
            self.ask(DATA, "DATA")
        else:
            self.ask(RSET, "IGNORED")
            self._settle(mail.rejected(mail.all_refused()))

    def _take_data(self, mail: Transaction, reply: Reply) -> Failure | None:
        refusal = mail.refusal or (None if mail.accepted_any else mail.all_refused())
        if refusal is None and reply.code < 400:
            mail.advance("go_ahead")
            self._events.append(GoAhead())
            return None
        refusal = refusal or say.from_reply("data", say.DATA_REFUSED, reply)
        self._settle(mail.rejected(refusal))
        if reply.code >= 400:
            self.ask(RSET, "IGNORED")
        elif mail.accepted_any:
            # MAIL was refused, and yet somebody was taken: a dot could deliver an empty mail.
            return _out_of_step("data", f"unexpected answer to DATA: {reply.text}")
        else:
            # The server wants the content of a mail that it takes for nobody: RFC 2920,
            # section 3.1 says to send a lone dot. Whatever it answers, nothing was sent.
            self.ask(DOT, "IGNORED")
        return None

    def _take_answer(self, mail: Transaction, reply: Reply) -> None:
        if reply.code < 300:
            self._settle(mail.receipt(reply))
        else:
            self._settle(mail.rejected(say.from_reply("data", say.MESSAGE_REFUSED, reply)))

    def _settle(self, answer: Receipt | Rejected | Doubt | None) -> None:
        self._mails.popleft().advance("ended")
        self._events.append(Untried() if answer is None else Settled(answer))

    def _oldest(self) -> Transaction:
        if not self._mails:
            raise Misuse("no mail is under way")
        return self._mails[0]


def _fits(command: Command, reply: Reply) -> bool:
    """DATA is answered with 354 or a refusal, all else with 2yz or a refusal."""
    if reply.code >= 400:
        return True
    return reply.code == 354 if command == "DATA" else reply.code < 300


def _out_of_step(step: Step, text: str) -> Failure:
    return say.without_reply(step, "protocol", text)
