"""Errors: by category over time, those no rule knows, and what any words mean."""

from __future__ import annotations

from typing import Any

from litestar import get

from franking.apis.answers import Answer
from franking.apis.calls import Ask
from franking.apis.errors import EXPLAINED, TEXT_CHARACTERS
from franking.apis.problems import Problem
from franking.core.explaining import Explanation, explain
from franking.core.rules import RULES, UNKNOWN
from franking.core.rules.sentences import STEPS
from franking.office.looking import Window
from franking.web import asked, charts
from franking.web.rooms import Rooms, Row

MOST_UNKNOWN = 50
SCOPES = {
    "recipient": "This recipient: other mails to them will meet it too.",
    "message": "This mail alone.",
    "account": "The account: its other mails will meet it too.",
    "service": "The whole service: others will meet it too.",
}

_RULES = {rule.id: rule for rule in (*RULES, UNKNOWN)}


class ErrorPages:
    """The page for who wants to know what goes wrong, and why."""

    def __init__(self, rooms: Rooms) -> None:
        self._look = rooms.office.look
        self._bounces = rooms.office.bounces
        self._pages = rooms.pages

    def routes(self) -> list[Row]:
        return [(get, "/errors", self.page)]

    async def page(self, request: Ask) -> Answer:
        """GET /errors."""
        wanted = asked.query(request, _PARAMETERS)
        figures = await self._look.figures(Window(wanted["window"] or Window.DAY))
        found = _explained(wanted)
        return self._pages.page(
            request,
            "errors",
            wanted=wanted,
            window=figures.window,
            windows=charts.WINDOWS,
            by_category=charts.by_category(figures),
            failing=charts.failing(figures),
            who=charts.WHO,
            unknown=await self._bounces.unknown_errors(MOST_UNKNOWN),
            most=MOST_UNKNOWN,
            most_text=TEXT_CHARACTERS,
            found=found,
            answered=found and _answered(found),
        )


def _explained(wanted: dict[str, Any]) -> Explanation | None:
    """What the words mean that were asked for. Raises `Problem`."""
    given = {name: wanted[name] for name in EXPLAINED if wanted[name] is not None}
    if not given:
        return None
    if "text" not in given:
        next = "Paste what the server said, then press Explain."
        raise Problem(400, "bad_query", "There are no words to explain.", next, "text")
    return explain(**given)


def _answered(found: Explanation) -> dict[str, Any]:
    """What the verdict's own fields leave out: who acts, and where the rule comes from."""
    rule = _RULES.get(found.fault.rule)
    return {
        "who": STEPS.get(found.fault.category, STEPS["unknown"])[1],
        "scope": SCOPES.get(found.fault.scope, found.fault.scope),
        "source": rule.source if rule else None,
        "note": rule.note if rule else "",
    }


_PARAMETERS = {"window": asked.one_of(Window), **EXPLAINED}
