"""What a template and its book come to as a request: which sources, by digest, in which order.

A source is known by a digest of its part and its text, whatever template it is of, so that what a
new book did not change is still compiled. Sources themselves travel only once they are asked for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from franking.core.template import PARTS, Book, Template

# The extension renders them in this order, and the first that fails gives the error.
ORDER = ("subject", "html", "text", "amp")
ATTACHMENTS = "attachments"
_TAG = "{{"


class Source(msgspec.Struct, frozen=True):
    """The text of one part; `column` is added to the places that its errors name."""

    part: str
    source: str
    column: int = 0

    @property
    def digest(self) -> str:
        told = f"{self.part} {self.column} {self.source}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(told, digest_size=16).hexdigest()


class Rendered(msgspec.Struct, frozen=True):
    """The parts of a template with its data put in; None for a part that it does not have."""

    subject: str | None = None
    text: str | None = None
    html: str | None = None
    amp: str | None = None
    attachments: tuple[dict[str, Any], ...] | None = None


class Plan:
    """What of one template is rendered; `digests` are in the order of the answer's texts."""

    def __init__(self, template: Template) -> None:
        self._parts = [part for part in ORDER if template.part(part) is not None]
        self._attachments = template.attachments
        found = [Source(part, template.part(part) or "") for part in self._parts]
        found += _fields(template.attachments)
        self.sources = {source.digest: source for source in found}
        self.digests = [source.digest for source in found]
        # Which template this is: another one after any change of its own text.
        self.key = hashlib.blake2b(repr((template.key, self.digests)).encode()).hexdigest()

    def rendered(self, texts: Sequence[str]) -> Rendered:
        """The parts and the attachments' fields with their texts."""
        left = iter(texts)
        parts: dict[str, Any] = {part: next(left) for part in self._parts}
        if not self._attachments:
            return Rendered(**parts)
        filled = tuple(_filled(one, left) for one in self._attachments)
        return Rendered(**parts, attachments=filled)


class Catalog:
    """A book's partials, and the plans of its templates as they are needed."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self._plans: dict[str, Plan] = {}
        self.partials: dict[str, dict[str, str]] = {part: {} for part in PARTS}
        self._partials: dict[str, Source] = {}
        for name, partial in book.partials.items():
            for part in PARTS:
                if (text := partial.part(part)) is not None:
                    source = Source(part, text)
                    digest = self.partials[part][name] = source.digest
                    self._partials[digest] = source

    def plan(self, name: str) -> Plan | None:
        """Of a template, by what a mail names it; None where there is none."""
        template = self.book.templates.get(name)
        if template is None:
            return None
        if name not in self._plans:
            self._plans[name] = Plan(template)
        return self._plans[name]

    def source(self, plan: Plan, digest: str) -> Source | None:
        """What the child asked for."""
        return plan.sources.get(digest) or self._partials.get(digest)


def encoded(value: Any) -> bytes:
    """JSON as the child reads it. Raises TypeError, ValueError or RecursionError."""
    try:
        return msgspec.json.encode(value)
    except (UnicodeEncodeError, OverflowError):  # half a pair of surrogates; a very large number
        return json.dumps(value, default=msgspec.structs.asdict, allow_nan=False).encode()


def _fields(attachments: Sequence[Mapping[str, Any]]) -> Iterator[Source]:
    """The texts in attachments that are templates, each with its place in the JSON of all."""
    texts: list[tuple[int, str]] = []
    _gather(list(attachments), 0, texts)
    return (Source(ATTACHMENTS, text, column) for column, text in texts if _TAG in text)


def _gather(value: Any, at: int, texts: list[tuple[int, str]]) -> int:
    """Every text below a value whose JSON begins at a column, names of fields too; where that JSON
    ends. Each value is looked at once, however deep it lies."""
    if isinstance(value, str):
        texts.append((at + 1, value))
    if not value or not isinstance(value, Mapping | list | tuple):
        return at + len(json.dumps(value, ensure_ascii=False))
    if isinstance(value, Mapping):
        for name, inner in value.items():
            at = _gather(inner, _gather(name, at + 1, texts) + 1, texts)
    else:
        for inner in value:
            at = _gather(inner, at + 1, texts)
    return at + 1


def _filled(value: Any, texts: Iterator[str]) -> Any:
    """The same with its templates' texts, in the order of `_texts`."""
    if isinstance(value, str):
        return next(texts) if _TAG in value else value
    if isinstance(value, Mapping):
        return {_filled(name, texts): _filled(inner, texts) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(inner, texts) for inner in value]
    return value
