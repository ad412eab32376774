"""From a claimed mail to its bytes: checked once more, composed, or a remainder's kept ones.

Every document is checked again: it may have been edited since it was taken, or be one that the
door stored with its trouble and that somebody asked to send all the same. Large documents are
composed beside the event loop, so that they hold nobody up.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

import msgspec

from franking.clock import Clock
from franking.compose.envelope import Envelope, Unsendable
from franking.compose.mime import compose
from franking.core.message import trouble, unsupported
from franking.stores.base import Claimed

LARGE_BYTES = 256 * 1024
NO_DOMAIN = "franking.invalid"

_document = msgspec.json.Decoder(dict[str, Any])


class Composer:
    """Composes with the account's own address, or else the installation's, where none is named."""

    def __init__(self, clock: Clock, default_from: str, default_reply_to: str) -> None:
        self._clock = clock
        self._default_from = default_from
        self._default_reply_to = default_reply_to

    async def compose(self, claimed: Claimed) -> Envelope | Unsendable:
        """The mail as it goes over the wire, or why it can't."""
        if claimed.content is not None:
            return _remainder(claimed.document, claimed.content)
        raw = bytes(claimed.document)
        if len(raw) > LARGE_BYTES:
            return await asyncio.to_thread(self._built, claimed, raw)
        return self._built(claimed, raw)

    def _built(self, claimed: Claimed, raw: bytes) -> Envelope | Unsendable:
        document = _document.decode(raw)
        error = trouble(document) or unsupported(document)
        if error is not None:
            return Unsendable(error)
        token = claimed.mail.message_token
        default_from = claimed.address or self._default_from
        return compose(
            document,
            message_id=f"<{token}@{_domain(document, default_from)}>",
            date_ms=self._clock.now(),
            boundary_seed=token,
            default_from=default_from,
            default_reply_to=self._default_reply_to,
        )


def _domain(document: dict[str, Any], default_from: str) -> str:
    """The sender's domain, for a Message-ID that is the sender's own (RFC 5322, 3.6.4)."""
    sender = document.get("from")
    written = sender if isinstance(sender, str) and sender else default_from
    found = _DOMAINS.findall(written)
    return found[-1].lower() if found else NO_DOMAIN


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
