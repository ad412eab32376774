"""The console's pages over a million mails: how long each takes, and what it costs the server.

A `franking serve --only api,cadence,console` serves the database, so that nothing changes in it
meanwhile. One caller asks for all pages on a kept connection, each once in a round, in an order of
its own for each round.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from http.client import HTTPConnection
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from urllib.parse import urlencode

import msgspec
from rich.table import Table

from bench.cases import child, console_filling
from bench.cases.console_filling import LONG_WORD
from bench.cases.figures import Figure, Goal
from bench.cases.run import Run
from bench.cases.serving import DATABASE, serving

MAILS, MAILS_SMALL = 1_000_000, 1_000
ROUNDS, ROUNDS_SMALL = 40, 2
WARMING = 2
SECONDS = 60
GOAL = Goal(200, 50, at_most=True)
ROLES = "api,cadence,console"
FREE_PORT = 1  # of SMTP: nobody is asked


# The query of each list, by what it is called.
Lists = dict[str, dict[str, Any]]


class Page(msgspec.Struct, frozen=True):
    """What is asked for; `live`: its part that asks again, `held`: by a browser that has it."""

    group: str
    name: str
    path: str
    live: bool = False
    held: bool = False


class Taken(msgspec.Struct):
    """Milliseconds of each answer to one page: until it was there, and of the server's CPU."""

    wall: list[float] = []
    cpu: list[float] = []
    bytes: int = 0


def figures(run: Run) -> list[Figure]:
    """Of each group of pages: the median, and the p95 of its slowest page."""
    count = MAILS_SMALL if run.small else MAILS
    with run.folder() as folder:
        path = folder / DATABASE
        with run.steps(f"{count:,} mails", console_filling.steps(count)) as step:
            console_filling.fill(path, count, step)
        return measured(run, folder, count)


def measured(run: Run, folder: Path, count: int) -> list[Figure]:
    """On the database that is in the folder."""
    pages = [*asked(folder / DATABASE, count)]
    rounds = ROUNDS_SMALL if run.small else ROUNDS
    with (
        serving(folder, FREE_PORT, only=ROLES) as served,
        run.steps("pages", rounds + WARMING) as step,
    ):
        caller = Caller(served.port, served.pid)
        for _ in range(WARMING):
            _round(caller, pages)
            step()
        caller.taken.clear()
        for number in range(rounds):
            _round(caller, random.Random(number).sample(pages, len(pages)))
            step()
    _say(run, pages, caller.taken)
    return [figure for group in _groups(pages) for figure in _of(group, pages, caller.taken)]


def asked(path: Path, count: int) -> Iterator[Page]:
    """Every page, with the filters that people set and those that cost the most."""
    seen = _Seen(path, count)
    for group, given in (("overview", _windows("/")), ("errors", _windows("/errors"))):
        for name, where in given:
            yield Page(group, name, where)
            yield Page(
                "a look that finds nothing new", f"{group} {name}", where, live=True, held=True
            )
    yield Page("errors", "explained", "/errors?" + urlencode({"text": console_filling.REFUSAL}))
    for group, base, lists in (
        ("mail", "/mail", seen.mails()),
        ("touchpoints", "/touchpoints", seen.touchpoints()),
        ("timers", "/timers", seen.timers()),
        ("accounts", "/accounts", {"first": {}, "last": {"after": "account-150@example.com"}}),
        ("outbox", "/outbox", seen.outbox()),
    ):
        for name, query in lists.items():
            where = f"{base}?{urlencode(query)}" if query else base
            yield Page(group, name, where)
            yield Page(
                "a look that finds nothing new", f"{group} {name}", where, live=True, held=True
            )
        yield Page("a look", group, base, live=True)
    yield from seen.single()


def _windows(path: str) -> list[tuple[str, str]]:
    return [(window, f"{path}?window={window}") for window in ("hour", "day", "week")]


class _Seen:
    """What there is in the database to be asked for."""

    def __init__(self, path: Path, count: int) -> None:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
            ask = "SELECT id, touchpoint_id FROM mail WHERE state = ? ORDER BY seq DESC LIMIT 1"
            self.failed, self.failed_touchpoint = db.execute(ask, ("ERROR",)).fetchone()
            self.sent, self.sent_touchpoint = db.execute(ask, ("SUCCESS",)).fetchone()
            self.waiting, _ = db.execute(ask, ("RETRY",)).fetchone()
        db.close()
        self.count = count
        self.account = "account-042@example.com"

    def words(self) -> Lists:
        """Searches that hit nearly all, many, one and none."""
        texts = {
            "one letter": "a",
            "a word that all have": "example",
            "a long word that all have": LONG_WORD,
            "16 letters of it": LONG_WORD[:16],
            "20 letters of it": LONG_WORD[:20],
            "many words": "the quarterly internationalisation of the last quarter",
            "a word that some have": "internationalisation",
            "one mail's": f"{self.count // 2}",
            "a word that none has": "zebra",
            "a common and a rare word": f"example {self.count // 3}",
        }
        return {f"words: {name}": {"q": q} for name, q in texts.items()}

    def mails(self) -> Lists:
        """The list of mails by each filter, and by several."""
        middle = self.count // 2
        none: dict[str, Any] = {"account": "nobody@example.com"}
        account: dict[str, Any] = {"account": self.account}
        return {
            "all": {},
            "all, deep": {"after": middle},
            **{f"state {s}": {"state": s} for s in ("SUCCESS", "ERROR", "RETRY", "PROCESSING")},
            "state ERROR, deep": {"state": "ERROR", "after": middle},
            "category, frequent": {"category": "recipient_not_found"},
            "category, rare": {"category": "recipient_suppressed"},
            "category, none": {"category": "domain_authentication"},
            "account": account,
            "account, deep": account | {"after": middle},
            "account, none": none,
            "touchpoint": {"touchpoint": self.failed_touchpoint},
            "account and ERROR": account | {"state": "ERROR"},
            "account and PROCESSING": account | {"state": "PROCESSING"},
            "account and rare category": account | {"category": "recipient_suppressed"},
            "rare category, SUCCESS": {"category": "recipient_suppressed", "state": "SUCCESS"},
            "frequent category, SUCCESS": {"category": "unknown", "state": "SUCCESS"},
            **self.words(),
            "words of all, PROCESSING": {"q": "example", "state": "PROCESSING"},
            "words of all, nobody's": {"q": "example"} | none,
            "words of all, account": {"q": "example"} | account,
            "words of all, deep": {"q": "example", "after": middle},
        }

    def touchpoints(self) -> Lists:
        """The list of touchpoints likewise."""
        middle = self.count // 2
        rare: dict[str, Any] = {"category": "recipient_suppressed"}
        statuses = ("Sent", "Error", "Rate Limited", "Scheduled", "Manual Retry")
        return {
            "all": {},
            "all, deep": {"after": middle},
            **{f"status {status}": {"status": status} for status in statuses},
            "category, frequent": {"category": "recipient_not_found"},
            "category, rare": rare,
            "member": {"member": "a0Y5g0000000100EAA"},
            "member, none": {"member": "nobody"},
            "Sent with a category": {"status": "Sent", "category": "unknown"},
            "Error, rare category": {"status": "Error"} | rare,
            **self.words(),
            "words: an id's beginning": {"q": "a0X5g0000"},
            "words of all, Manual Retry": {"q": "example", "status": "Manual Retry"},
            "words of all, rare category": {"q": "example"} | rare,
            "words of all, deep": {"q": "example", "after": middle},
        }

    def timers(self) -> Lists:
        """The list of timers likewise."""
        states = ("scheduled", "served", "executed", "failed", "deleted")
        return {
            "all": {},
            "all, deep": {"after": self.count // 2},
            **{f"state {state}": {"state": state} for state in states},
            "transport": {"transport": "http"},
            "transport, none": {"transport": "smtp"},
            "failed and http": {"state": "failed", "transport": "http"},
            "executed and smtp": {"state": "executed", "transport": "smtp"},
            "id's beginning, all": {"q": "01M8"},
            "id's beginning, all, served": {"q": "01M8", "state": "served"},
            "id": {"q": self.failed},
            "id, none": {"q": "zebra"},
        }

    def outbox(self) -> Lists:
        """The outbox likewise."""
        return {
            "all": {},
            "waiting": {"state": "waiting"},
            "parked": {"state": "parked"},
            "waiting, among the parked": {"state": "waiting", "after": self.count // 50},
            "touchpoint": {"touchpoint": self.sent_touchpoint},
            "touchpoint, none": {"touchpoint": "nobody"},
            "touchpoint and parked": {"touchpoint": self.sent_touchpoint, "state": "parked"},
        }

    def single(self) -> Iterator[Page]:
        """Pages of one thing, and dialogs."""
        for name, id in (("failed", self.failed), ("sent", self.sent), ("waits", self.waiting)):
            yield Page("one mail", name, f"/mail/{id}")
            yield Page("one mail", f"{name}, a look", f"/mail/{id}", live=True)
            yield Page("one mail", f"{name}, rendered", f"/mail/{id}/rendered")
            yield Page(
                "a look that finds nothing new",
                f"a mail {name}",
                f"/mail/{id}",
                live=True,
                held=True,
            )
        for name, id in (("failed", self.failed_touchpoint), ("sent", self.sent_touchpoint)):
            yield Page("one touchpoint", name, f"/touchpoints/{id}")
            yield Page("one touchpoint", f"{name}, a look", f"/touchpoints/{id}", live=True)
        yield Page("one timer", "failed", f"/timers/{self.failed}")
        yield Page("one account", "ok", f"/accounts/{self.account}")
        for name, path in (
            ("retry one", f"/touchpoints/{self.failed_touchpoint}/retry"),
            ("retry all touchpoints", "/touchpoints/retry"),
            ("retry all of a category", "/touchpoints/retry?category=recipient_not_found"),
            ("retry all with words", "/touchpoints/retry?q=example"),
            ("retry all mails in ERROR", "/mail/retry?state=ERROR"),
            ("retry all mails with words", "/mail/retry?q=example&state=ERROR"),
            ("resend all", "/outbox/resend"),
            ("pause", f"/accounts/{self.account}/pause"),
        ):
            yield Page("dialogs", name, path, live=True)


class Caller:
    """Asks one server, on one connection."""

    def __init__(self, port: int, pid: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        # The CPU time of all threads of a process, in nanoseconds: clock_getcpuclockid(3).
        self._clock = ~pid << 3 | 2
        self._tags: dict[str, str] = {}
        self.taken: dict[Page, Taken] = {}

    def ask(self, page: Page) -> None:
        """Raises `Broken` where there is no such page."""
        headers = {"HX-Request": "true"} if page.live else {}
        if page.held and page.path in self._tags:
            headers["If-None-Match"] = self._tags[page.path]
        cpu, wall = time.clock_gettime_ns(self._clock), time.perf_counter_ns()
        self._connection.request("GET", page.path, headers=headers)
        answer = self._connection.getresponse()
        body = answer.read()
        taken = time.perf_counter_ns() - wall, time.clock_gettime_ns(self._clock) - cpu
        if answer.status not in (200, 304):
            raise child.Broken(f"{page.path} answered {answer.status}: {body[:300]!r}")
        if page.held:
            self._tags[page.path] = answer.headers["etag"] or ""
        found = self.taken.setdefault(page, Taken())
        found.wall.append(taken[0] / 1e6)
        found.cpu.append(taken[1] / 1e6)
        found.bytes = len(body)


def _round(caller: Caller, pages: Sequence[Page]) -> None:
    for page in pages:
        caller.ask(page)


def _groups(pages: Sequence[Page]) -> list[str]:
    return [*dict.fromkeys(page.group for page in pages)]


def _of(group: str, pages: Sequence[Page], taken: Mapping[Page, Taken]) -> list[Figure]:
    mine = [page for page in pages if page.group == group]
    worst = max(mine, key=lambda page: _p95(taken[page].wall))
    every = [ms for page in mine for ms in taken[page].wall]
    cpu = median([ms for page in mine for ms in taken[page].cpu])
    return [
        Figure(f"{group}: p50", median(every), "ms"),
        Figure(f"{group}: the server's CPU, p50", cpu, "ms"),
        Figure(f"{group}: p95", _p95(every), "ms", goal=GOAL),
        Figure(f"{group}: p95 of “{worst.name}”", _p95(taken[worst].wall), "ms", goal=GOAL),
    ]


def _p95(found: Sequence[float]) -> float:
    return quantiles(found, n=20, method="inclusive")[-1]


def _say(run: Run, pages: Sequence[Page], taken: Mapping[Page, Taken]) -> None:
    """Each page, for who looks for the slow one."""
    table = Table("Page", "p50 ms", "p95 ms", "CPU p50 ms", "CPU p95 ms", "KB")
    for page in pages:
        found = taken[page]
        times = (median(found.wall), _p95(found.wall), median(found.cpu), _p95(found.cpu))
        cells = [f"{ms:.1f}" for ms in times]
        table.add_row(f"{page.group}: {page.name}", *cells, f"{found.bytes / 1000:.1f}")
    run.progress.console.print(table)
