"""Each rule decides its own example, says where it is from, and can't be made to run for long."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from re import _constants as sre
from re import _parser as parser
from typing import Any, cast

import pytest

from franking.core.fault import near, translate
from franking.core.rules import RULES
from franking.core.rules.drawn import drawn
from franking.core.rules.rule import CATEGORIES, LAYERS, Rule
from franking.core.rules.sentences import SCOPES, SENTENCES, STEPS

ROOT = Path(__file__).parents[2]
LONGEST_REPEAT = 80
PATTERNS = [rule for rule in RULES if rule.pattern]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_decides_its_own_example(rule: Rule) -> None:
    fault = translate(rule.example, **cast(Any, rule.given))
    assert (fault.rule, fault.cause) == (rule.id, rule.cause)
    assert fault.category == rule.category_of(rule.given.get("stage"))


def test_ids_are_unique() -> None:
    assert [name for name, times in Counter(rule.id for rule in RULES).items() if times > 1] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_says_where_it_is_from_and_belongs_somewhere(rule: Rule) -> None:
    assert rule.source.startswith("https://")
    assert rule.layer in LAYERS
    assert rule.cause in CATEGORIES or rule.cause == "server_error"
    assert rule.category_of(None) in SENTENCES
    assert rule.literals or rule.pattern or rule.enhanced or rule.replies or rule.kinds


@pytest.mark.parametrize("rule", PATTERNS, ids=lambda rule: rule.id)
def test_a_pattern_has_a_literal_that_is_looked_for_first(rule: Rule) -> None:
    assert rule.literals or rule.id.startswith("api.family.")
    assert all(literal == literal.lower() for literal in rule.literals)


@pytest.mark.parametrize("rule", PATTERNS, ids=lambda rule: rule.id)
def test_a_pattern_is_bounded(rule: Rule) -> None:
    assert rule.pattern is not None
    assert list(unbounded(parser.parse(rule.pattern))) == []


def unbounded(tree: Any, within: bool = False) -> list[str]:
    """The repeats without a limit, and those within another repeat of more than a few times."""
    found: list[str] = []
    for op, value in tree:
        if op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            _, most, inner = value
            if most > LONGEST_REPEAT or (within and most > 20):
                found.append(f"a repeat of {most}")
            found += unbounded(inner, within or most > 4)
        elif op is sre.SUBPATTERN:
            found += unbounded(value[-1], within)
        elif op is sre.BRANCH:
            for branch in value[1]:
                found += unbounded(branch, within)
        elif op in (sre.ASSERT, sre.ASSERT_NOT):
            found += unbounded(value[1], within)
    return found


def test_an_unbounded_pattern_is_found() -> None:
    for pattern in ("a*", "(?:b+)", "(?:(?:a{0,50})b){0,9}", "(?=c*)", "x|y{0,99}"):
        assert unbounded(parser.parse(pattern)), pattern


def test_every_category_has_its_words() -> None:
    assert set(SENTENCES) == set(STEPS) == set(SCOPES)
    assert set(CATEGORIES.values()) <= set(SENTENCES)
    assert max(len(sentence) for sentence in SENTENCES.values()) <= 200


def test_what_else_came_near_is_told() -> None:
    others = near("550 5.1.1 The mailbox is full")
    assert others[0].cause == "recipient_unknown"
    assert near("nothing that anybody knows") == []


def test_the_document_names_every_rule() -> None:
    text = drawn()
    assert [rule.id for rule in RULES if f"`{rule.id}`" not in text] == []
    assert re.search(r"\n\|---", text)


def test_the_document_is_fresh() -> None:
    assert (ROOT / "docs" / "errors.md").read_text("utf-8") == drawn()
