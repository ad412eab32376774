"""One connection: carries bytes between a socket and a `Conversation`, and minds the dot.

The way of one mail: MAIL, RCPT and DATA go out; on the server's 354 the content is written and
the gate is asked at once, so that the content flows while `transmitting` is being committed.
The dot goes out when both are done and the gate still holds; else we hang up, and the server
drops the mail (RFC 5321, section 4.1.1.10). The next mail that waits goes out behind the dot in
the same write. No task runs per mail: everything happens in the loop's callbacks, under one
deadline.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from typing import Protocol, cast

from franking.core.fault import Failure
from franking.transports import smtp_failures as say
from franking.transports.base import Rejected, Withheld
from franking.transports.smtp_blocks import Blocks
from franking.transports.smtp_deadline import Deadline, limit_seconds
from franking.transports.smtp_dial import Unreachable, dial, introduction, upgrade
from franking.transports.smtp_events import Event, GoAhead, NeedTls, Opened, Over, Settled
from franking.transports.smtp_login import Login
from franking.transports.smtp_parcel import Parcel
from franking.transports.smtp_protocol import Conversation
from franking.transports.smtp_settings import SmtpSettings
from franking.transports.smtp_states import Session


class Owner(Protocol):
    """Who hands mails to connections, and hears what becomes of them."""

    def next_parcel(self, connection: Connection) -> Parcel | None: ...
    def opened(self, connection: Connection) -> None: ...
    def rested(self, connection: Connection) -> None: ...
    def returned(self, parcel: Parcel) -> None: ...
    def ended(self, connection: Connection, failure: Failure | None) -> None: ...


class Connection(asyncio.Protocol):
    """A socket with one conversation; `served` counts the mails that began on it."""

    def __init__(self, owner: Owner, settings: SmtpSettings, context: ssl.SSLContext) -> None:
        self.served = 0
        self._owner = owner
        self._settings = settings
        self._context = context
        self._talk = Conversation(introduction(settings, None))
        self._transport: asyncio.Transport | None = None
        self._parcels: deque[Parcel] = deque()
        self._content = Blocks(self._write)
        self._retiring = False
        self._deadline = Deadline(self._time_out)
        self._upgrading: asyncio.Task[None] | None = None

    async def reach(self, login: Login | None) -> None:
        """Connect; what comes of it the owner hears from `opened` or `ended`."""
        settings = self._settings
        self._talk = Conversation(introduction(settings, login), secure=settings.secure)
        try:
            await dial(settings, self, self._context if settings.secure else None)
        except Unreachable as trouble:
            self.give_up(trouble.failure)

    def give_up(self, failure: Failure) -> None:
        """End it for this reason; what has no dot yet is dropped by the server."""
        self._talk.over(failure)
        self._follow_all()

    def proceed(self) -> None:
        """Begin the mail that waits, or rest; write what is to be said, and set the deadline."""
        self._begin_next()
        self._write(self._talk.output())
        if not self._parcels and self._talk.ready:
            self._rest()
        self._set_deadline()

    def retire(self) -> None:
        """Take no more mails; QUIT when those under way are done."""
        self._retiring = True
        if self._talk.state is Session.READY and not self._parcels:
            self._quit()
        elif self._talk.state not in (Session.READY, Session.QUITTING):
            self.hang_up()

    def hang_up(self) -> None:
        """End it at once."""
        self.give_up(say.closed(self._talk.step))

    def drop(self, parcel: Parcel) -> None:
        """Nobody waits for this mail: hang up unless that would put another one in doubt.

        One whose dot is out goes on. One behind another's dot is dropped at its 354.
        """
        if self._parcels and self._parcels[0] is parcel and not parcel.dotted:
            self.hang_up()

    # What the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._transport is None:
            self._transport = cast("asyncio.Transport", transport)
            self._set_deadline()
        if self._talk.state is Session.CLOSED:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._talk.receive(data)
        self._follow_all()
        if self._talk.state is not Session.CLOSED:
            self.proceed()

    def connection_lost(self, exc: Exception | None) -> None:
        self.give_up(say.closed(self._talk.step, exc))

    def pause_writing(self) -> None:
        self._content.pause()

    def resume_writing(self) -> None:
        if self._talk.state is Session.CLOSED:
            return
        self._content.resume()
        if self._parcels and self._parcels[0].committed:
            self._write_dot(self._parcels[0])
        self._set_deadline()

    # What the conversation says.

    def _follow_all(self) -> None:
        while (event := self._talk.next_event()) is not None:
            self._follow(event)

    def _follow(self, event: Event) -> None:
        if isinstance(event, Settled):
            self._parcels.popleft().finish(event.answer)
        elif isinstance(event, GoAhead):
            self._write_content(self._parcels[0])
        elif isinstance(event, Opened):
            self._owner.opened(self)
        elif isinstance(event, NeedTls):
            self._start_tls()
        elif isinstance(event, Over):
            self._close_socket()
            self._owner.ended(self, event.failure)
        else:
            self._owner.returned(self._parcels.popleft())

    def _write_content(self, parcel: Parcel) -> None:
        if parcel.dropped:
            self.hang_up()
            return
        try:
            self._content.begin(self._talk.content())
            parcel.commit().add_done_callback(lambda done: self._committed(parcel, done))
        except Exception as bug:
            self._crash(parcel, bug)

    def _committed(self, parcel: Parcel, done: asyncio.Future[bool]) -> None:
        bug = None if done.cancelled() else done.exception()
        if not self._parcels or self._parcels[0] is not parcel:
            return
        if bug is not None:
            self._crash(parcel, bug)
        elif done.cancelled() or not done.result():
            self._withhold(parcel)
        else:
            parcel.committed = True
            self._write_dot(parcel)

    def _write_dot(self, parcel: Parcel) -> None:
        """The last look, then the dot and the next mail's commands in one write."""
        if parcel.dotted or self._content.flowing:
            return
        try:
            held = parcel.gate.held()
        except Exception as bug:
            self._crash(parcel, bug)
            return
        if not held or parcel.dropped:
            self._withhold(parcel)
            return
        self._talk.dot()
        parcel.dotted = True
        self.proceed()

    def _withhold(self, parcel: Parcel) -> None:
        parcel.finish(Withheld())
        self.hang_up()

    def _crash(self, parcel: Parcel, bug: BaseException) -> None:
        parcel.crash(bug)
        self.hang_up()

    # Taking mails, and ending.

    def _begin_next(self) -> None:
        while self._talk.ready and not self._worn_out:
            parcel = self._owner.next_parcel(self)
            if parcel is None:
                return
            try:
                if not parcel.gate.begins():
                    parcel.finish(Withheld())
                    continue
                obstacle = self._talk.begin(parcel.envelope)
            except Exception as bug:
                parcel.crash(bug)
                continue
            if obstacle is not None:
                parcel.finish(Rejected(obstacle))
                continue
            self.served += 1
            self._parcels.append(parcel)

    @property
    def _worn_out(self) -> bool:
        limit = self._settings.max_messages
        return self._retiring or (limit is not None and self.served >= limit)

    def _rest(self) -> None:
        if self._worn_out:
            self._quit()
        else:
            self._owner.rested(self)

    def _quit(self) -> None:
        self._retiring = True
        self._talk.quit()
        self._write(self._talk.output())
        self._set_deadline()

    def _close_socket(self) -> None:
        self._deadline.clear()
        if self._upgrading is not None:
            self._upgrading.cancel()
        if self._transport is not None:
            self._transport.abort()

    def _write(self, data: bytes | memoryview) -> None:
        if data and self._transport is not None:
            self._transport.write(data)

    # STARTTLS.

    def _start_tls(self) -> None:
        self._upgrading = asyncio.get_running_loop().create_task(self._shake_hands())

    async def _shake_hands(self) -> None:
        assert self._transport is not None
        try:
            self._transport = await upgrade(self._settings, self._transport, self, self._context)
        except Unreachable as trouble:
            self._upgrading = None
            self.give_up(trouble.failure)
            return
        self._upgrading = None
        self._talk.secured()
        self.proceed()

    # The deadline.

    def _set_deadline(self) -> None:
        if self._talk.state is not Session.CLOSED:
            resting = not self._parcels
            self._deadline.set(limit_seconds(self._talk, self._settings.timeouts, resting=resting))

    def _time_out(self) -> None:
        if self._talk.state is Session.READY and not self._parcels:
            self._quit()
        else:
            self.give_up(say.timed_out(self._talk.step))
