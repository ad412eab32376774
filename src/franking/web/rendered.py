"""A mail as its reader sees it, with nothing in it that could load, run or lead away.

Policy. It is shown in a frame that may do nothing (`sandbox`), under a policy of its own that lets
nothing be loaded; and it is cleaned first, so that the policy is never called on. A mail is cleaned
twice: `tags` makes it well-nested and bounded and leaves out what is not known, then nh3, a real
parser, decides by the same lists. Pictures are shown where the mail itself holds them; others
become their words. Links are kept for their target to be read: a click on one leads nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape

import nh3

from franking.apis.answers import Answer
from franking.web import pictures, styles, tags

MOST_CHARACTERS = 1_000_000
MOST_TEXT = 200_000
POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"SAMEORIGIN"),
)
TAGS = {
    *("p", "div", "span", "br", "hr", "wbr", "center", "blockquote", "pre", "address"),
    *("b", "strong", "i", "em", "u", "s", "strike", "del", "ins", "small", "big", "sub", "sup"),
    *("code", "tt", "kbd", "samp", "q", "cite", "abbr", "font", "a", "img"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "dl", "dt", "dd"),
    *("table", "caption", "colgroup", "col", "thead", "tbody", "tfoot", "tr", "td", "th"),
    *("article", "section", "header", "footer", "figure", "figcaption"),
}
_LENGTH = re.compile(r"\d{1,4}%?")
_WORD = re.compile(r"[\w #,.-]{0,60}", re.ASCII)
_LINK = re.compile(r"\s*(?:https?://|mailto:|tel:)[^\s\\]", re.IGNORECASE)
_VALUES = {
    **dict.fromkeys(("width", "height", "border", "cellpadding", "cellspacing"), _LENGTH),
    **dict.fromkeys(("colspan", "rowspan", "span", "start", "size"), _LENGTH),
    **dict.fromkeys(("align", "valign", "bgcolor", "color", "face", "dir", "nowrap"), _WORD),
}
MOST_VALUE = 500
_ALLOWED = {
    "*": {*_VALUES, "style"},
    "a": {"href", "title", "target"},
    "img": {"src", "alt"},
    "abbr": {"title"},
}
_CUT = '<p class="cut">The rest of this email is not shown here: it is too long.</p>'
# A mail takes white paper for granted, whatever the viewer's setting.
_STYLE = """
:root { color-scheme: only light; background: #fff; }
body { margin: 12px; color: #1b2430; font: 15px/1.5 system-ui, sans-serif; }
body { overflow-wrap: anywhere; }
img { max-width: 100%; height: auto; }
pre { white-space: pre-wrap; font: inherit; margin: 0; unicode-bidi: plaintext; }
a { color: #1f5fbf; cursor: help; }
.missing, .cut { color: #566273; font-size: 13px; font-style: italic; }
.missing { border: 1px dashed #7b8798; padding: 0 4px; }
"""
_NOTHING: Mapping[str, str] = {}


def clean(html: str, attached: Mapping[str, str] = _NOTHING) -> str:
    """The HTML of a mail as it may be shown. Takes a while for a long one: not for an event loop.

    `attached` are pictures by their Content-ID, as `pictures.attached` gives them.
    """
    balanced = tags.balanced(html[:MOST_CHARACTERS], _Writer(attached).tag)
    cleaned = nh3.clean(
        balanced,
        tags=TAGS,
        clean_content_tags=set(tags.WHOLE),
        attributes=_ALLOWED,
        attribute_filter=_kept,
        url_schemes={"http", "https", "mailto", "tel", "data"},
        allowed_classes={"span": {"missing"}},
    )
    return cleaned + (_CUT if len(html) > MOST_CHARACTERS else "")


def frame(
    html: str | None, text: str | None = None, attached: Mapping[str, str] = _NOTHING
) -> Answer:
    """The page for a sandboxed frame: the html, or else the text, or that there is neither."""
    if html:
        body = clean(html, attached)
    elif text:
        body = f"<pre>{escape(text[:MOST_TEXT])}</pre>" + (_CUT if len(text) > MOST_TEXT else "")
    else:
        body = '<p class="cut">This email has no text.</p>'
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Email</title>'
        f"<style>{_STYLE}</style></head><body>{body}</body></html>"
    )
    return Answer(200, page.encode("utf-8", "replace"), HEADERS, b"text/html; charset=utf-8")


class _Writer:
    """Writes the tags that may stay; of pictures, as many as `pictures.MOST_BYTES` together."""

    def __init__(self, attached: Mapping[str, str]) -> None:
        self._attached = attached
        self._left = pictures.MOST_BYTES * 4 // 3

    def tag(self, name: str, given: Mapping[str, str]) -> str:
        if name not in TAGS:
            return ""
        if name == "img":
            return self._picture(given)
        written = _plain(given)
        if name == "a":
            written |= _link(given.get("href", ""))
        return _opening(name, written)

    def _picture(self, given: Mapping[str, str]) -> str:
        source = given.get("src", "").strip()
        if source[:4].lower() == "cid:":
            address = self._attached.get(source[4:].strip("<>"))
        else:
            address = pictures.shown(source)
        if address is None or len(address) > self._left:
            return _words(given)
        self._left -= len(address)
        alt = given.get("alt", "")[:MOST_VALUE]
        return _opening("img", {**_plain(given), "src": address, "alt": alt})


def _words(given: Mapping[str, str]) -> str:
    """What stands where a picture is not loaded; nothing for one that only counts its readers."""
    alt = " ".join(given.get("alt", "").split())[:MOST_VALUE]
    if not alt and any(given.get(side, "") in ("0", "1", "2") for side in ("width", "height")):
        return ""
    return f'<span class="missing">{escape(alt)}{": " if alt else ""}image not loaded</span>'


def _plain(given: Mapping[str, str]) -> dict[str, str]:
    kept = {n: v for n, v in given.items() if n in _VALUES and _VALUES[n].fullmatch(v)}
    style = styles.harmless(given.get("style", ""))
    return kept | ({"style": style} if style else {})


def _link(target: str) -> dict[str, str]:
    target = target.strip()[:MOST_VALUE]
    if not _LINK.match(target):
        return {}
    return {"href": target, "title": target, "target": "_blank"}


def _opening(name: str, attributes: Mapping[str, str]) -> str:
    written = "".join(f' {name}="{escape(value)}"' for name, value in attributes.items())
    return f"<{name}{written}>"


def _kept(tag: str, name: str, value: str) -> str | None:
    """The parser's last look at an attribute: the same rules, on what it made of it."""
    if name == "style":
        return styles.harmless(value) or None
    if name == "src":
        return value if tag == "img" and pictures.safe(value) else None
    if name == "href":
        return value if _LINK.match(value) else None
    if name == "target":
        return "_blank"
    if name in _VALUES:
        return value if _VALUES[name].fullmatch(value) else None
    return value
