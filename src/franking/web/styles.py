"""A style attribute without what could load, cover or move anything: harmless properties alone."""

from __future__ import annotations

import re

MOST_CHARACTERS = 2_000
PROPERTIES = frozenset(
    {
        *("color", "background", "background-color", "opacity", "visibility", "display"),
        *("font", "font-family", "font-size", "font-style", "font-variant", "font-weight"),
        *("text-align", "text-decoration", "text-indent", "text-transform", "line-height"),
        *("letter-spacing", "word-spacing", "white-space", "word-break", "overflow-wrap"),
        *("vertical-align", "direction", "list-style-type", "overflow", "float", "clear"),
        *("width", "min-width", "max-width", "height", "min-height", "max-height"),
        *("margin", "margin-top", "margin-right", "margin-bottom", "margin-left"),
        *("padding", "padding-top", "padding-right", "padding-bottom", "padding-left"),
        *("border", "border-top", "border-right", "border-bottom", "border-left"),
        *("border-color", "border-style", "border-width", "border-radius"),
        *("border-collapse", "border-spacing", "table-layout", "empty-cells", "caption-side"),
    }
)
# Words, numbers, colours and quoted names; of functions only those that name a colour.
_VALUE = re.compile(
    r"(?:(?:rgb|rgba|hsl|hsla)\([\d\s.,%/]*+\)|[\w#%.,/+!\s-]|\"[\w\s,-]*+\"|'[\w\s,-]*+')++",
    re.ASCII,
)
_NAME = re.compile(r"[a-z-]++", re.ASCII)


def harmless(style: str) -> str:
    """The declarations that may stay; empty where none may."""
    kept = []
    for declaration in style[:MOST_CHARACTERS].split(";"):
        name, _, value = declaration.partition(":")
        name, value = name.strip().lower(), value.strip()
        if name in PROPERTIES and _NAME.fullmatch(name) and _VALUE.fullmatch(value):
            kept.append(f"{name}:{value}")
    return ";".join(kept)
