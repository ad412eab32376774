"""Transfer encodings: the octets of a part's body, fit for any server (RFC 2045, section 6).

7bit where the text is such already, else quoted-printable or base64, by what is shorter.
"""

from __future__ import annotations

import binascii
import re
from typing import Literal

from franking.compose.unicode import utf8

TransferEncoding = Literal["7bit", "quoted-printable", "base64"]

# Legal are 998, but sendmail relays break lines at 990, which spoils signatures.
MAX_7BIT_LINE = 990
_ENCODED_LINE = 76
# A line that fits, with its end; or what of a longer one goes before a soft break.
_PIECES = re.compile(rb"[^\n]{0,76}+(?:\n|\Z)|[^\n]{73}[^\n=]{0,2}+")
_PLAIN = bytes([9, 10, *range(32, 127)])
_UNQUOTED = _PLAIN.replace(b"=", b"")
_EQUALS = ord("=")


def encode_text(text: str) -> tuple[TransferEncoding, bytes]:
    """A text in UTF-8, its line ends all made CRLF; the text's own last line end is kept."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    octets = utf8(text)
    if text.isascii() and not octets.translate(None, _PLAIN) and _lines_fit(octets):
        return "7bit", octets.replace(b"\n", b"\r\n")
    quotable = octets.translate(None, _UNQUOTED)
    # Each octet to be quoted costs two more; base64 costs a third of everything.
    if len(quotable) * 6 <= len(octets):
        return "quoted-printable", quoted_printable(octets, set(quotable))
    return "base64", base64_lines(octets.replace(b"\n", b"\r\n"))


def quoted_printable(octets: bytes, quotable: set[int]) -> bytes:
    """Lines that end in LF as quoted-printable in lines of 76 with CRLF.

    `quotable` are the octets that occur and must be quoted. Replacing them one by one is twice
    as fast as `binascii.b2a_qp`, which also forgets its limit where white space ends a line.
    """
    if _EQUALS in quotable:
        octets = octets.replace(b"=", b"=3D")
    for octet in quotable:
        if octet != _EQUALS:
            octets = octets.replace(bytes((octet,)), b"=%02X" % octet)
    octets = octets.replace(b" \n", b"=20\n").replace(b"\t\n", b"=09\n")
    if octets.endswith((b" ", b"\t")):
        octets = octets[:-1] + b"=%02X" % octets[-1]
    return _folded(octets)


def _folded(octets: bytes) -> bytes:
    """CRLF at line ends, and lines over 76 cut into pieces of 75 and a soft break.

    A piece is a little shorter where 75 would split a `=XX`.
    """
    pieces = _PIECES.findall(octets)
    # The last find is the empty one at the end, unless a piece just went there.
    folded = b"=\r\n".join(pieces[:-1] if not pieces[-1] else pieces)
    folded = folded.replace(b"\n=\r\n", b"\r\n")
    return folded[:-1] + b"\r\n" if folded.endswith(b"\n") else folded


def base64_lines(octets: bytes) -> bytes:
    """Base64 in lines of 76 characters, CRLF between them."""
    text = binascii.b2a_base64(octets, newline=False)
    return b"\r\n".join(
        [text[at : at + _ENCODED_LINE] for at in range(0, len(text), _ENCODED_LINE)]
    )


def _lines_fit(octets: bytes) -> bool:
    return len(octets) <= MAX_7BIT_LINE or _longest(octets) <= MAX_7BIT_LINE


def _longest(octets: bytes) -> int:
    return max(map(len, octets.split(b"\n")))
