"""A mail document to its parts, for a transport that takes no MIME, as SendGrid's Web API.

The same fields are read by the same functions as for the bytes, so the same is refused. What such
an interface can't express is refused too, and never left out in silence: a `raw` attachment, and a
header that is there twice. Of several authors and of several addresses to answer to, the first is
meant (contract trigger-email, section 7). A calendar event goes as a file, as the extension sends
it over SendGrid.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from franking.compose.attachments import default_name, read_content_id, read_file
from franking.compose.calendar import event_file
from franking.compose.envelope import Enclosure, Envelope, Letter, Unsendable
from franking.compose.head import Fields, given_date, read_fields
from franking.compose.links import Fetched
from franking.compose.recipients import Parties, flat
from franking.compose.unicode import excerpt, mend

RAW = Unsendable("Error: A raw attachment can't be sent through this transport.")
# As in the bytes: AMP between, so that readers that know it prefer html to it, and only they.
_TEXTS = (("text", "text/plain"), ("amp", "text/x-amp-html"), ("html", "text/html"))


def letter(
    document: Mapping[str, Any],
    message: Mapping[str, Any],
    parties: Parties,
    message_id: str,
    fetched: Fetched,
) -> Envelope | Unsendable:
    """The parts of a checked document; parameters as those of `mime.compose`."""
    fields = read_fields(document, message, parties, message_id)
    if isinstance(fields, Unsendable):
        return fields
    enclosures = _enclosures(message, fetched)
    if isinstance(enclosures, Unsendable):
        return enclosures
    headers = _headers(fields)
    if isinstance(headers, Unsendable):
        return headers
    found = Letter(
        sender=parties.sender[0],
        to=tuple(flat(parties.to)),
        cc=tuple(flat(parties.cc)),
        bcc=tuple(flat(parties.bcc)),
        reply_to=tuple(flat(fields.reply_to))[:1],
        subject=mend(fields.subject),
        texts=_texts(message),
        enclosures=enclosures,
        headers=headers,
        categories=tuple(document.get("categories") or ()),
        options=document.get("sendGrid") or {},
    )
    return Envelope(
        sender=parties.sender[0].address,
        recipients=parties.recipients,
        content=b"",
        message_id=fields.message_id,
        smtputf8=parties.smtputf8,
        letter=found,
    )


def _texts(message: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    given = ((kind, message.get(key)) for key, kind in _TEXTS)
    return tuple((kind, mend(text)) for kind, text in given if isinstance(text, str) and text)


def _enclosures(message: Mapping[str, Any], fetched: Fetched) -> tuple[Enclosure, ...] | Unsendable:
    found: list[Enclosure] = []
    entries = message.get("attachments")
    for number, entry in enumerate(entries if isinstance(entries, list | tuple) else (), 1):
        made = _enclosure(entry, number, fetched) if isinstance(entry, dict) else None
        if isinstance(made, Unsendable):
            return made
        if made is not None:
            found.append(made)
    event = event_file(message.get("icalEvent"), fetched)
    if isinstance(event, Unsendable):
        return event
    return (*found, *([event] if event is not None else ()))


def _enclosure(entry: Mapping[str, Any], number: int, fetched: Fetched) -> Enclosure | Unsendable:
    content_id = read_content_id(entry)
    if isinstance(content_id, Unsendable):
        return content_id
    if entry.get("raw"):
        return RAW
    file = read_file(entry, fetched)
    if isinstance(file, Unsendable):
        return file
    kind = file.kind.kind
    return Enclosure(file.octets, file.name or default_name(number, kind), kind, content_id)


def _headers(fields: Fields) -> tuple[tuple[str, str], ...] | Unsendable:
    """The document's own, and of those that the bytes' head takes what has no other place."""
    pairs = list(fields.custom.pairs)
    for name, value in fields.custom.taken.items():
        if name == "sender":
            pairs.append(("Sender", value))
        elif name == "date" and (date := given_date(value)):
            pairs.append(("Date", date))
    seen: set[str] = set()
    for name, _ in pairs:
        if name.lower() in seen:
            return Unsendable(f"Error: The header {excerpt(name)} can't be sent twice here.")
        seen.add(name.lower())
    return tuple(pairs)
