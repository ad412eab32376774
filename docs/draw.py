"""Draws docs/machines.md and docs/errors.md from the tables in `core`; `make docs` runs it."""

from __future__ import annotations

from pathlib import Path

from franking.core import delivery, timer, touchpoint
from franking.core.machine import document
from franking.core.rules import drawn as errors

MACHINES = {
    "Delivery": delivery.ARROWS,
    "Timer": timer.ARROWS,
    "Touchpoint": touchpoint.ARROWS,
}
TARGET = Path(__file__).with_name("machines.md")


def drawn() -> str:
    """The whole file, as it must be."""
    return document(MACHINES)


def main() -> None:
    """Write the files."""
    TARGET.write_text(drawn(), "utf-8")
    TARGET.with_name("errors.md").write_text(errors.drawn(), "utf-8")


if __name__ == "__main__":
    main()
