"""What a page is asked for: its query, or a form with the proof that a page of ours sent it.

Policy. Whatever changes something must come from a page of this server: the browser says so in
`Sec-Fetch-Site` or `Origin`, and a request that says neither is refused, for there is no browser
that has to leave out both (OWASP, Cross-Site Request Forgery Prevention, Fetch Metadata).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from franking.apis import bodies, listing
from franking.apis.calls import Ask
from franking.apis.guard import bounded
from franking.apis.problems import Problem
from franking.web import cookies

MOST_FIELDS = 50
MOST_CHARACTERS = 255

_FORM = b"application/x-www-form-urlencoded"
_NEXT = "Load the page again and press the button there."


class Fields(dict[str, str]):
    """The fields of a form by name; each is there once."""

    def words(self, name: str) -> str | None:
        """A field without the blanks around it; None where it is absent or empty."""
        return self.get(name, "").strip() or None

    def text(self, name: str) -> str:
        """A field as it was typed, with line ends as mails have them in documents."""
        return self.get(name, "").replace("\r\n", "\n").replace("\r", "\n")

    def ticked(self, name: str) -> bool:
        """Is a box ticked?"""
        return self.get(name) in ("on", "true", "1")


def query(request: Ask, known: Mapping[str, Callable[[str], Any]]) -> dict[str, Any]:
    """What a page's query says of what is known; None for what is absent or empty. Raises
    `Problem`."""
    readers = {name: _unless_empty(read) for name, read in known.items()}
    found = listing.query(request.scope["query_string"], readers)
    return {name: found.get(name) for name in known}


def words(value: str) -> str:
    """A reader of a query's text. Raises ValueError."""
    if len(value) <= MOST_CHARACTERS and value.isprintable():
        return value.strip()
    raise ValueError(f"must have at most {MOST_CHARACTERS} printable characters")


def one_of(known: Iterable[str]) -> Callable[[str], str]:
    """A reader of a query's choice."""
    names = [*known]

    def chosen(value: str) -> str:
        if value in names:
            return value
        raise ValueError(f"must be one of {', '.join(names)}")

    return chosen


def seq(value: str) -> int:
    """A reader of where an earlier page ended. Raises ValueError."""
    found: int = listing.PARAMETERS["after"](value)
    return found


async def form(request: Ask, most_bytes: int | None = None) -> Fields:
    """The fields that a page of ours sent. Raises `Problem`.

    `most_bytes` are the most of its body, where that is less than what any body may have.
    """
    headers = dict(request.scope["headers"])
    from_our_page(request.scope)
    kind = headers.get(b"content-type", _FORM).partition(b";")[0].strip().lower()
    if kind != _FORM:
        detail = f"A form comes as {_FORM.decode()}."
        raise Problem(415, "no_form", detail, _NEXT)
    receive = request.receive
    if most_bytes is not None:
        receive = bounded(headers, receive, most_bytes)
    body = await bodies.read(receive)
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError:
        detail = "The form is not URL-encoded UTF-8, or has too many fields."
        raise Problem(400, "bad_form", detail, _NEXT) from None
    fields = Fields(pairs)
    if len(fields) < len(pairs):
        raise Problem(400, "bad_form", "A field of the form is there twice.", _NEXT)
    return fields


def from_our_page(scope: Any) -> None:
    """Let nothing else pass. Raises `Problem`.

    The guard has refused what says that it comes from elsewhere; here it must say where from. What
    comes to us over TLS was sent by no page that did not: another could be anybody's.
    """
    headers = dict(scope["headers"])
    site, origin = headers.get(b"sec-fetch-site", b"").lower(), headers.get(b"origin", b"").lower()
    downgraded = cookies.over_tls(scope) and origin.startswith(b"http:")
    if not downgraded and (site == b"same-origin" or (not site and origin)):
        return
    detail = "This only works from a page of this console, and the request does not say that."
    raise Problem(403, "cross_site", detail, _NEXT, "Origin")


def _unless_empty(read: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda value: read(value) if value.strip() else None
