"""Reads a delivery report (RFC 3464, RFC 6533, or qmail's) out of a mail's bytes.

A report is a mail from anybody, so nothing here trusts it: it is read without recursion, in time
that grows with its length, only to READ_BYTES, MOST_PARTS, MOST_DEPTH and MOST_NOTICES, and what
can't be read is left out, not raised. Headers are parsed by the standard library; the parts are
split here, for its parser recurses as deep as the mail tells it to.
"""

from __future__ import annotations

import base64
import binascii
import quopri
import re
from collections.abc import Iterator
from email.message import Message
from email.parser import HeaderParser

import msgspec

from franking.compose import qmail
from franking.compose.notices import read_notices
from franking.core.bounce import Report

MAX_BYTES = 10 * 1024 * 1024
READ_BYTES = 1024 * 1024
HEADER_BYTES = 64 * 1024
MOST_PARTS = 50
MOST_DEPTH = 4
MOST_IDS = 20

_STATUS = ("message/delivery-status", "message/global-delivery-status")
_WHOLE = ("message/rfc822", "message/global")
_ORIGINAL = (*_WHOLE, "text/rfc822-headers", "message/global-headers")


class NoReport(msgspec.Struct, frozen=True):
    """The mail is no delivery report; `reason` says why, as a sentence."""

    reason: str


class _Part(msgspec.Struct, frozen=True):
    """A part of a mail: its header's fields, and its body as it came."""

    fields: Message
    body: bytes
    depth: int

    @property
    def media_type(self) -> str:
        return str(self.fields.get("content-type", "")).partition(";")[0].strip().lower()


def read_report(raw: bytes) -> Report | NoReport:
    """The report that a mail is, whatever its bytes are."""
    if len(raw) > MAX_BYTES:
        return NoReport(f"It has more than {MAX_BYTES} bytes.")
    mail = _part(raw[:READ_BYTES].replace(b"\r\n", b"\n"), 0)
    leaves = list(_leaves(mail))
    if not any(leaf.media_type in _STATUS for leaf in leaves):
        # Somebody may have forwarded the report as an attachment.
        inner = [_part(_decoded(leaf), 1) for leaf in leaves if leaf.media_type in _WHOLE]
        leaves = [leaf for one in inner[:1] for leaf in _leaves(one)]
    places = [place for place, leaf in enumerate(leaves) if leaf.media_type in _STATUS]
    if not places:
        return _plain(mail)
    notices = read_notices(_text(_decoded(leaves[places[0]])))
    if not notices:
        return NoReport("Its delivery status names no recipient that can be read.")
    return Report(_message_ids(mail, leaves[places[0] :]), notices)


def _plain(mail: _Part) -> Report | NoReport:
    """A report in the form of qmail, which is older than the standard."""
    found = qmail.read(_text(_decoded(mail)))
    if found is None:
        return NoReport("It has no part of the type message/delivery-status (RFC 3464).")
    notices, original = found
    ids = (*_ids(_header(original).get("message-id")), *_answered(mail))
    return Report(_unique(ids), notices)


def _message_ids(mail: _Part, leaves: list[_Part]) -> tuple[str, ...]:
    """Of the original that comes with the report, then what the report says it answers."""
    found: list[str] = []
    for leaf in leaves:
        if leaf.media_type in _ORIGINAL:
            original = _header(_text(_decoded(leaf)).lstrip("\n"))
            found += _ids(original.get("message-id"))
    return _unique((*found, *_answered(mail)))


def _answered(mail: _Part) -> tuple[str, ...]:
    """What the mail answers, the nearest first (RFC 5322, section 3.6.4)."""
    references = _ids(mail.fields.get("references"))
    return (*_ids(mail.fields.get("in-reply-to")), *reversed(references))


def _unique(ids: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ids))[:MOST_IDS]


def _ids(value: object) -> tuple[str, ...]:
    return tuple(_ID.findall(str(value or ""))) if value else ()


def _leaves(mail: _Part) -> Iterator[_Part]:
    """The parts that hold no parts, in their order."""
    waiting = [mail]
    for _ in range(MOST_PARTS):
        if not waiting:
            return
        part = waiting.pop(0)
        boundary = _BOUNDARY.search(str(part.fields.get("content-type", ""))[:2000])
        if part.media_type.startswith("multipart/") and boundary and part.depth < MOST_DEPTH:
            pieces = _pieces(part.body, (boundary[1] or boundary[2]).encode("utf-8", "replace"))
            waiting[:0] = [_part(piece, part.depth + 1) for piece in pieces]
        else:
            yield part


def _pieces(body: bytes, boundary: bytes) -> list[bytes]:
    """What stands between the boundary's lines (RFC 2046, section 5.1.1)."""
    line = re.compile(rb"^--" + re.escape(boundary) + rb"(--)?[ \t]*$", re.MULTILINE)
    pieces: list[bytes] = []
    start = None
    for found in line.finditer(body):
        if start is not None:
            pieces.append(body[start : found.start()])
        start = found.end() + 1
        if found[1] or len(pieces) >= MOST_PARTS:
            return pieces
    return pieces if start is None else [*pieces, body[start:]]


def _part(raw: bytes, depth: int) -> _Part:
    head, gap, body = raw.partition(b"\n\n")
    if raw.startswith(b"\n"):
        head, gap, body = b"", b"\n", raw[1:]
    return _Part(_header(_text(head)), body if gap else b"", depth)


def _header(text: str) -> Message:
    """The fields up to the first empty line; the line that an mbox begins with is no field."""
    head = text.partition("\n\n")[0][:HEADER_BYTES]
    if head.startswith("From "):
        head = head.partition("\n")[2]
    return HeaderParser().parsestr(head, headersonly=True)


def _decoded(part: _Part) -> bytes:
    encoding = str(part.fields.get("content-transfer-encoding", "")).strip().lower()
    try:
        if encoding == "base64":
            return base64.b64decode(part.body).replace(b"\r\n", b"\n")
        if encoding == "quoted-printable":
            return quopri.decodestring(part.body).replace(b"\r\n", b"\n")
    except (binascii.Error, ValueError):
        return part.body
    return part.body


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


_ID = re.compile(r"<[^<>\s]{1,996}>")
_BOUNDARY = re.compile(r'boundary\s{0,9}=\s{0,9}(?:"([^"\r\n]{1,200})"|([^\s;"]{1,200}))', re.I)
