"""The console: what a rep and an operator look at, in a browser.

Pages are rendered here; a part of one that may change asks for itself again and is morphed into
the page. What a person does goes through the same doors as the API's calls: the office, the
package, the timers' door. `docs/console.md` shows every page.
"""

from __future__ import annotations

from litestar import get

from franking.apis.routing import Route
from franking.clock import Clock
from franking.office import Office
from franking.office.timer_door import TimerDoor
from franking.outlets.base import Package
from franking.web.accounts import AccountPages
from franking.web.completing import CompletingPages
from franking.web.entrance import Entrance
from franking.web.errors import ErrorPages
from franking.web.mails import MailPages
from franking.web.outbox import OutboxPages
from franking.web.overview import OverviewPages
from franking.web.pages import Pages
from franking.web.refusals import in_words
from franking.web.retries import RetryPages
from franking.web.rooms import Rooms, Row
from franking.web.shelf import PATH, Shelf
from franking.web.sign_in import SignInPages
from franking.web.template_choice import TemplateChoice
from franking.web.template_pages import TemplatePages
from franking.web.timers import TimerPages
from franking.web.touchpoints import TouchpointPages

__all__ = ["console"]

ALL = (
    OverviewPages,
    TouchpointPages,
    RetryPages,
    CompletingPages,
    TemplateChoice,
    MailPages,
    TemplatePages,
    TimerPages,
    AccountPages,
    ErrorPages,
    OutboxPages,
    SignInPages,
)


def console(office: Office, clock: Clock, timers: TimerDoor, package: Package) -> Entrance:
    """Every page of the console, and who comes to them. Raises `AssetsMissing`."""
    shelf = Shelf()
    rooms = Rooms(office, clock, timers, package, Pages(shelf))
    table: list[Row] = [(get, f"{PATH}/{{name:str}}", shelf.show)]
    for pages in ALL:
        table += pages(rooms).routes()
    routes = [Route(method, path, in_words(rooms.pages, call)) for method, path, call in table]
    return Entrance(routes, rooms.visitors, rooms.pages)
