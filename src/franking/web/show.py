"""How values look on a page: times, counts, states and categories, as people say them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from markupsafe import Markup, escape

from franking.core import times
from franking.core.prediction import FOREVER
from franking.core.rules import SENTENCES
from franking.core.rules.asking import ASKING
from franking.core.rules.sentences import STEPS
from franking.core.touchpoint import AUTOMATED, Status, Touchpoint

# What a mail waits for, in words (core/prediction, core/endings).
WAITS_FOR = {
    "sendAt": "Its time to be sent has not come.",
    "send_limit": "The account has reached its sending limit.",
    "account_paused": "The account is paused.",
    "account_disconnected": "The account is disconnected.",
}
STATES = {
    "PENDING": "Waiting",
    "PROCESSING": "Being sent",
    "RETRY": "Will be tried again",
    "SUCCESS": "Sent",
    "ERROR": "Failed",
}
# The tone of a label: what it means at a glance, beside its words.
TONES = {
    "PENDING": "calm",
    "PROCESSING": "busy",
    "RETRY": "wait",
    "SUCCESS": "good",
    "ERROR": "bad",
    "Scheduled": "calm",
    "Pending Manual Send": "todo",
    "Rate Limited": "wait",
    "Sent": "good",
    "Error": "bad",
    "Manual Retry": "busy",
    "scheduled": "calm",
    "served": "busy",
    "executed": "good",
    "failed": "bad",
    "deleted": "gone",
    "ok": "good",
    "paused": "wait",
    "disconnected": "bad",
    "waiting": "wait",
    "parked": "bad",
    "sent": "good",
    "not_sent": "bad",
    "unknown": "doubt",
    "in_doubt": "doubt",
}


def time(milliseconds: int | None, none: str = "") -> Markup:
    """A `<time>` that the page shows in the viewer's zone, with the exact time on hover."""
    if milliseconds is None:
        return Markup("{}").format(none)
    if milliseconds >= FOREVER:
        return Markup("no time")
    exact = times.text(milliseconds)
    return Markup('<time datetime="{}" title="{}">{} UTC</time>').format(
        exact, exact, exact[:19].replace("T", " ")
    )


def count(number: int, most: int | None = None) -> str:
    """A number with its thousands apart; one that was counted up to a limit says so."""
    return f"{number:,}" + ("+" if most is not None and number >= most else "")


def duration(milliseconds: int) -> str:
    """How long, as people say it: 12 ms, 3.4 s, 2 min, 5 h, 3 d."""
    for size, unit, digits in ((86_400_000, "d", 1), (3_600_000, "h", 1), (60_000, "min", 0)):
        if milliseconds >= size:
            return f"{milliseconds / size:.{digits}f} {unit}"
    return f"{milliseconds / 1000:.1f} s" if milliseconds >= 1000 else f"{milliseconds} ms"


def category(name: str | None) -> str:
    """A category as words: recipient_not_found is "Recipient not found"."""
    return (name or "").replace("_", " ").capitalize()


def badge(label: str, tone: str | None = None) -> Markup:
    """A status as a label; unknown ones are shown as they are."""
    words = STATES.get(label, label)
    words = words[:1].upper() + words[1:].replace("_", " ")
    return Markup('<span class="badge {}">{}</span>').format(
        tone or TONES.get(label, "calm"), words
    )


def step(name: str | None) -> str:
    """What to do about a category, and who does it."""
    found = STEPS.get(name or "")
    return found[0] if found else ""


def retriable(touchpoint: Touchpoint) -> bool:
    """Has it a Retry button? (Contract cadence, section 7: the only condition is this one.)"""
    return touchpoint.kind == AUTOMATED and touchpoint.status == Status.ERROR


def asks_first(touchpoint: Touchpoint) -> bool:
    """Is a person asked before a retry goes out?"""
    return touchpoint.error_category in ASKING


def completable(touchpoint: Touchpoint) -> bool:
    """Can a person write its email now?"""
    waits = touchpoint.status in (Status.PENDING_MANUAL_SEND, Status.ERROR)
    return touchpoint.kind != AUTOMATED and waits


def statuses(counts: Mapping[str, int]) -> list[tuple[str, str]]:
    """For a choice: the known ones, and those that somebody added to the picklist."""
    names = [*map(str, Status), *(name for name in counts if name not in list(Status))]
    return [(name, name) for name in names]


def plain(text: str | None) -> str:
    """Foreign words with what can't be seen made visible: controls, and what turns text around."""
    return (text or "").replace("\r\n", "\n").translate(_UNSEEN)


def segment(value: str) -> str:
    """An id as one part of a path."""
    return quote(value, safe="")


def with_query(path: str, values: Mapping[str, Any], **others: Any) -> str:
    """A path with a query of what is given; what is None or empty is left out."""
    pairs = {**values, **others}
    query = urlencode({n: v for n, v in pairs.items() if v not in (None, "")})
    return f"{path}?{query}" if query else path


def dom_id(prefix: str, value: str) -> str:
    """An id for an element that another id becomes: without what selectors would read."""
    return f"{prefix}-{escape(value.encode().hex())}"


# For a choice: each with its words.
CATEGORIES = [(name, category(name)) for name in SENTENCES]

_TURNS = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
_UNSEEN = {code: 0x2400 + code for code in range(0x20) if code not in (0x09, 0x0A)} | dict.fromkeys(
    (0x7F, *range(0x80, 0xA0), *_TURNS), 0xFFFD
)

FILTERS: dict[str, Callable[..., Any]] = {
    "time": time,
    "count": count,
    "duration": duration,
    "category": category,
    "badge": badge,
    "step": step,
    "segment": segment,
    "plain": plain,
}
TESTS: dict[str, Callable[..., bool]] = {
    "retriable": retriable,
    "asks_first": asks_first,
    "completable": completable,
}
GLOBALS: dict[str, Any] = {
    "with_query": with_query,
    "statuses": statuses,
    "dom_id": dom_id,
    "SENTENCES": SENTENCES,
    "ASKING": ASKING,
    "WAITS_FOR": WAITS_FOR,
}
