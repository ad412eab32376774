"""The overview: what was sent, failed, waits and is in doubt, and who is held up."""

from __future__ import annotations

from litestar import get

from franking.apis.answers import Answer
from franking.apis.calls import Ask
from franking.core.account import AccountState
from franking.core.prediction import FOREVER
from franking.office.looking import Present, Window
from franking.stores.base import HeldAccount
from franking.web import asked, charts, needs
from franking.web.rooms import Rooms, Row
from franking.web.show import WAITS_FOR

NEXT = "Nothing holds it: it goes as soon as it is its turn."
WAITS = {**WAITS_FOR, "retry": "A try failed for now; the time of the next one has not come."}


class OverviewPages:
    """The page that somebody leaves open."""

    def __init__(self, rooms: Rooms) -> None:
        self._look = rooms.office.look
        self._pages = rooms.pages
        self._clock = rooms.clock

    def routes(self) -> list[Row]:
        return [(get, "/", self.page)]

    async def page(self, request: Ask) -> Answer:
        """GET /."""
        window = asked.query(request, _PARAMETERS)["window"] or Window.DAY
        figures = await self._look.figures(Window(window))
        present = await self._look.present()
        failing, now = charts.failing(figures), self._clock.now()
        return self._pages.page(
            request,
            "overview",
            window=figures.window,
            windows=charts.WINDOWS,
            totals=figures.totals,
            by_what=charts.by_what(figures),
            by_category=charts.by_category(figures),
            failing=failing,
            who=charts.WHO,
            needs=needs.of(present, failing, charts.WINDOWS[figures.window], now),
            most=needs.MOST,
            present=present,
            now=now,
            forever=FOREVER,
            waits=_waits(present),
            to_do=_to_do,
        )


def _waits(present: Present) -> str:
    """What the oldest waiting mail waits for."""
    expected, oldest = present.expected, present.oldest
    because = (expected and expected.because) or (oldest and oldest.mail.delivery.waiting_for)
    return WAITS.get(because or "", NEXT)


def _to_do(account: HeldAccount) -> str:
    """What somebody does about an account that sends nothing now."""
    if account.state == AccountState.DISCONNECTED:
        return "Give it a login that works, then resume it: what waits is sent."
    if account.pauses:
        return "Nothing: it reached its sending limit, and goes on by itself."
    if account.paused_until is not None and account.paused_until < FOREVER:
        return "Nothing, or resume it to send at once."
    return "Resume it when it may send again."


_PARAMETERS = {"window": asked.one_of(Window)}
