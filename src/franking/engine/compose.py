"""From a claimed mail to its bytes: checked once more, composed, or a remainder's kept ones.

Every document is checked again: it may have been edited since it was taken, or be one that the
door stored with its trouble and that somebody asked to send all the same. One that names users or
a template is filled in first, and what it has at another's address is fetched. Large documents are
composed beside the event loop, so that they hold nobody up.
"""

from __future__ import annotations

import asyncio

import msgspec
from msgspec.structs import replace

from franking.clock import Clock
from franking.compose.envelope import Envelope, Form, Unsendable
from franking.compose.job import Document, Job, build, decode, make
from franking.core.message.limits import count_characters
from franking.engine.beside import Beside
from franking.engine.fetching import NO_FETCHING, Fetching
from franking.engine.filling import NO_FILLING, Filling
from franking.stores.base import Claimed

LARGE_BYTES = 256 * 1024
# To read an address takes so many times as long as to write as much of a body.
ADDRESS_WEIGHT = 20


class Composer:
    """Composes with the account's own address, or else the installation's, where none is named.

    `filling` puts in what a document asks for and does not have, `fetching` gets its attachments.
    Many at a time are composed `beside` this process.
    """

    def __init__(
        self,
        clock: Clock,
        default_from: str,
        default_reply_to: str,
        filling: Filling = NO_FILLING,
        fetching: Fetching = NO_FETCHING,
        beside: Beside | None = None,
    ) -> None:
        self._clock = clock
        self._default_from = default_from
        self._default_reply_to = default_reply_to
        self._filling = filling
        self._fetching = fetching
        self._beside = beside
        setup = filling.setup
        self._setups = {"mime": setup, "letter": replace(setup, send_grid=True)}

    async def compose(self, claimed: Claimed, form: Form = "mime") -> Envelope | Unsendable:
        """The mail as its transport wants it, or why it can't be. Raises `StoreUnavailable`."""
        if claimed.content is not None:
            return _remainder(claimed.document, claimed.content)
        job = self._job(claimed, form)
        if len(job.document) > LARGE_BYTES:
            made = await asyncio.to_thread(make, job)
        elif self._beside is None:
            made = make(job)
        else:
            made = await self._beside.made(job)
        return made.envelope or made.unsendable or await self._filled(claimed, job)

    def _job(self, claimed: Claimed, form: Form) -> Job:
        return Job(
            bytes(claimed.document),
            claimed.mail.message_token,
            claimed.address or self._default_from,
            self._default_reply_to,
            self._clock.now(),
            form,
            self._setups[form],
        )

    async def _filled(self, claimed: Claimed, job: Job) -> Envelope | Unsendable:
        filled = await self._filling.fill(decode(job.document))
        if isinstance(filled, Unsendable):
            return filled
        fetched = await self._fetching.fetched(claimed.lease.epoch, filled)
        if isinstance(fetched, Unsendable):
            return fetched
        if fetched or _is_large(filled):
            return await asyncio.to_thread(build, job, filled, fetched)
        return build(job, filled)


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
