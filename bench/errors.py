"""Measures the translator on labelled diagnostics, where somebody has them.

The data stays where it is (`FRANKING_ERRORS_DATA` names its folder) and is no part of the project.
Its evaluator calls `classify`; run as a module, this prints the time of one translation.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from franking.core.fault import translate

# There a limit is a limit, whoever's it is; for a rep only the account's own is Rate Limited.
LIMITS = frozenset(("account_rate_limited", "recipient_throttled"))


def classify(
    text: str,
    reply_code: str | None = None,
    enhanced: str | None = None,
    provider: str | None = None,
) -> dict[str, Any]:
    """The verdict as the evaluator asks for it: the cause, named `category` there."""
    fault = translate(text, reply_code=reply_code, enhanced=enhanced, provider=provider)
    return {
        "category": fault.cause,
        "rate_limited": fault.cause in LIMITS,
        "temporary": fault.temporary,
    }


def main() -> None:
    """Print the microseconds that one translation takes, or that there is no data."""
    path = Path(os.environ.get("FRANKING_ERRORS_DATA", "data/errors")) / "dev.jsonl"
    if not path.exists():
        print(f"no data at {path}")
        return
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    given = [
        {key: row[key] for key in ("text", "reply_code", "enhanced", "provider")} for row in rows
    ]
    best = min(_seconds(given) for _ in range(5))
    print(f"{best / len(given) * 1e6:.0f} µs each, {len(given)} diagnostics")


def _seconds(given: list[dict[str, Any]]) -> float:
    started = time.perf_counter()
    for row in given:
        classify(**row)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
