"""A mail document to the bytes that go over the wire.

The same document, Message-ID, time and seed give the same bytes, so that a second attempt sends
what the first one sent. Whatever the strings are: every line ends in CRLF and has at most 998
octets, and there is no bare CR, no bare LF and no NUL.

The tree: text, amp, html and calendar are alternatives; attachments with a `cid` are related to
the html; other attachments are mixed with the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from franking.compose.attachments import attachment
from franking.compose.calendar import calendar_parts
from franking.compose.envelope import Envelope, Form, Unsendable
from franking.compose.head import Head, read_head
from franking.compose.letter import letter
from franking.compose.links import NOTHING, Fetched
from franking.compose.parts import Part, boundary, multipart, text_part
from franking.compose.recipients import read_parties

__all__ = ["Envelope", "Unsendable", "compose"]


def compose(
    document: Mapping[str, Any],
    *,
    message_id: str,
    date_ms: int,
    boundary_seed: str,
    default_from: str,
    default_reply_to: str,
    fetched: Fetched = NOTHING,
    form: Form = "mime",
) -> Envelope | Unsendable:
    """Build the mail of a checked document, its uids looked up and its template rendered.

    `message_id` has its angle brackets; `date_ms` is since 1970, UTC. A Message-ID in the
    document wins over `message_id`. `fetched` is what was at the addresses that attachments
    name. As a `letter` it is left in its parts (`franking.compose.letter`).
    """
    message = document.get("message")
    if not isinstance(message, dict):
        message = {}
    parties = read_parties(document, default_from, default_reply_to)
    if isinstance(parties, Unsendable):
        return parties
    if form == "letter":
        return letter(document, message, parties, message_id, fetched)
    head = read_head(document, message, parties, message_id, date_ms)
    if isinstance(head, Unsendable):
        return head
    body = _body(message, boundary_seed, fetched)
    if isinstance(body, Unsendable):
        return body
    return Envelope(
        sender=parties.sender[0].address,
        recipients=parties.recipients,
        content=_content(head, body),
        message_id=head.message_id,
        smtputf8=parties.smtputf8 or head.smtputf8,
        eight_bit=not body.body.isascii(),
    )


def _content(head: Head, body: Part) -> bytes:
    end = b"" if body.body.endswith(b"\r\n") else b"\r\n"
    return b"".join((head.block, b"MIME-Version: 1.0\r\n", body.head, b"\r\n", body.body, end))


def _body(message: Mapping[str, Any], seed: str, fetched: Fetched) -> Part | Unsendable:
    related: list[Part] = []
    mixed: list[Part] = []
    html = _text(message, "html")
    for number, entry in enumerate(_attachments(message), 1):
        found = attachment(entry, number, fetched)
        if isinstance(found, Unsendable):
            return found
        (related if found.inline and html else mixed).append(found.part)
    texts = [
        text_part(media_type, text)
        for media_type, text in (
            ("text/plain", _text(message, "text")),
            ("text/x-amp-html", _text(message, "amp")),
            ("text/html", html),
        )
        if text
    ]
    event = calendar_parts(message.get("icalEvent"), fetched)
    if isinstance(event, Unsendable):
        return event
    mixed += event[1:]
    if not texts and not event and len(mixed) != 1:
        texts = [text_part("text/plain", "")]
    return _tree(seed, texts, event[:1], related, mixed)


def _tree(
    seed: str, texts: list[Part], event: list[Part], related: list[Part], mixed: list[Part]
) -> Part:
    """Nest what there is; a multipart of one is left out, but around a raw node.

    A raw node brings its own header, which must not run into the mail's.
    """
    alternatives = texts + event
    if len(alternatives) + len(related) + len(mixed) == 1:
        only = (alternatives + mixed)[0]
        if not only.raw:
            return only
    mark = boundary(seed, [*alternatives, *related, *mixed])
    if related:
        texts = [
            *texts[:-1],
            multipart('related; type="text/html"', mark + "1", [texts[-1], *related]),
        ]
        alternatives = texts + event
    if len(alternatives) > 1:
        alternatives = [multipart("alternative", mark + "2", alternatives)]
    if mixed:
        return multipart("mixed", mark + "3", alternatives + mixed)
    return alternatives[0]


def _text(message: Mapping[str, Any], key: str) -> str:
    text = message.get(key)
    return text if isinstance(text, str) else ""


def _attachments(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    entries = message.get("attachments")
    if not isinstance(entries, list | tuple):
        return []
    return [entry for entry in entries if isinstance(entry, dict)]
