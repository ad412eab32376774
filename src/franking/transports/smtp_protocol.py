"""The client's half of SMTP (RFC 5321) without I/O: bytes in, bytes and events out.

The conversation leads itself from the greeting to `Opened` (`smtp_opening`). Then each mail:
`begin` says MAIL, RCPT and DATA; `GoAhead` allows `content`; `dot` ends it, and only then may
the server take the mail. Where the server offers PIPELINING (RFC 2920) the three commands go
out together, and the next mail may `begin` right behind a dot, in the same write.

Policy. A reply that nobody asked for ends the conversation, since one that is out of step would
be taken for the answer to another mail; so does what is no reply, and 421 at any time. What the
server says in the clear behind its answer to STARTTLS is never trusted. When it is over, each
mail gets its ending here: refused in words or not yet dotted is `Rejected`, dotted and not
answered is `Doubt`, and one that a kept connection died on before it said a word is `Untried`.
"""

from __future__ import annotations

from collections import deque
from typing import Literal

import msgspec

from franking.compose.envelope import Envelope
from franking.core.fault import Failure, Kind, Step
from franking.transports import smtp_failures as say
from franking.transports.base import Doubt, Receipt, Rejected
from franking.transports.smtp_commands import (
    DATA,
    DOT,
    QUIT,
    RSET,
    mail_command,
    obstacle,
    rcpt_command,
    rcpt_commands,
    stuffed,
)
from franking.transports.smtp_extensions import Extensions
from franking.transports.smtp_opening import Introduction, Opening
from franking.transports.smtp_replies import BadReply, Reply, ReplyReader
from franking.transports.smtp_states import Misuse, Session, Stage, advance_session
from franking.transports.smtp_transaction import Transaction


class NeedTls(msgspec.Struct, frozen=True):
    """The server agreed to STARTTLS: shake hands, then call `secured`."""


class Opened(msgspec.Struct, frozen=True):
    """Mails may begin."""


class GoAhead(msgspec.Struct, frozen=True):
    """The oldest mail's content may go out."""


class Settled(msgspec.Struct, frozen=True):
    """The oldest mail has its ending."""

    answer: Receipt | Rejected | Doubt


class Untried(msgspec.Struct, frozen=True):
    """The oldest mail never began: the kept connection was dead, or closed with a 421."""


class Over(msgspec.Struct, frozen=True):
    """The conversation has ended; `failure` is None after our own QUIT."""

    failure: Failure | None


Event = NeedTls | Opened | GoAhead | Settled | Untried | Over
Command = Literal["MAIL", "RCPT", "DATA", "DOT", "IGNORED"]

_STEPS: dict[Command, Step] = {"MAIL": "mail", "RCPT": "rcpt", "DATA": "data", "DOT": "data"}
_LEADS: dict[Command, str] = {
    "MAIL": say.MAIL_REFUSED,
    "RCPT": say.RCPT_REFUSED,
    "DATA": say.DATA_REFUSED,
    "DOT": say.MESSAGE_REFUSED,
}
_OPENING_STEPS: dict[Session, Step] = {
    Session.GREETING: "greeting",
    Session.EHLO: "hello",
    Session.HELO: "hello",
    Session.STARTTLS: "tls",
    Session.HANDSHAKE: "tls",
    Session.LOGIN: "login",
}


class Conversation:
    """One connection's talk. An illegal call raises `Misuse` and changes nothing."""

    def __init__(self, introduction: Introduction, *, secure: bool = False) -> None:
        self.state = Session.GREETING
        self._opening = Opening(introduction, secure=secure)
        self._reader = ReplyReader()
        # The replies that must come, in order: to which command, for which recipient.
        self._expected: deque[tuple[Command, str]] = deque()
        # The mails under way, oldest first: at most one dotted and one behind it.
        self._mails: deque[Transaction] = deque()
        self._begun = 0
        self._out: list[bytes] = []

    @property
    def server(self) -> Extensions:
        """What the server offers, as far as it is known and trusted."""
        return self._opening.server

    def output(self) -> bytes:
        """Take the bytes to be written now."""
        out = b"".join(self._out)
        self._out.clear()
        return out

    def receive(self, data: bytes) -> list[Event]:
        """Bytes came: what follows from them, in order."""
        events: list[Event] = []
        self._reader.feed(data)
        try:
            while self.state is not Session.CLOSED and (reply := self._reader.next()):
                self._take(reply, events)
        except BadReply as bad:
            events += self.lost("protocol", str(bad))
        return events

    def secured(self) -> None:
        """The handshake is done: forget what was said in the clear, and say EHLO again."""
        self.state = advance_session(self.state, "secured")
        self._out.append(self._opening.secured())

    @property
    def ready(self) -> bool:
        """True when a mail may begin: none is under way, or just one that awaits its answer."""
        if self.state is not Session.READY:
            return False
        if not self.server.pipelining:
            return not self._mails and not self._expected
        return not self._mails or (len(self._mails) == 1 and self._mails[0].stage is Stage.DOTTED)

    def begin(self, envelope: Envelope) -> Failure | None:
        """Say MAIL, RCPT and DATA (in lockstep: MAIL); a Failure if the server can't take it.

        Raises ValueError where an address would end its line; nothing is said then.
        """
        if not self.ready:
            raise Misuse(f"no mail may begin: {self.state}, {len(self._mails)} under way")
        if failure := obstacle(envelope, self.server):
            return failure
        mail, recipients = mail_command(envelope, self.server), rcpt_commands(envelope)
        self._mails.append(Transaction(envelope, kept=self._begun > 0))
        self._begun += 1
        self._ask(mail, "MAIL")
        if self.server.pipelining:
            for line, address in zip(recipients, envelope.recipients, strict=True):
                self._ask(line, "RCPT", address)
            self._ask(DATA, "DATA")
        return None

    def content(self) -> bytes:
        """The oldest mail's stuffed content, for the caller to write; the dot is held back.

        Raises ValueError where the content has a bare CR or LF.
        """
        mail = self._oldest()
        content = stuffed(mail.envelope.content)
        mail.advance("written")
        return content

    def dot(self) -> None:
        """Say the dot: from here on the server may have the mail."""
        self._oldest().advance("dotted")
        self._ask(DOT, "DOT")

    def quit(self) -> None:
        """Say QUIT; only when no mail is under way."""
        if self._mails:
            raise Misuse("no QUIT while a mail is under way")
        self.state = advance_session(self.state, "quit")
        self._ask(QUIT, "IGNORED")

    def lost(self, kind: Kind, text: str) -> list[Event]:
        """The connection ended, went silent or talks nonsense."""
        return self.over(say.without_reply(self.step, kind, text))

    def over(self, failure: Failure | None) -> list[Event]:
        """End it, and settle all that is under way. Ending it twice does nothing."""
        if self.state is Session.CLOSED:
            return []
        why = failure or say.closed(self.step)
        self.state = advance_session(self.state, "closed")
        self._expected.clear()
        self._out.clear()
        events: list[Event] = []
        while self._mails:
            self._settle(self._mails[0].cut_short(why), events)
        events.append(Over(failure))
        return events

    @property
    def step(self) -> Step:
        """What is waited for, in the words of a Failure."""
        if self._expected:
            return _STEPS.get(self._expected[0][0], "mail")
        if self._mails:
            return "data"
        return _OPENING_STEPS.get(self.state, "mail")

    @property
    def awaited(self) -> Command | None:
        """The command whose reply comes next; None if none is due."""
        return self._expected[0][0] if self._expected else None

    def _ask(self, line: bytes, command: Command, address: str = "") -> None:
        self._out.append(line)
        self._expected.append((command, address))

    def _oldest(self) -> Transaction:
        if not self._mails:
            raise Misuse("no mail is under way")
        return self._mails[0]

    def _settle(self, answer: Receipt | Rejected | Doubt | None, events: list[Event]) -> None:
        self._mails.popleft().advance("ended")
        events.append(Untried() if answer is None else Settled(answer))

    def _take(self, reply: Reply, events: list[Event]) -> None:
        if self._expected:
            self._take_expected(reply, events)
        elif self.state is Session.READY:
            self._take_unasked(reply, events)
        elif self.state is Session.HANDSHAKE:
            events += self.lost("protocol", "the server spoke in the clear behind STARTTLS")
        else:
            self._take_opening(reply, events)

    def _take_opening(self, reply: Reply, events: list[Event]) -> None:
        outcome = self._opening.take(self.state, reply)
        if isinstance(outcome, Failure):
            events += self.over(outcome)
            return
        arrow, line = outcome
        self.state = advance_session(self.state, arrow)
        self._out.append(line)
        if arrow == "opened":
            events.append(Opened())
        elif arrow == "agreed" and self._reader.pending:
            events += self.lost("protocol", "the server spoke in the clear behind STARTTLS")
        elif arrow == "agreed":
            events.append(NeedTls())

    def _take_unasked(self, reply: Reply, events: list[Event]) -> None:
        """A refusal during the content is the mail's ending; else it is out of step."""
        if self._mails and reply.code >= 400:
            self._mails[0].refusal = say.from_reply("data", say.MESSAGE_REFUSED, reply)
        if reply.code >= 400:
            events += self.over(say.unwelcome(self.step, "Server terminates connection", reply))
        else:
            events += self.lost("protocol", f"a reply that nobody asked for: {reply.text}")

    def _take_expected(self, reply: Reply, events: list[Event]) -> None:
        command, address = self._expected[0]
        if reply.code == 421 and self.state is Session.READY:
            self._take_goodbye(command, address, reply, events)
            return
        if reply.code // 100 == 3 if command != "DATA" else reply.code < 300:
            events += self.lost("protocol", f"unexpected answer to {command}: {reply.text}")
            return
        self._expected.popleft()
        if command == "MAIL":
            self._take_mail(self._mails[0], reply, events)
        elif command == "RCPT":
            self._mails[0].took_recipient(address, reply)
            self._next_in_lockstep(self._mails[0], events)
        elif command == "DATA":
            self._take_data(self._mails[0], reply, events)
        elif command == "DOT":
            self._take_answer(self._mails[0], reply, events)
        elif self.state is Session.QUITTING and not self._expected:
            events += self.over(None)

    def _take_goodbye(
        self, command: Command, address: str, reply: Reply, events: list[Event]
    ) -> None:
        """421: the server closes. A kept connection's mail that said only MAIL hasn't begun."""
        failure = say.unwelcome(self.step, "Server terminates connection", reply)
        if command != "IGNORED" and not (command == "MAIL" and self._mails[0].kept):
            mail = self._mails[0]
            failure = say.from_reply(self.step, _LEADS[command], reply)
            if command == "RCPT":
                mail.took_recipient(address, reply)
                failure = failure if mail.accepted_any or mail.refusal else mail.all_refused()
            mail.refusal = mail.refusal or failure
        events += self.over(failure)

    def _take_mail(self, mail: Transaction, reply: Reply, events: list[Event]) -> None:
        mail.answered = True
        if reply.code < 300:
            self._next_in_lockstep(mail, events)
            return
        mail.refusal = say.from_reply("mail", say.MAIL_REFUSED, reply)
        if not self.server.pipelining:
            self._settle(mail.rejected(mail.refusal), events)

    def _next_in_lockstep(self, mail: Transaction, events: list[Event]) -> None:
        if self.server.pipelining:
            return
        if (address := mail.next_recipient) is not None:
            self._ask(rcpt_command(address), "RCPT", address)
        elif mail.accepted_any:
            self._ask(DATA, "DATA")
        else:
            self._ask(RSET, "IGNORED")
            self._settle(mail.rejected(mail.all_refused()), events)

    def _take_data(self, mail: Transaction, reply: Reply, events: list[Event]) -> None:
        refusal = mail.refusal
        if refusal is None and not mail.accepted_any:
            refusal = mail.all_refused()
        if refusal is None and reply.code < 400:
            mail.advance("go_ahead")
            events.append(GoAhead())
            return
        if refusal is None:
            refusal = say.from_reply("data", say.DATA_REFUSED, reply)
        self._settle(mail.rejected(refusal), events)
        if reply.code >= 400:
            self._ask(RSET, "IGNORED")
        elif mail.accepted_any:
            # MAIL was refused, and yet somebody was taken: a dot could deliver an empty mail.
            events += self.lost("protocol", f"unexpected answer to DATA: {reply.text}")
        else:
            # The server wants the content of a mail that it takes for nobody: RFC 2920,
            # section 3.1 says to send a lone dot. Whatever it answers, nothing was sent.
            self._ask(DOT, "IGNORED")

    def _take_answer(self, mail: Transaction, reply: Reply, events: list[Event]) -> None:
        if reply.code < 300:
            self._settle(mail.receipt(reply), events)
        else:
            failure = say.from_reply("data", say.MESSAGE_REFUSED, reply)
            self._settle(mail.rejected(failure), events)
