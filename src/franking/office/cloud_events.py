"""The seven events as CloudEvents 1.0 in structured JSON, as webhooks and listeners get them.

`data.doc` is the mail as `GET /v1/mail/{id}` showed it when the event happened, whatever became of
it since. A document over MOST_OCTETS is told without its bodies, and `data.docTruncated` says so.
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

from __future__ import annotations

from typing import Any

import msgspec

from franking.core import times
from franking.core.lifecycle import TYPE, Told
from franking.core.webhook import Include
from franking.office.looking import current
from franking.office.shown import mail as shown
from franking.stores.base import MOST_OCTETS, LifecycleEvent, Stored

MEDIA_TYPE = "application/cloudevents+json; charset=utf-8"
PING = "franking.webhook.v1.ping"
# Of a document that is told without its content.
ROUTING = (
    *("to", "cc", "bcc", "toUids", "ccUids", "bccUids", "from", "replyTo", "account", "categories"),
    *("touchpointId", "cadenceMemberId", "emailMessageId", "sendAt", "sendBefore", "priority"),
)

_encode = msgspec.json.Encoder().encode
_document = msgspec.json.Decoder(dict[str, msgspec.Raw])


def source(installation: str) -> str:
    """Who we are, as a URI reference."""
    return f"/franking/{installation}"


def letter(event: LifecycleEvent, installation: str, include: Include = "doc") -> bytes:
    """One of the seven as it is told; `include` is how much of the document."""
    data: dict[str, Any] = {}
    doc, whole = _doc(event, include)
    data["doc"] = msgspec.Raw(doc)
    if event.kind is Told.ERROR:
        data["err"] = event.mail.delivery.error
    if not whole:
        data["docTruncated"] = True
    return _told(
        event.id,
        installation,
        TYPE + event.kind,
        event.mail.id,
        event.occurred_at,
        data,
        sequence=f"{event.seq:020d}",
    )


def ping(id: str, installation: str, webhook: str, now: int) -> bytes:
    """An event that tells of nothing, for a receiver to be tried with."""
    return _told(id, installation, PING, webhook, now, {"webhook": webhook})


def _told(
    id: str,
    installation: str,
    type: str,
    subject: str,
    at: int,
    data: dict[str, Any],
    **extensions: str,
) -> bytes:
    return _encode(
        {
            "specversion": "1.0",
            "id": id,
            "source": source(installation),
            "type": type,
            "subject": subject,
            "time": times.text(at),
            **extensions,
            "datacontenttype": "application/json",
            "data": data,
        }
    )


def _doc(event: LifecycleEvent, include: Include) -> tuple[bytes, bool]:
    """The mail as it was, and whether all is told of it that is to be told."""
    document, whole = event.document, not event.cut
    if include == "delivery":
        document, whole = _routing(document), True
    elif len(document) > MOST_OCTETS:
        document = _routing(document)
    if len(document) > MOST_OCTETS:
        document, whole = msgspec.Raw(b"{}"), False
    mail = current(event.mail, event.occurred_at)
    return shown(Stored(mail, document)), whole


def _routing(document: msgspec.Raw) -> msgspec.Raw:
    fields = _document.decode(document)
    return msgspec.Raw(_encode({name: fields[name] for name in ROUTING if name in fields}))
