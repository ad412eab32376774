"""Reads the bounces of qmail (QSBMF, https://cr.yp.to/proto/qsbmf.txt), which are plain text.

After a paragraph that begins "Hi. This is the" comes one for each recipient: the address in angle
brackets and a colon, then what went wrong. A paragraph that begins with a hyphen ends them, and
the original follows.
"""

from __future__ import annotations

import re

from franking.compose.notices import ADDRESS_CHARACTERS, MOST_NOTICES, plain
from franking.core.bounce import FAILED, Notice
from franking.core.codes import status

HEAD_CHARACTERS = 2_000


def read(text: str) -> tuple[tuple[Notice, ...], str] | None:
    """The notices and the original's text; None where this is no such bounce."""
    start = _INTRODUCTION.search(text[:HEAD_CHARACTERS])
    if start is None:
        return None
    told, _, rest = text[start.start() :].partition("\n\n-")
    found = [_notice(paragraph) for paragraph in told.split("\n\n")[: MOST_NOTICES + 1]]
    notices = tuple(notice for notice in found if notice is not None)
    return (notices, rest.partition("\n\n")[2].lstrip("\n")) if notices else None


def _notice(paragraph: str) -> Notice | None:
    head, _, why = paragraph.strip("\n").partition("\n")
    found = _RECIPIENT.fullmatch(head.strip())
    if found is None:
        return None
    # What the remote server said ends where qmail goes on in words of its own.
    said = plain(why.partition(_SAID)[2].partition(_OUR_WORDS)[0] or why)
    return Notice(
        action=FAILED,
        final=plain(found[1])[:ADDRESS_CHARACTERS],
        status=status(said),
        text=said,
    )


_SAID, _OUR_WORDS = "Remote host said: ", "\nGiving up on "
_INTRODUCTION = re.compile(r"^Hi\. This is the", re.MULTILINE)
_RECIPIENT = re.compile(r"<([^<>\s]{1,998})>:")
