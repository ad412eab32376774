"""Parts of a mail and how they nest: a part is its own header block and its encoded body."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import count

import msgspec

from franking.compose.bodies import encode_text
from franking.compose.unicode import utf8


class Part(msgspec.Struct, frozen=True):
    """`head` holds whole header lines, each with its CRLF; `body` need not end in one.

    A `raw` part was built elsewhere: its head is empty and its body begins with its own header.
    """

    head: bytes
    body: bytes
    raw: bool = False


def text_part(media_type: str, text: str) -> Part:
    """A part of text, `media_type` such as `text/html`."""
    encoding, body = encode_text(text)
    head = f"Content-Type: {media_type}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n"
    return Part(head.encode("ascii"), body)


def boundary(seed: str, parts: Sequence[Part]) -> str:
    """A boundary that occurs in none of the parts; multiparts append a digit each.

    Derived from the seed, so that the same mail gives the same bytes. Each round that fails has
    found another string of the content's, so there are never more rounds than octets.
    """
    for attempt in count():
        digest = hashlib.blake2b(utf8(f"{seed}/{attempt}"), digest_size=15).hexdigest()
        sought = f"=_{digest}".encode("ascii")
        if not any(sought in part.body or sought in part.head for part in parts):
            break
    return sought.decode("ascii")


def multipart(kind: str, mark: str, parts: Sequence[Part]) -> Part:
    """`kind` is the subtype, with parameters where it has any; `mark` the boundary."""
    separator = f"\r\n--{mark}\r\n".encode("ascii")
    body = [separator[2:]]
    for part in parts:
        body += [part.head, b"" if part.raw else b"\r\n", part.body, separator]
    body[-1] = f"\r\n--{mark}--".encode("ascii")
    head = f'Content-Type: multipart/{kind};\r\n boundary="{mark}"\r\n'
    return Part(head.encode("ascii"), b"".join(body))
