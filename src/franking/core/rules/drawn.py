"""Draws `docs/errors.md` out of the rules and the sentences."""

from __future__ import annotations

from collections.abc import Iterator

from franking.core.rules import RULES
from franking.core.rules.rule import CATEGORIES, CONFIDENCE, LAYERS, Rule
from franking.core.rules.sentences import SCOPES, SENTENCES, STEPS

_HEAD = """\
# Why a mail was not sent

Drawn from the rules in `src/franking/core/rules/` by `make docs`; a test fails when it is stale.

Every failure has a **category**, which says what the person who must act does next, and a
**cause**, which says what happened. The first rule that holds decides. The layers are tried in
this order:

| | layer | looks at | confidence |
|---|---|---|---|
"""

_LOOKS = {
    "api": "the reason of a provider's API, or an OAuth `error`",
    "provider-text": "words that this provider is known for",
    "provider-code": "this provider's own use of an enhanced code",
    "text": "words that mean the same whoever says them",
    "code": "the enhanced code, as registered (RFC 3463)",
    "hint": "words of a refusal that gives no ground",
    "reply": "the reply code, then its class",
    "kind": "the kind of the network's error",
}


def drawn() -> str:
    """The whole of `docs/errors.md`."""
    return "".join(_parts())


def _parts() -> Iterator[str]:
    yield _HEAD
    for number, layer in enumerate(LAYERS, 1):
        yield f"| {number} | {layer} | {_LOOKS[layer]} | {CONFIDENCE[layer]} |\n"
    yield "\n## What the rep reads\n\n| category | sentence | next step | who | concerns |\n"
    yield "|---|---|---|---|---|\n"
    for category, sentence in SENTENCES.items():
        step, who = STEPS[category]
        told = sentence.format(around="{ around TIME}")
        yield f"| `{category}` | {told} | {step} | {who} | {SCOPES[category]} |\n"
    yield "\n## Causes\n\n| cause | category |\n|---|---|\n"
    for cause, category in CATEGORIES.items():
        yield f"| `{cause}` | `{category}` |\n"
    yield "| `server_error` | `service_unavailable`, or `recipient_unavailable` after RCPT |\n"
    for layer in LAYERS:
        yield f"\n## Rules: {layer}\n\n"
        yield "| rule | cause | category | temporary | example | source |\n"
        yield "|---|---|---|---|---|---|\n"
        yield from (_row(rule) for rule in RULES if rule.layer == layer)


def _row(rule: Rule) -> str:
    passing = {True: "yes", False: "no", None: "as the code says"}[rule.temporary]
    category = rule.category_of(rule.given.get("stage"))
    cells = (f"`{rule.id}`", rule.cause, category, passing, _cell(rule.note or rule.example))
    return f"| {' | '.join(cells)} | <{rule.source}> |\n"


def _cell(words: str) -> str:
    return words.replace("|", "\\|").replace("<", "&lt;")
