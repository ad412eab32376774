"""Transfer encodings: the octets of a part's body, fit for any server (RFC 2045, section 6).

7bit where the text is such already, else quoted-printable or base64, by what is shorter.
"""

from __future__ import annotations

import binascii
from typing import Literal

from franking.compose.unicode import utf8

TransferEncoding = Literal["7bit", "quoted-printable", "base64"]

# Legal are 998, but sendmail relays break lines at 990, which spoils signatures.
MAX_7BIT_LINE = 990
_BASE64_LINE = 76
_PLAIN = bytes([9, 10, *range(32, 127)])
_UNQUOTED = _PLAIN.replace(b"=", b"")


def encode_text(text: str) -> tuple[TransferEncoding, bytes]:
    """A text in UTF-8, its line ends all made CRLF; the text's own last line end is kept."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    octets = utf8(text)
    if text.isascii() and not octets.translate(None, _PLAIN) and _lines_fit(octets):
        return "7bit", octets.replace(b"\n", b"\r\n")
    # Each octet to be quoted costs two more; base64 costs a third of everything.
    if len(octets.translate(None, _UNQUOTED)) * 6 <= len(octets):
        quoted = binascii.b2a_qp(octets, quotetabs=False, istext=True)
        # b2a_qp forgets its limit of 76 when white space ends a full line.
        if (b" \n" not in octets and b"\t\n" not in octets) or _longest(quoted) <= _BASE64_LINE:
            return "quoted-printable", quoted.replace(b"\n", b"\r\n")
    return "base64", base64_lines(octets.replace(b"\n", b"\r\n"))


def base64_lines(octets: bytes) -> bytes:
    """Base64 in lines of 76 characters, CRLF between them."""
    text = binascii.b2a_base64(octets, newline=False)
    return b"\r\n".join([text[at : at + _BASE64_LINE] for at in range(0, len(text), _BASE64_LINE)])


def _lines_fit(octets: bytes) -> bool:
    return len(octets) <= MAX_7BIT_LINE or _longest(octets) <= MAX_7BIT_LINE


def _longest(octets: bytes) -> int:
    return max(map(len, octets.split(b"\n")))
