"""HTML as anybody may have written it, made well-nested in one walk from its front to its end.

Policy. What is safe to show is decided by a real parser afterwards (`rendered`). But a parser by
the letter of HTML takes time by the square, or worse, for tags that nest without end, cross each
other or have attributes by the thousand. So what it gets is balanced and bounded here, in time
that grows with the length: tags that are not known are left out, with their content where that is
no text to read, and what nests deeper than MOST_DEPTH loses its tags. Text stays as it came.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Callable, Mapping

MOST_DEPTH = 100
MOST_ATTRIBUTES = 30
VOID = frozenset({"br", "hr", "img", "wbr", "col"})
# Left out with all that is in them: nothing of it is a mail's text.
WHOLE = frozenset(
    {
        *("script", "style", "title", "textarea", "noscript", "iframe", "noembed", "noframes"),
        *("xmp", "template", "svg", "math", "select", "object", "applet", "audio", "video"),
        *("canvas", "frameset", "plaintext"),
    }
)

# The text of an opening tag with its attributes, or whatever is to stand in its place; empty where
# the tag is left out.
Shown = Callable[[str, Mapping[str, str]], str]

_TEXT = re.compile(r"[^<]++")
_COMMENT = re.compile(r"<!--.*?(?:--!?>|\Z)|<[!?/](?![a-zA-Z])[^>]*+(?:>|\Z)", re.DOTALL)
_NAME = re.compile(r"<(/?)([a-zA-Z][^\s/>]*+)")
_ATTRIBUTE = re.compile(
    r"[\s/]*+(?:(>)|([^\s/>][^\s/>=]*+)(?:\s*+=\s*+(\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z)|[^\s>]*+))?)"
)
# A paragraph ends, with whatever is open in it, where one of these begins. A parser would open
# anew what was open in it, in each paragraph that follows.
_BLOCKS = frozenset(
    {
        *("p", "div", "center", "blockquote", "pre", "address", "hr", "table", "ul", "ol", "li"),
        *("dl", "dt", "dd", "h1", "h2", "h3", "h4", "h5", "h6", "article", "section", "header"),
        *("footer", "figure", "figcaption"),
    }
)
_CELLS = frozenset({"td", "th", "caption"})
_OF_TABLES = frozenset({"tr", "table", "tbody", "thead", "tfoot"})
# What ends by itself when another of these begins.
_ROWS = frozenset({"tr", "td", "th"})
_ENDED_BY = {
    "li": frozenset({"li"}),
    "dt": frozenset({"dt", "dd"}),
    "dd": frozenset({"dt", "dd"}),
    "td": frozenset({"td", "th"}),
    "th": frozenset({"td", "th"}),
    "tr": _ROWS,
    "tbody": _ROWS | {"tbody", "thead", "tfoot"},
    "a": frozenset({"a"}),
}


def balanced(text: str, shown: Shown) -> str:
    """The HTML well-nested, with the tags that `shown` knows."""
    nest = _Nest(shown)
    at = 0
    while at < len(text):
        at = nest.read(text, at)
    nest.close_to(0)
    return "".join(nest.parts)


class _Nest:
    """What was written so far, and the tags in it that are open."""

    def __init__(self, shown: Shown) -> None:
        self.parts: list[str] = []
        self._shown = shown
        self._open: list[str] = []
        self._counts: Counter[str] = Counter()
        self._endless: set[str] = set()

    def read(self, text: str, at: int) -> int:
        """Take what stands at a place; where it ends."""
        if found := _TEXT.match(text, at):
            self.parts.append(found[0])
        elif found := _COMMENT.match(text, at):
            return found.end()
        elif found := _NAME.match(text, at):
            attributes, end = _attributes(text, found.end())
            return self._tag(text, found[2].lower(), bool(found[1]), attributes, end)
        else:
            self.parts.append("&lt;")
            return at + 1
        return found.end()

    def close_to(self, depth: int) -> None:
        while len(self._open) > depth:
            name = self._open.pop()
            self._counts[name] -= 1
            self.parts.append(f"</{name}>")

    def _tag(self, text: str, name: str, ends: bool, attributes: Mapping[str, str], at: int) -> int:
        if ends:
            self._end(name)
        elif name in WHOLE:
            return self._past(text, name, at)
        else:
            self._begin(name, attributes)
        return at

    def _begin(self, name: str, attributes: Mapping[str, str]) -> None:
        written = self._shown(name, attributes)
        if not written:
            return
        if name in _BLOCKS:
            self._end("p")
        if name in VOID:
            self.parts.append(written)
            return
        ended = _ENDED_BY.get(name, frozenset())
        while self._open and self._open[-1] in ended:
            self.close_to(len(self._open) - 1)
        if len(self._open) < MOST_DEPTH:
            self.parts.append(written)
            self._open.append(name)
            self._counts[name] += 1

    def _end(self, name: str) -> None:
        if not self._counts[name]:
            return
        for depth in range(len(self._open) - 1, -1, -1):
            if self._open[depth] == name:
                self.close_to(depth)
                return
            if self._open[depth] in _CELLS and name not in _OF_TABLES:
                return  # what is in a cell ends nothing around it

    def _past(self, text: str, name: str, at: int) -> int:
        """The end of an element that is left out; without an end, only its tag is."""
        if name in self._endless:
            return at
        found = re.compile(rf"</{name}[^>]*+(?:>|\Z)", re.IGNORECASE).search(text, at)
        if found is None:
            self._endless.add(name)
            return at
        return found.end()


def _attributes(text: str, at: int) -> tuple[dict[str, str], int]:
    """The first of each name, with the entities in it read, and where the tag ends."""
    found: dict[str, str] = {}
    while one := _ATTRIBUTE.match(text, at):
        at = one.end()
        if one[1]:
            return found, at
        if len(found) < MOST_ATTRIBUTES:
            found.setdefault(one[2].lower(), _read(one[3] or ""))
    return found, len(text)


def _read(value: str) -> str:
    if value[:1] in ('"', "'"):
        value = value[1:-1] if value[-1] == value[0] and len(value) > 1 else value[1:]
    if "&" not in value:
        return value
    try:
        return html.unescape(value)
    except ValueError:  # a character by a number of thousands of digits
        return ""
