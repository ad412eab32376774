"""A mail as its reader sees it: whatever it holds, nothing loads, runs or leads away."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from time import process_time

import pytest
from playwright.sync_api import Page

from console.conftest import Opened
from franking.web import pictures, rendered, styles
from franking.web.rendered import clean

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
    "rkJggg=="
)
SHOWN = f"data:image/png;base64,{PNG}"
# What tries to run, to load, to cover the page or to lead away; each says how.
HOSTILE = [
    "<script>hit()</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<img src=x onerror=hit()>",
    "<img src=https://evil.example/pixel.gif width=40>",
    "<img srcset='https://evil.example/1.png 1x' src=//evil.example/2.png>",
    "<svg onload=hit()><image href=https://evil.example/a.png></svg>",
    "<svg><style><img src=x onerror=hit()></style></svg>",
    "<math><mtext><table><mglyph><style><!--</style>"
    "<img title='--&gt;&lt;img src=x onerror=hit()>'>",
    "<math><mi><style><img src=x onerror=hit()></style>",
    "<noscript><p title='</noscript><img src=x onerror=hit()>'>",
    "<form><math><mtext></form><form><mglyph><svg><mtext><style>"
    "<path id='</style><img onerror=hit() src>'>",
    "<a href='javascript:hit()'>link</a><a href=' JaVa\tScRiPt:hit()'>link</a>",
    "<a href='&#106;avascript:hit()'>link</a><a href='data:text/html,<script>hit()</script>'>l</a>",
    "<a href='vbscript:x'>v</a><a href='//evil.example'>rel</a><a href='/mail'>own</a>",
    "<iframe src=https://evil.example></iframe><iframe srcdoc='<script>hit()</script>'>",
    "</iframe><script>hit()</script>",
    "</body></html><script>hit()</script>",
    "<object data=x.swf></object><embed src=x.swf><applet code=x>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'><base href=https://evil.example>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<style>@import url(https://evil.example/x.css); * { display: none }</style>",
    "<div style='background:url(https://evil.example/x)'>x</div>",
    "<div style='background-image:url(//evil.example/x);color:red'>x</div>",
    "<div style='width:expression(hit());behavior:url(x);-moz-binding:url(x)'>x</div>",
    "<div style='position:fixed;top:0;left:0;width:100%;z-index:99'>cover</div>",
    "<div style='color:re\\64;background:u\\72l(//evil.example)'>x</div>",
    "<div style='background:/**/url/**/(//evil.example)'>x</div>",
    "<div style='font-family:\"x;background:url(//evil.example)\"'>x</div>",
    "<body background=//evil.example onload=hit()><table background=//evil.example><td>x</table>",
    "<form action=https://evil.example><input name=x autofocus onfocus=hit()><button>Go</button>",
    "<video src=//evil.example poster=//evil.example/p><audio src=//evil.example>",
    "<img src='data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9aGl0KCk+'>",
    "<img src='data:text/html;base64,PHNjcmlwdD5oaXQoKTwvc2NyaXB0Pg=='>",
    f"<img src='data:image/png,{PNG}'>",
    '<p title="<img src=x onerror=hit()>">x</p><abbr title=\'"><script>hit()</script>\'>y</abbr>',
    "<img alt='\"><script>hit()</script>' src=x>",
    "<!--[if IE]><script>hit()</script><![endif]--><![CDATA[<script>hit()</script>]]>",
    "<template><script>hit()</script></template><plaintext><script>hit()</script>",
    "<<script>hit()</script><img/src=x/onerror=hit()><a\x0bhref=javascript:hit()>x</a>",
    "<textarea><img title='</textarea><script>hit()</script>'></textarea>",
    "<xmp><p title='</xmp><script>hit()</script>'></xmp><title><script>hit()</script></title>",
    "\x00<scr\x00ipt>hit()</scr\x00ipt>\u202egnp.exe\u2066<b id=x name=body class=toast>x</b>",
    "<a href='https://a.example' target=_top ping=//evil.example>x</a><area href=//evil.example>",
    "<p style=\"color:red\" style='position:fixed'>x</p><marquee onstart=hit()>x</marquee>",
]
ATTRIBUTES = {"href", "src", "alt", "title", "target", "rel", "class", "style"} | {
    *rendered._VALUES
}


class Reader(HTMLParser):
    """Reads what was cleaned, and refuses what must not be in it."""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert tag in rendered.TAGS
        for name, value in attributes:
            assert name in ATTRIBUTES
            if name == "src":
                assert pictures.safe(value or "")
            if name == "href":
                assert re.match(r"https?://|mailto:|tel:", value or "", re.IGNORECASE)
            if name == "style":
                assert styles.harmless(value or "") == value
            if name == "class":
                assert value == "missing"

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_only_what_is_harmless_is_left(hostile: str) -> None:
    cleaned = clean(f"<p>before</p>{hostile}")
    Reader().feed(cleaned)
    assert "before" in cleaned
    assert "hit()</" not in cleaned.replace("&lt;", "")


def test_a_browser_finds_nothing_to_load_or_to_run(opened: Opened) -> None:
    page: Page = opened.page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: asked.append("a dialog"))
    page.goto("about:blank")
    # Without the sandbox and without a policy: what is cleaned must be harmless by itself.
    page.set_content(
        "<script>window.hits = 0; function hit() { window.hits += 1; }</script>"
        + "".join(f"<div>{clean(one)}</div>" for one in HOSTILE)
    )
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.hits") == 0
    assert [url for url in asked if not url.startswith("data:image/png")] == []
    assert (
        page.locator("div :is(form, script, style, svg, math, iframe, input, object)").count() == 0
    )
    assert page.evaluate(
        "[...document.querySelectorAll('body *')].every("
        "  (e) => !['fixed', 'absolute', 'sticky'].includes(getComputedStyle(e).position))"
    )


# What would take a parser by the letter of HTML time by the square.
M = 300_000
SLOW = {
    "nested": "<div>" * M,
    "crossed": "<b><i><div>" * 20_000 + "</b></i>" * 20_000,
    "open links": "<a href=http://x><div>" * 20_000,
    "open fonts": "".join(f"<p><font size={i}>" for i in range(9_000)) + "<p>x" * 50_000,
    "fonts closed by blocks": ("<p>" + "<font color=red>" * 90 + "<div>x</div>" * 3_000) * 4,
    "attributes": "<p " + " ".join(f"a{i}=1" for i in range(60_000)) + ">",
    "no end of a tag": '<a "' * M,
    "no end of a comment": "<!--" * M,
    "no end of a picture": "<svg>" * M,
    "blanks": "<p " + " " * 900_000,
    "tables": "<table><tr><td>x" * 40_000,
    "a long number": f"<a href='http://x&#{'9' * 9_000};'>x</a>",
    "a long style": f"<p style='{'color:red;' * 90_000}'>",
}


@pytest.mark.parametrize("name", SLOW)
def test_cleaning_takes_no_longer_for_being_hostile(name: str) -> None:
    began = process_time()
    cleaned = clean(SLOW[name])
    assert process_time() - began < 10
    assert len(cleaned) < 5_000_000


def test_what_is_too_long_is_cut_and_says_so() -> None:
    cleaned = clean("<p>word</p>" * 200_000)
    assert len(cleaned) < 1_100_000
    assert "too long" in cleaned


def test_what_mails_are_made_of_stays() -> None:
    told = (
        '<table width="100%" bgcolor="#eeeeee"><tr><td colspan="2" style="padding:20px">'
        "<h1>Hello</h1><p>Dear <b>Ada</b>,<br>x &lt; y &amp; z</p><ul><li>one<li>two</ul>"
    )
    cleaned = clean(told)
    for piece in ('width="100%"', 'bgcolor="#eeeeee"', 'colspan="2"', 'style="padding:20px"'):
        assert piece in cleaned
    assert "Dear <b>Ada</b>,<br>x &lt; y &amp; z" in cleaned
    assert cleaned.count("<li>") == 2


def test_a_link_tells_its_target_and_opens_nothing_in_place() -> None:
    cleaned = clean("<a href='https://example.com/?a=1&b=2' title=lie>offer</a>")
    assert 'href="https://example.com/?a=1&amp;b=2"' in cleaned
    assert 'title="https://example.com/?a=1&amp;b=2"' in cleaned
    assert 'target="_blank"' in cleaned
    assert "lie" not in cleaned
    assert "hit" not in clean("<a href='javascript:hit()'>offer</a>")


# A picture's address, and what is shown instead where it is none.
PICTURES = [
    (f"<img src='{SHOWN}'>", SHOWN),
    (f"<img src='data:image/svg+xml;base64,{PNG}'>", SHOWN),  # it is what its octets say
    ("<img src=https://e.example/a.png alt='Our logo'>", "Our logo: image not loaded"),
    ("<img src=https://e.example/a.png>", ">image not loaded<"),
    ("<img src=cid:dot>", SHOWN),
    ("<img src=cid:other alt=x>", "x: image not loaded"),
    ("<img src='data:image/png;base64,AAAA'>", "image not loaded"),
    ("<img src='data:image/png;base64,%%%%'>", "image not loaded"),
]


@pytest.mark.parametrize(("given", "shown"), PICTURES)
def test_pictures_are_shown_where_the_mail_holds_them(given: str, shown: str) -> None:
    assert shown in clean(given, {"dot": SHOWN})


def test_what_counts_readers_leaves_no_trace() -> None:
    assert clean("<img src=https://e.example/open.gif width=1 height=1>") == ""


def test_pictures_together_have_a_limit() -> None:
    octets = b"\x89PNG\r\n\x1a\n" + bytes(pictures.MOST_BYTES - 100)
    large = f"data:image/png;base64,{base64.b64encode(octets).decode()}"
    cleaned = clean("<img src=cid:a><img src=cid:b>", {"a": large, "b": large})
    assert cleaned.count("<img") == 1
    assert "image not loaded" in cleaned


# An attachment, and whether its picture is shown.
ATTACHED = [
    ({"cid": "x", "encoding": "base64", "content": PNG}, True),
    ({"cid": "<x>", "path": SHOWN}, True),
    ({"cid": "x", "href": SHOWN}, True),
    ({"cid": "x", "path": "https://e.example/a.png"}, False),
    ({"cid": "x", "path": "/etc/passwd"}, False),
    ({"cid": "x", "content": PNG}, False),
    ({"cid": "x", "encoding": "base64", "content": "PHN2Zz4="}, False),
    ({"cid": 1, "encoding": "base64", "content": PNG}, False),
    ({"encoding": "base64", "content": PNG}, False),
    ("no map", False),
]


@pytest.mark.parametrize(("entry", "there"), ATTACHED)
def test_attached_pictures_are_found_by_their_id(entry: object, there: bool) -> None:
    found = pictures.attached({"message": {"attachments": [entry]}})
    assert found == ({"x": SHOWN} if there else {})


@pytest.mark.parametrize("document", [{}, {"message": 1}, {"message": {"attachments": "x"}}])
def test_a_document_may_hold_anything(document: dict[str, object]) -> None:
    assert pictures.attached(document) == {}


def test_the_frame_has_a_policy_of_its_own() -> None:
    answer = rendered.frame("<p>x</p>")
    headers = dict(answer.headers)
    assert headers[b"content-security-policy"] == (
        b"sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:;"
        b" frame-ancestors 'self'"
    )
    assert headers[b"x-frame-options"] == b"SAMEORIGIN"


def test_a_mail_with_only_text_is_shown_as_text() -> None:
    body = rendered.frame(None, "<script>x</script> & so").body
    assert b"<pre>&lt;script&gt;x&lt;/script&gt; &amp; so</pre>" in body
    assert b"no text" in rendered.frame(None, None).body
