"""Errors: what the translation of one failure takes, over the peers' words that somebody has.

The words are `dev.jsonl` in the folder that FRANKING_ERRORS_DATA names, or in BESIDE. Where there
is none they are the example of each rule, with what was given beside it.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from statistics import median
from typing import Any

from bench.cases.figures import Figure, Goal
from bench.cases.run import Run
from franking.core.fault import translate
from franking.core.rules import RULES

ROUNDS, ROUNDS_SMALL = 20, 3
BESIDE = "../shared/data/errors"
FIELDS = ("text", "reply_code", "enhanced", "provider")


def figures(run: Run) -> list[Figure]:
    """The median over the texts, each at its fastest."""
    whose, given = _given()
    rounds = ROUNDS_SMALL if run.small else ROUNDS
    spent = [min(_us(one) for _ in range(rounds)) for one in given]
    what = f"translate an error, {len(given)} {whose}"
    return [Figure(what, median(spent), "µs", goal=Goal(100, 40, at_most=True))]


def _given() -> tuple[str, list[dict[str, Any]]]:
    path = Path(os.environ.get("FRANKING_ERRORS_DATA", BESIDE)) / "dev.jsonl"
    if not path.exists():
        return "examples", [{"text": rule.example, **rule.given} for rule in RULES]
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return "diagnostics", [{field: row[field] for field in FIELDS} for row in rows]


def _us(given: dict[str, Any]) -> float:
    began = time.perf_counter_ns()
    translate(**given)
    return (time.perf_counter_ns() - began) / 1000
