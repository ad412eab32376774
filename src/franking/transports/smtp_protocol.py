"""The client's half of SMTP (RFC 5321) without I/O: bytes in, bytes and events out.

The conversation leads itself from the greeting to `Opened` (`smtp_opening`). Then each mail
(`smtp_pipeline`): `begin` says MAIL, RCPT and DATA; `GoAhead` allows `content`; `dot` ends it,
and only then may the server take the mail. Where the server offers PIPELINING (RFC 2920) the
three commands go out together, and the next mail may `begin` right behind a dot, in one write.

Policy. What the server says in the clear behind its answer to STARTTLS is never trusted, and
what is no reply ends the conversation. When it is over, each mail gets its ending: refused in
words or not yet dotted is `Rejected`, dotted and not answered is `Doubt`, and one that a kept
connection died on before it said a word is `Untried`.
"""

from __future__ import annotations

from collections import deque

from franking.compose.envelope import Envelope
from franking.core.fault import Failure, Kind, Step
from franking.transports import smtp_failures as say
from franking.transports.smtp_commands import QUIT
from franking.transports.smtp_events import Event, NeedTls, Opened, Over
from franking.transports.smtp_extensions import Extensions
from franking.transports.smtp_opening import Introduction, Opening
from franking.transports.smtp_pipeline import Command, Pipeline
from franking.transports.smtp_replies import BadReply, Reply, ReplyReader
from franking.transports.smtp_states import Misuse, Session, advance_session

_STEPS: dict[Session, Step] = {
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
        self._out: list[bytes] = []
        self._events: deque[Event] = deque()
        self._mails = Pipeline(self._out, self._events)

    def receive(self, data: bytes) -> None:
        """Bytes came; call `next_event` until it returns None."""
        self._reader.feed(data)

    def next_event(self) -> Event | None:
        """What follows from the bytes received, one at a time, for our answer may change it."""
        while not self._events and self.state is not Session.CLOSED:
            try:
                reply = self._reader.next()
            except BadReply as bad:
                self.lost("protocol", str(bad))
                break
            if reply is None:
                return None
            self._take(reply)
        return self._events.popleft() if self._events else None

    def output(self) -> bytes:
        """Take the bytes to be written now."""
        out = b"".join(self._out)
        self._out.clear()
        return out

    def secured(self) -> None:
        """The handshake is done: forget what was said in the clear, and say EHLO again."""
        self.state = advance_session(self.state, "secured")
        self._out.append(self._opening.secured())

    @property
    def server(self) -> Extensions:
        """What the server offers, as far as it is known and trusted."""
        return self._opening.server

    @property
    def ready(self) -> bool:
        """True when a mail may begin: none is under way, or just one that awaits its answer."""
        return self.state is Session.READY and self._mails.ready

    def begin(self, envelope: Envelope) -> Failure | None:
        """Say MAIL, RCPT and DATA (in lockstep: MAIL); a Failure if the server can't take it.

        Raises ValueError where an address would end its line; nothing is said then.
        """
        if self.state is not Session.READY:
            raise Misuse(f"no mail may begin in {self.state}")
        return self._mails.begin(envelope)

    def content(self) -> bytes:
        """The oldest mail's stuffed content, for the caller to write; the dot is held back.

        Raises ValueError where the content has a bare CR or LF.
        """
        return self._mails.content()

    def dot(self) -> None:
        """Say the dot: from here on the server may have the mail."""
        self._mails.dot()

    def quit(self) -> None:
        """Say QUIT; only when no mail is under way."""
        if not self._mails.empty:
            raise Misuse("no QUIT while a mail is under way")
        self.state = advance_session(self.state, "quit")
        self._mails.ask(QUIT, "IGNORED")

    def lost(self, kind: Kind, text: str) -> None:
        """The connection ended, went silent or talks nonsense."""
        self.over(say.without_reply(self.step, kind, text))

    def over(self, failure: Failure | None) -> None:
        """End it, and settle all that is under way. Ending it twice does nothing."""
        if self.state is Session.CLOSED:
            return
        why = failure or say.closed(self.step)
        self.state = advance_session(self.state, "closed")
        self._out.clear()
        self._mails.cut_short(why)
        self._events.append(Over(failure))

    @property
    def step(self) -> Step:
        """What is waited for, in the words of a Failure."""
        return _STEPS.get(self.state) or self._mails.step

    @property
    def awaited(self) -> Command | None:
        """The command whose reply comes next; None if none is due."""
        return self._mails.awaited

    def _take(self, reply: Reply) -> None:
        if self.state in _STEPS:
            self._take_opening(reply)
        elif failure := self._mails.take(reply):
            self.over(failure)
        elif self.state is Session.QUITTING and self._mails.awaited is None:
            self.over(None)

    def _take_opening(self, reply: Reply) -> None:
        if self.state is Session.HANDSHAKE:
            self._spoke_in_the_clear()
            return
        outcome = self._opening.take(self.state, reply)
        if isinstance(outcome, Failure):
            self.over(outcome)
            return
        arrow, line = outcome
        self.state = advance_session(self.state, arrow)
        self._out.append(line)
        if arrow == "opened":
            self._mails.server = self.server
            self._events.append(Opened())
        elif arrow == "agreed" and self._reader.pending:
            self._spoke_in_the_clear()
        elif arrow == "agreed":
            self._events.append(NeedTls())

    def _spoke_in_the_clear(self) -> None:
        self.lost("protocol", "the server spoke in the clear behind its answer to STARTTLS")
