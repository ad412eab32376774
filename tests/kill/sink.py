"""An SMTP server that counts what it took and acts at any point of a conversation.

A mail counts as taken when its final dot was read, whether or not the answer could be given:
that is what RFC 5321 (section 6.1) lets a server deliver. How it answers goes by the address, as
in `ANSWERS`. It lives in the test process, so it survives every worker.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from kill.session import Point, Session, Taken

# What RCPT is answered with, by the address's local part up to the first dash.
ANSWERS = {
    "limited": "550 5.4.5 Daily user sending limit exceeded.",
    "unknown": "550 5.1.1 No such user",
}
# Refused the first time, then taken: its mail leaves a remainder.
LATER = "later"
# Refused for good the first time, then taken: somebody has mended it.
MENDED = "mended"
# Taken, and then the connection is cut instead of answering.
DROPPED = "dropped"
# So the first time, and then refused for good.
FICKLE = "fickle"


class Sink:
    """`async with Sink() as sink`; its port is `sink.port`.

    `delay_seconds` is waited before each dot's answer, `withholding` keeps every 354 back until
    `withheld` is called. `speaker` is the port of the client whose conversation goes on just now.
    """

    def __init__(self) -> None:
        self.taken: Counter[Taken] = Counter()
        self.answered: Counter[Taken] = Counter()
        self.seen: Counter[Point] = Counter()
        self.refused_once: set[str] = set()
        self.delay_seconds = 0.0
        self.withholding = False
        self.port = 0
        self.speaker = 0
        self._held: list[Callable[[], None]] = []
        self._traps: list[tuple[Point, int, Callable[[], None]]] = []
        self._sessions: set[Session] = set()

    async def __aenter__(self) -> Sink:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Session(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for session in tuple(self._sessions):
            session.cut()

    def trap(self, point: Point, nth: int, act: Callable[[], None]) -> None:
        """Call `act` at the `nth` occurrence of `point` from now on."""
        self._traps.append((point, self.seen[point] + nth, act))

    def disarm(self) -> None:
        """Forget every trap, and be quick again."""
        self._traps.clear()
        self.delay_seconds = 0.0

    def times(self, recipient: str) -> int:
        """How often a mail for this recipient was taken, under whatever Message-ID."""
        return sum(n for taken, n in self.taken.items() if taken.recipient == recipient)

    def withheld(self) -> Callable[[], None]:
        """Withhold no more; what gives the answers that were withheld."""
        self.withholding = False
        held, self._held = self._held, []

        def give() -> None:
            for answer in held:
                answer()

        return give

    # What a session tells.

    def joined(self, session: Session) -> None:
        self._sessions.add(session)

    def left(self, session: Session) -> None:
        self._sessions.discard(session)

    def reached(self, point: Point) -> None:
        self.seen[point] += 1
        for armed in tuple(self._traps):
            if armed[0] is point and armed[1] == self.seen[point]:
                self._traps.remove(armed)
                armed[2]()

    def took(self, mail: list[Taken]) -> None:
        self.taken.update(mail)
        self.reached(Point.DOT)

    def told(self, mail: list[Taken]) -> None:
        self.answered.update(mail)
        self.reached(Point.ANSWERED)

    def hold(self, give: Callable[[], None]) -> None:
        self._held.append(give)

    def cuts(self, mail: list[Taken]) -> bool:
        """Is the connection cut instead of answering the dot?"""
        return any(taken.recipient.startswith((DROPPED, FICKLE)) for taken in mail)

    def answer_to(self, address: str) -> str:
        """The reply to RCPT."""
        kind = address.partition("-")[0]
        if kind == LATER and address not in self.refused_once:
            self.refused_once.add(address)
            return "451 4.2.1 Try again later"
        if kind == MENDED and address not in self.refused_once:
            self.refused_once.add(address)
            return ANSWERS["unknown"]
        if kind == FICKLE and self.times(address):
            return ANSWERS["unknown"]
        return ANSWERS.get(kind, "250 2.1.5 OK")
