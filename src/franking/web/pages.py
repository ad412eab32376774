"""Turns values into pages: the templates, and the headers that every page of the console has.

Policy. Whatever is shown is escaped, wherever it came from. The Content-Security-Policy lets a page
load its own scripts and styles and nothing else; there is no inline script or style. A page is made
for every call, for it may change with time alone (a pause ends) or elsewhere (timers of another
process); a browser that has the same is told so. A part of a page that a script asks for
(`HX-Request`) comes without the frame around it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from franking.apis.answers import Answer
from franking.apis.calls import Ask
from franking.web import show
from franking.web.shelf import Shelf
from franking.web.viewer import viewer

HTML = b"text/html; charset=utf-8"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " font-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"vary", b"HX-Request"),
)
# The frames of pages are told apart from their parts by this.
PAGES = (
    ("/", "Overview"),
    ("/touchpoints", "Touchpoints"),
    ("/mail", "Mail"),
    ("/templates", "Templates"),
    ("/timers", "Timers"),
    ("/accounts", "Accounts"),
    ("/errors", "Errors"),
    ("/outbox", "Outbox"),
)


class Pages:
    """The templates, each by its file's name without `.html`."""

    def __init__(self, shelf: Shelf) -> None:
        self._env = Environment(
            loader=PackageLoader("franking.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._env.filters.update(show.FILTERS)
        self._env.tests.update(show.TESTS)
        self._env.globals.update(asset=shelf.url, pages=PAGES, **show.GLOBALS)

    def page(self, request: Ask, name: str, *, status: int = 200, **values: Any) -> Answer:
        """The page `NAME.html`, which extends `frame.html`; its part `NAME_part.html` where a
        script asks for it."""
        name = f"{name}_part" if is_part(request) else name
        return self.part(request, name, status=status, **values)

    def part(
        self,
        request: Ask,
        name: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> Answer:
        """What `NAME.html` makes, as it is. A browser that has the same is told so by its tag."""
        path: str = request.scope["path"]
        html = self._env.get_template(f"{name}.html").render(
            path=path, here=here(request), viewer=viewer(request), **values
        )
        body = html.encode("utf-8", "replace")
        own = [(n.encode(), v.encode()) for n, v in (headers or {}).items()]
        if request.method != "GET" or status != 200:
            return Answer(status, body, (*HEADERS, *own), HTML)
        tag = b'W/"%b"' % hashlib.blake2b(body, digest_size=12).hexdigest().encode()
        had = dict(request.scope["headers"]).get(b"if-none-match")
        if had == tag:
            return Answer(304, b"", (*HEADERS, (b"etag", tag), *own), HTML)
        return Answer(200, body, (*HEADERS, (b"etag", tag), *own), HTML)


def is_part(request: Ask) -> bool:
    """Does a script ask for a part of the page? Going back in history asks for all of it."""
    headers = dict(request.scope["headers"])
    return headers.get(b"hx-request") == b"true" and b"hx-history-restore-request" not in headers


def here(request: Ask) -> str:
    """The path and query of a request, for a part that is to be loaded again."""
    query: str = request.scope["query_string"].decode("latin-1")
    path: str = request.scope["raw_path"].decode("latin-1").partition("?")[0]
    return f"{path}?{query}" if query else path
