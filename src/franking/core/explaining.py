"""What any words of a mail server mean: the verdict that a failed mail gets, and what came near."""

from __future__ import annotations

import msgspec

from franking.core.fault import Fault, near, translate


class Near(msgspec.Struct, frozen=True):
    """Another rule that holds for the words too, and what it would have said."""

    rule: str
    category: str
    cause: str


class Explanation(msgspec.Struct, frozen=True):
    """The verdict on words, and what else came near it, best first."""

    fault: Fault
    near: tuple[Near, ...]


def explain(
    text: str, code: int | None = None, enhanced: str | None = None, provider: str | None = None
) -> Explanation:
    """The verdict on words alone; a code that is given goes before one that the words hold."""
    others = near(text, reply_code=code, enhanced=enhanced, provider=provider)
    return Explanation(
        fault=translate(text, reply_code=code, enhanced=enhanced, provider=provider),
        near=tuple(Near(rule.id, rule.category_of(None), rule.cause) for rule in others),
    )
