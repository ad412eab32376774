"""A mail to compose, with all that it takes to check it once more and make it in any process."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from franking.compose.envelope import Envelope, Form, Unsendable
from franking.compose.links import NOTHING, Fetched, links
from franking.compose.mime import compose
from franking.core.message import Setup, trouble, unsupported
from franking.core.message.filling import wanting

NO_DOMAIN = "franking.invalid"

Document = dict[str, Any]

decode = msgspec.json.Decoder(Document).decode


class Job(msgspec.Struct, frozen=True, array_like=True):
    """A document in JSON; `token` is its own, for its Message-ID and its boundaries. `date_ms` is
    since 1970, UTC, and `setup` what this service is set up to do for it."""

    document: bytes
    token: str
    default_from: str
    default_reply_to: str
    date_ms: int
    form: Form
    setup: Setup


class Made(msgspec.Struct, frozen=True, array_like=True):
    """What came of a job; neither where its document has to be filled in first."""

    envelope: Envelope | None = None
    unsendable: Unsendable | None = None


def make(job: Job) -> Made:
    """Check a document, and compose it if nothing has to be looked up for it."""
    document = decode(job.document)
    error = trouble(document) or unsupported(document, job.setup)
    if error is not None:
        return Made(unsendable=Unsendable(error))
    if wanting(document) or links(document):
        return Made()
    made = build(job, document)
    return Made(made) if isinstance(made, Envelope) else Made(unsendable=made)


def build(job: Job, document: Document, fetched: Fetched = NOTHING) -> Envelope | Unsendable:
    """Compose a document, which may be more than the job's own: filled in."""
    return compose(
        document,
        message_id=f"<{job.token}@{_domain(document, job.default_from)}>",
        date_ms=job.date_ms,
        boundary_seed=job.token,
        default_from=job.default_from,
        default_reply_to=job.default_reply_to,
        form=job.form,
        fetched=fetched,
    )


def _domain(document: Document, default_from: str) -> str:
    """The sender's domain, for a Message-ID that is the sender's own (RFC 5322, 3.6.4)."""
    sender = document.get("from")
    written = sender if isinstance(sender, str) and sender else default_from
    found = _DOMAINS.findall(written)
    return found[-1].lower() if found else NO_DOMAIN


_DOMAINS = re.compile(r"@([A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)")
