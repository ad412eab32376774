"""Reads a transition table: the next state, or Refused; and draws the table.

A machine is a tuple of arrows in one file of `core/`. An arrow leads from a state (or from
nothing) by an event to a state; `given` names the condition under which it holds where one event
may lead to two states. Whoever decides names the condition; the table says whether it may.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

NOTHING = "–"


class Arrow(msgspec.Struct, frozen=True):
    """One line of a machine: `source` and `event` (and `given`) lead to `target`; `note` why."""

    source: str
    event: str
    target: str
    given: str = ""
    note: str = ""


Table = Mapping[tuple[str, str, str], Arrow]


class Refused(Exception):
    """An event that the state does not take; it says so in words and nothing has changed."""

    def __init__(self, state: str, event: str, given: str = "") -> None:
        condition = f" ({given})" if given else ""
        super().__init__(f"{event}{condition} is not possible in state {state}")
        self.state = state
        self.event = event


def table(arrows: Iterable[Arrow]) -> Table:
    """The arrows by what leads along them; ValueError where two contradict each other."""
    found: dict[tuple[str, str, str], Arrow] = {}
    for arrow in arrows:
        key = (arrow.source, arrow.event, arrow.given)
        if key in found:
            raise ValueError(f"two arrows leave {key}")
        found[key] = arrow
    return found


def follow(machine: Table, state: str, event: str, given: str = "") -> str:
    """The next state. Raises Refused where the table has no such arrow."""
    arrow = machine.get((state, event, given))
    if arrow is None:
        raise Refused(state, event, given)
    return arrow.target


def markdown(title: str, arrows: Iterable[Arrow]) -> str:
    """The machine as a chapter of docs/machines.md: a picture, then the table."""
    listed = list(arrows)
    lines = [f"## {title}", "", "```mermaid", "stateDiagram-v2"]
    spaced = dict.fromkeys(a.target for a in listed if " " in a.target)
    lines += [f'    state "{name}" as {_name(name)}' for name in spaced]
    lines += [_drawn(arrow) for arrow in listed]
    lines += ["```", "", "| from | event | to | note |", "|---|---|---|---|"]
    lines += [f"| {a.source} | {_named(a)} | {a.target} | {a.note} |" for a in listed]
    return "\n".join([*lines, ""])


def _drawn(arrow: Arrow) -> str:
    source = "[*]" if arrow.source == NOTHING else _name(arrow.source)
    return f"    {source} --> {_name(arrow.target)}: {_named(arrow)}"


def _name(state: str) -> str:
    """A state's name in the picture, where a space would end it."""
    return state.replace(" ", "_")


def _named(arrow: Arrow) -> str:
    return f"{arrow.event} ({arrow.given})" if arrow.given else arrow.event


def document(chapters: Mapping[str, Any]) -> str:
    """The whole of docs/machines.md, from each machine's title and arrows."""
    head = [
        "# The machines",
        "",
        "Drawn from the tables in `src/franking/core/` by `make docs`; a test fails when it is",
        "stale. An event in a state that has no such arrow is refused and changes nothing.",
        "",
    ]
    return "\n".join(head) + "\n" + "\n".join(markdown(t, a) for t, a in chapters.items())
