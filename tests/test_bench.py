"""The benches run, small, and print what they should; no time is asserted."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
SMTP_SOURCE = shutil.which("smtp-source", path="/usr/sbin:/usr/bin")
NEEDS_POSTFIX = pytest.mark.skipif(
    SMTP_SOURCE is None, reason="Postfix's smtp-source is not installed"
)

# A sample by default, all of them with `make bench`: each begins processes of its own.
MORE = pytest.mark.skipif(
    os.environ.get("TESTS_BENCHES") != "all", reason="more than a sample: `make bench`"
)
NEEDS_NODE = pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")


def bench(*arguments: str, name: str = "mail") -> list[list[str]]:
    """The cells of each line that the bench printed."""
    command = [sys.executable, "-m", f"bench.{name}", *arguments, "--small", "--markdown"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert ended.returncode == 0, ended.stderr
    rows = [line for line in ended.stdout.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows[2:]]


@pytest.mark.parametrize(
    ("case", "lines"),
    [
        ("accept", ["accept, 64 callers", "accept, 64 callers: commits"]),
        # Two processes serve, one calls.
        pytest.param(
            "http",
            [
                "a Litestar echo, one document a call",
                "accept over HTTP, one document a call",
                "accept over HTTP, batches of 500",
            ],
            marks=MORE,
        ),
        pytest.param(
            "fairness",
            [
                "500 accounts, 5 of them limited: p99 wait of the others",
                "500 accounts, 5 of them limited: refused",
                "500 accounts, 5 of them limited: sent of theirs",
                "1 mail beside an account with 1,000: its wait",
            ],
            marks=MORE,
        ),
        ("idle", ["idle `serve`, over 1 s", "`franking --help`"]),
        (
            "templates",
            [
                "templates, 40 callers",
                "templates, 40 callers: all of it",
                "templates: memory of the engine",
            ],
        ),
    ],
)
def test_a_case_prints_its_figures(case: str, lines: list[str]) -> None:
    assert [row[0] for row in bench(case)] == lines


@NEEDS_NODE
def test_creates_of_timers_are_held_against_node() -> None:
    node, created, *waits = bench("creates", name="timers")
    assert node[0] == "a bare Node server"
    assert created[2].endswith("of the Node server")
    assert created[5] in ("aim", "must", "no")
    assert [row[0][-3:] for row in waits] == ["p50", "p99"]


@MORE
def test_creates_of_timers_are_measured_without_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    created, *_ = bench("creates", name="timers")
    assert created[0] == "timers created over HTTP"
    assert created[5] == "?"


@pytest.mark.parametrize(
    ("case", "lines"),
    [
        (
            "lateness",
            [
                "200 timers over 1 s: late, p50",
                "200 timers over 1 s: late, p99",
                "200 timers over 1 s: late, at the most",
            ],
        ),
        pytest.param("burst", ["200 timers due at one instant: the last came after"], marks=MORE),
        pytest.param(
            "pending",
            [
                "2,000 pending: restart to ready",
                "2,000 pending: restart to first call",
                "2,000 pending: memory",
                "2,000 pending: created",
                "2,000 pending, 100 more: late, p50",
                "2,000 pending, 100 more: late, p99",
                "2,000 pending, 100 more: late, at the most",
            ],
            marks=MORE,
        ),
    ],
)
def test_a_case_of_timers_counts_every_call(case: str, lines: list[str]) -> None:
    assert [row[0] for row in bench(case, name="timers")] == lines


@NEEDS_POSTFIX
def test_timers_of_mails_are_submitted_and_sent() -> None:
    submitted, sent = bench("mail", name="timers")
    assert submitted[0] == "200 mail timers due at one instant: submitted after"
    assert sent[0] == "200 mail timers due at one instant: sent after"


def test_a_translation_is_timed() -> None:
    [translated] = bench("errors")
    assert translated[0].startswith("translate an error, ")
    assert translated[5] in ("aim", "must", "no")


@NEEDS_POSTFIX
def test_the_drain_is_measured_against_the_limit() -> None:
    first, *_ = bench("drain")
    assert first[0] == "drain, 64 connections"
    assert first[2].endswith("of the limit")
    assert first[5] in ("aim", "must", "no")


@MORE
@NEEDS_POSTFIX
def test_a_worker_drains_from_a_backlog() -> None:
    claim, memory = bench("backlog")
    assert claim[2].endswith("of the rate at 1,000")
    assert memory[1].endswith("MB")


@MORE
@NEEDS_POSTFIX
def test_the_parts_are_measured_alone() -> None:
    composed, *sent = bench("parts")
    assert composed[0].startswith("compose, mails of 4,")
    assert [row[0] for row in sent] == ["SMTP client alone, 10 connections"]


def test_every_page_of_the_console_is_asked_for() -> None:
    groups = [*dict.fromkeys(row[0].partition(":")[0] for row in bench("pages", name="console"))]
    assert groups == [
        *("overview", "a look that finds nothing new", "errors", "mail", "a look"),
        *("touchpoints", "timers", "accounts", "outbox", "one mail", "one touchpoint"),
        *("one timer", "one account", "dialogs"),
    ]


def test_an_unknown_case_is_refused_by_name() -> None:
    command = [sys.executable, "-m", "bench.mail", "dance"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    assert "there is no case 'dance'" in ended.stderr


@pytest.mark.parametrize(
    ("value", "ratio", "goal", "cells"),
    [
        # No goal: nothing is held against it.
        (12345.6, None, None, ["12,346 s", "", "", "", ""]),
        (
            1000,
            0.2,
            (0.15, 0.4, True, False),
            ["1,000 s", "0.2 of the limit", "0.15", "0.4", "must"],
        ),
        (1000, 0.1, (0.15, 0.4, True, False), ["1,000 s", "0.1 of the limit", "0.15", "0.4", "no"]),
        (0.25, None, (0.4, 0.25, False, True), ["0.25 s", "", "≤ 0.4", "≤ 0.25", "aim"]),
        # Postfix's tools are missing: the ratio is not known.
        (1000, None, (0.15, 0.4, True, False), ["1,000 s", "", "0.15", "0.4", "?"]),
    ],
)
def test_a_figure_is_held_against_its_goal(
    value: float,
    ratio: float | None,
    goal: tuple[Any, ...] | None,
    cells: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    from bench.cases.figures import Figure, Goal, markdown

    figure = Figure("a", value, "s", ratio, goal=Goal(*goal) if goal is not None else None)
    assert markdown([figure]).splitlines()[-1] == "| " + " | ".join(["a", *cells]) + " |"


@NEEDS_POSTFIX
def test_events_are_heard_in_order() -> None:
    assert [row[0] for row in bench(name="events")] == [
        "20 events, settled to heard by the package: p50",
        "20 events, settled to heard by the package: p99",
        "2,000 events of 200 touchpoints, 50 ms each",
        "2,000 events of 200 touchpoints: memory at the most",
    ]


@NEEDS_POSTFIX
def test_a_fleet_is_measured_on_a_postgresql_of_its_own() -> None:
    assert [row[0] for row in bench("drain", "start", name="fleet")] == [
        "drain, 2 workers, 10 connections each",
        "8 mails to an idle fleet: submitted to started, p50",
        "8 mails to an idle fleet: submitted to started, p99",
        "8 mails to an idle fleet: submitted to started, at the most",
    ]


@MORE
def test_claims_of_a_fleet_are_measured() -> None:
    rows = bench("claims", "backlog", name="fleet")
    # No two of them claim the same mail.
    assert [row[:2] for row in rows[1:4:2]] == [
        ["2 workers claim, 1 account: twice", "0 mails"],
        ["2 workers claim, 1,000 accounts: twice", "0 mails"],
    ]
    assert [row[0] for row in rows[4:]] == [
        "claim, 500 wait and 2,500 ended",
        "claim, 500 wait and 2,500 ended; after 500, nothing cleared away",
    ]


def test_a_postgresql_that_is_not_there_is_told() -> None:
    command = [sys.executable, "-m", "bench.fleet", "claims", "--database"]
    url = "postgresql://127.0.0.1:1/none?connect_timeout=2"
    ended = subprocess.run([*command, url], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert "There is no PostgreSQL" in ended.stderr
