"""Which rule decides: the layers of the error vocabulary, one after the other.

A rule's literal is looked for before its pattern is tried, and the rules of other providers are
never looked at, so that a translation costs some ten microseconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from franking.core.facts import Facts
from franking.core.rules import RULES, UNKNOWN
from franking.core.rules.rule import Rule

_Search = Callable[[str], object]
_Entry = tuple[tuple[str, ...], tuple[str, ...], "_Search | None", Rule]

MOST_REASONS = 64


def deciding(facts: Facts) -> tuple[Rule, str | None]:
    """The first rule that holds, and the API's reason that led to it, if one did."""
    for rule, reason in holding(facts):
        return rule, reason
    return UNKNOWN, None


def holding(facts: Facts) -> Iterator[tuple[Rule, str | None]]:
    """All rules that hold, in the order of matching."""
    yield from _reasons(facts)
    provider = facts.provider
    if provider is not None:
        yield from ((rule, None) for rule in _texts(_OWN_TEXTS.get(provider, ()), facts))
        yield from ((rule, None) for rule in _codes(_OWN_CODES.get(provider), facts))
    yield from ((rule, None) for rule in _texts(_TEXTS, facts))
    if not facts.http:
        yield from ((rule, None) for rule in _codes(_CODES, facts))
        yield from ((rule, None) for rule in _texts(_HINTS, facts))
    yield from ((rule, None) for rule in _replies(facts))
    yield from ((rule, None) for rule in _KINDS.get(facts.kind or "", ()) if _at(rule, facts))


def _reasons(facts: Facts) -> Iterator[tuple[Rule, str | None]]:
    """The API's reasons among the words, each looked up, then asked for its family."""
    if not facts.http and not any(mark in facts.words for mark in _REASON_MARKS):
        return
    names = _names(facts.words)
    named = facts.http or "an error occurred (" in facts.words
    for name in names:
        for search, rule in _by_name(name):
            if search is None or search(facts.words):
                yield rule, name
    for name in names:
        if _FAMILIAR(name) or (named and _EXCEPTIONAL(name)):
            for search, rule in _FAMILIES:
                if search(name):
                    yield rule, name


_REASON_MARKS = ("error", "exception", "aadsts", "_")


def _by_name(name: str) -> Sequence[tuple[_Search | None, Rule]]:
    """AWS adds "Exception" to a name in some of its APIs."""
    return _REASONS.get(name) or _REASONS.get(name.removesuffix("exception")) or ()


def _names(words: str) -> list[str]:
    numbered = [f"errorcode {number}" for number in _NUMBERED(words)[:2]]
    return [*numbered, *_IDENTIFIERS(words)[:MOST_REASONS]]


_IDENTIFIERS = re.compile(r"[a-z][a-z_]{3,59}\d{0,9}").findall
_NUMBERED = re.compile(r"errorcode\"?[: ]{1,3}(\d{1,5})").findall
_FAMILIAR = re.compile(r"error[a-z]{4}|aadsts\d").match
_EXCEPTIONAL = re.compile(r"[a-z]{4,40}(?:exception|error|exceeded)$").match


def _texts(entries: tuple[_Entry, ...], facts: Facts) -> Iterator[Rule]:
    words = facts.words
    for literals, also, search, rule in entries:
        for literal in literals:
            if literal in words:
                worth = not also or any(word in words for word in also)
                if worth and (search is None or search(words)) and _at(rule, facts):
                    yield rule
                break


def _at(rule: Rule, facts: Facts) -> bool:
    """The rule's other conditions: the stage, the reply or its class, the code's beginning."""
    if rule.stages and facts.stage not in rule.stages:
        return False
    if rule.enhanced and not (facts.enhanced and facts.enhanced.startswith(rule.enhanced)):
        return False
    reply = facts.reply
    return not rule.replies or (
        reply is not None and (reply in rule.replies or reply // 100 in rule.replies)
    )


def _codes(table: dict[str, Rule] | None, facts: Facts) -> Iterator[Rule]:
    """The rule of the whole code, of its subject and detail, then of its subject."""
    enhanced = facts.enhanced
    if table is None or enhanced is None:
        return
    _, _, detailed = enhanced.partition(".")
    for code in (enhanced, detailed, detailed.partition(".")[0] + "."):
        if rule := table.get(code):
            yield rule


def _replies(facts: Facts) -> Iterator[Rule]:
    if facts.reply is None:
        return
    for rule in _STATUSES if facts.http else _REPLIES:
        if _at(rule, facts):
            yield rule


def _compiled(rule: Rule) -> _Search | None:
    return re.compile(rule.pattern).search if rule.pattern else None


def _entry(rule: Rule) -> _Entry:
    return rule.literals, rule.also, _compiled(rule), rule


def _of(layer: str) -> Iterator[Rule]:
    return (rule for rule in RULES if rule.layer == layer)


def _by_provider() -> dict[str, tuple[_Entry, ...]]:
    table: dict[str, tuple[_Entry, ...]] = {}
    for rule in _of("provider-text"):
        for provider in rule.providers:
            table[provider] = (*table.get(provider, ()), _entry(rule))
    return table


def _codes_by_provider() -> dict[str, dict[str, Rule]]:
    table: dict[str, dict[str, Rule]] = {}
    for rule in _of("provider-code"):
        for provider in rule.providers:
            table.setdefault(provider, {}).update(dict.fromkeys(rule.enhanced, rule))
    return table


def _by_reason() -> dict[str, list[tuple[_Search | None, Rule]]]:
    table: dict[str, list[tuple[_Search | None, Rule]]] = {}
    for rule in _of("api"):
        for name in rule.literals:
            table.setdefault(name, []).append((_compiled(rule), rule))
    return table


def _by_kind() -> dict[str, tuple[Rule, ...]]:
    table: dict[str, tuple[Rule, ...]] = {}
    for rule in _of("kind"):
        for kind in rule.kinds:
            table[kind] = (*table.get(kind, ()), rule)
    return table


_OWN_TEXTS = _by_provider()
_OWN_CODES = _codes_by_provider()
_TEXTS = tuple(_entry(rule) for rule in _of("text"))
_HINTS = tuple(_entry(rule) for rule in _of("hint"))
_CODES = {code: rule for rule in _of("code") for code in rule.enhanced}
_REASONS = _by_reason()
_FAMILIES = tuple(
    (re.compile(rule.pattern).search, rule)
    for rule in _of("api")
    if rule.pattern and not rule.literals
)
_REPLIES = tuple(rule for rule in _of("reply") if not rule.id.startswith("http."))
_STATUSES = tuple(rule for rule in _of("reply") if rule.id.startswith("http."))
_KINDS = _by_kind()
