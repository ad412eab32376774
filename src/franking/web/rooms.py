"""What every page has at hand: the doors it goes through, and the templates."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from franking.apis.answers import Answer
from franking.apis.calls import Ask
from franking.clock import Clock
from franking.office import Office
from franking.office.timer_door import TimerDoor
from franking.outlets.base import Package
from franking.web.pages import Pages
from franking.web.visitors import Visitors

# A method of HTTP (litestar's `get`, `post`), a path, and who answers.
Row = tuple[Callable[..., Any], str, Callable[[Ask], Awaitable[Answer]]]


class Rooms:
    """The doors of this process, for pages to share."""

    def __init__(
        self, office: Office, clock: Clock, timers: TimerDoor, package: Package, pages: Pages
    ) -> None:
        self.office = office
        self.clock = clock
        self.timers = timers
        self.package = package
        self.pages = pages
        self.visitors = Visitors(office.sessions, clock)
