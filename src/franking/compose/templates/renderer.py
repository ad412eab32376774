"""Renders templates with their data, in child processes that nobody has to trust.

Policy. One child renders for everybody. A template that met a limit of time or memory is a suspect:
from then on it is rendered aside, by a second child, until it has rendered well so many times in a
row; so a bad template costs the others the time of its first bomb, however often it is used. What
waits is bounded, and so is what is remembered of suspects.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from franking.compose.envelope import Unsendable
from franking.compose.templates.engine import Engine
from franking.compose.templates.job import Answer, Job
from franking.compose.templates.limits import CONFUSED, LIMITS, NOT_STARTED, TOO_MANY, Limits
from franking.compose.templates.plan import Catalog, Plan, Rendered
from franking.compose.templates.process import check
from franking.core.ids import MOST_CHARACTERS as ID_CHARACTERS
from franking.core.template import Book

MOST_WAITING = 10_000
MOST_SUSPECTS = 1_000
MOST_BOOKS = 2
# An error may quote a name from a template, or all of a document; a mail's row is no place for it.
ERROR_CHARACTERS = 2_000
# How often a suspect renders well, in a row, until it is trusted again.
PROBATION = 100


class Renderer:
    """Starts a child when it is first asked; `close` ends all of them."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._main = Engine(self._suspect, limits)
        self._aside = Engine(self._suspect, limits)
        self._suspects: dict[str, int] = {}
        self._catalogs: list[Catalog] = []

    @property
    def pids(self) -> tuple[int | None, int | None]:
        """Of the child that serves all, and of the one aside; None for one that does not run."""
        return self._main.pid, self._aside.pid

    async def start(self) -> None:
        """Raises `NotStarted` where this installation can't render."""
        check()

    async def close(self) -> None:
        """End the children; who still waits is told that there is no engine."""
        await self._main.close()
        await self._aside.close()

    async def render(
        self, book: Book, name: str, data: Mapping[str, Any] | None = None
    ) -> Rendered | Unsendable:
        """The template of this name with the data put in, or why it can't be; the error is what
        JavaScript says of its exception (`String(exception)`)."""
        catalog = self._read(book)
        plan = catalog.plan(name)
        if plan is None:
            return Unsendable(
                f"Error: Tried to render non-existent template '{name[:ID_CHARACTERS]}'"
            )
        if not plan.digests:
            return plan.rendered(())
        engine = self._aside if plan.key in self._suspects else self._main
        if engine.waiting >= MOST_WAITING:
            return Unsendable(TOO_MANY, temporary=True)
        job = Job(catalog, plan, data)
        engine.put(job)
        return self._told(plan, await job.done)

    def _told(self, plan: Plan, answer: Answer) -> Rendered | Unsendable:
        if answer.texts is None:
            error = answer.error or CONFUSED
            return Unsendable(error[:ERROR_CHARACTERS], temporary=error == NOT_STARTED)
        if plan.key in self._suspects:
            self._clear(plan.key)
        return plan.rendered(answer.texts)

    def _read(self, book: Book) -> Catalog:
        """What is known of a book; of two, for a draft is tried out by one of its own."""
        for known in self._catalogs:
            if known.book is book or known.book == book:
                return known
        self._catalogs = [Catalog(book), *self._catalogs][:MOST_BOOKS]
        return self._catalogs[0]

    def _suspect(self, key: str) -> None:
        """It met a limit: it and what waits for it go aside."""
        self._suspects.pop(key, None)
        self._suspects[key] = PROBATION
        if len(self._suspects) > MOST_SUSPECTS:
            del self._suspects[next(iter(self._suspects))]
        for job in self._main.give_up(key):
            self._aside.put(job)

    def _clear(self, key: str) -> None:
        self._suspects[key] -= 1
        if not self._suspects[key]:
            del self._suspects[key]
