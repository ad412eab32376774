"""From a claimed mail to its bytes: checked once more, composed, or a remainder's kept ones.

Every document is checked again: it may have been edited since it was taken, or be one that the
door stored with its trouble and that somebody asked to send all the same. One that names users or
a template is filled in first, and what it has at another's address is fetched. Large documents are
composed beside the event loop, so that they hold nobody up.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

import msgspec
from msgspec.structs import replace

from franking.clock import Clock
from franking.compose.envelope import Envelope, Form, Unsendable
from franking.compose.links import NOTHING, Fetched, links
from franking.compose.mime import compose
from franking.core.message import trouble, unsupported
from franking.core.message.filling import wanting
from franking.core.message.limits import count_characters
from franking.engine.fetching import NO_FETCHING, Fetching
from franking.engine.filling import NO_FILLING, Filling
from franking.stores.base import Claimed

LARGE_BYTES = 256 * 1024
# To read an address takes so many times as long as to write as much of a body.
ADDRESS_WEIGHT = 20
NO_DOMAIN = "franking.invalid"

Document = dict[str, Any]

_document = msgspec.json.Decoder(dict[str, Any])


class Composer:
    """Composes with the account's own address, or else the installation's, where none is named.

    `filling` puts in what a document asks for and does not have, `fetching` gets its attachments.
    """

    def __init__(
        self,
        clock: Clock,
        default_from: str,
        default_reply_to: str,
        filling: Filling = NO_FILLING,
        fetching: Fetching = NO_FETCHING,
    ) -> None:
        self._clock = clock
        self._default_from = default_from
        self._default_reply_to = default_reply_to
        self._filling = filling
        self._fetching = fetching
        setup = filling.setup
        self._setups = {"mime": setup, "letter": replace(setup, send_grid=True)}

    async def compose(self, claimed: Claimed, form: Form = "mime") -> Envelope | Unsendable:
        """The mail as its transport wants it, or why it can't be. Raises `StoreUnavailable`."""
        if claimed.content is not None:
            return _remainder(claimed.document, claimed.content)
        raw = bytes(claimed.document)
        if len(raw) > LARGE_BYTES:
            found = await asyncio.to_thread(self._begun, claimed, raw, form)
        else:
            found = self._begun(claimed, raw, form)
        return await self._filled(claimed, found, form) if isinstance(found, dict) else found

    def _begun(self, claimed: Claimed, raw: bytes, form: Form) -> Envelope | Unsendable | Document:
        """The mail, or its document where that has to be filled in first."""
        document = _document.decode(raw)
        error = trouble(document) or unsupported(document, self._setups[form])
        if error is not None:
            return Unsendable(error)
        if wanting(document) or links(document):
            return document
        return self._built(claimed, document, form)

    async def _filled(
        self, claimed: Claimed, document: Document, form: Form
    ) -> Envelope | Unsendable:
        filled = await self._filling.fill(document)
        if isinstance(filled, Unsendable):
            return filled
        fetched = await self._fetching.fetched(claimed.lease.epoch, filled)
        if isinstance(fetched, Unsendable):
            return fetched
        if fetched or _is_large(filled):
            return await asyncio.to_thread(self._built, claimed, filled, form, fetched)
        return self._built(claimed, filled, form)

    def _built(
        self, claimed: Claimed, document: Document, form: Form, fetched: Fetched = NOTHING
    ) -> Envelope | Unsendable:
        token = claimed.mail.message_token
        default_from = claimed.address or self._default_from
        return compose(
            document,
            message_id=f"<{token}@{_domain(document, default_from)}>",
            date_ms=self._clock.now(),
            boundary_seed=token,
            default_from=default_from,
            default_reply_to=self._default_reply_to,
            form=form,
            fetched=fetched,
        )


def _domain(document: dict[str, Any], default_from: str) -> str:
    """The sender's domain, for a Message-ID that is the sender's own (RFC 5322, 3.6.4)."""
    sender = document.get("from")
    written = sender if isinstance(sender, str) and sender else default_from
    found = _DOMAINS.findall(written)
    return found[-1].lower() if found else NO_DOMAIN


def _is_large(document: Document) -> bool:
    message = document.get("message") or {}
    texts = [message, *(message.get("attachments") or ())]
    size = sum(len(v) for text in texts for v in text.values() if isinstance(v, str))
    return size + ADDRESS_WEIGHT * count_characters(document) > LARGE_BYTES


def _remainder(document: msgspec.Raw, content: bytes) -> Envelope:
    kept = msgspec.json.decode(document)
    return Envelope(
        sender=kept["sender"],
        recipients=tuple(kept["recipients"]),
        content=content,
        message_id=kept["message_id"],
        smtputf8=kept["smtputf8"],
        eight_bit=kept["eight_bit"],
    )


_DOMAINS = re.compile(r"@([A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)")
