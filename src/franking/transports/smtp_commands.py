"""The bytes of one mail's commands and content; no address or content can end its line early."""

from __future__ import annotations

import re

from franking.compose.envelope import Envelope
from franking.core.fault import Failure
from franking.transports.smtp_extensions import Extensions
from franking.transports.smtp_failures import no_smtputf8, too_large

DATA = b"DATA\r\n"
DOT = b".\r\n"
RSET = b"RSET\r\n"
QUIT = b"QUIT\r\n"


def obstacle(envelope: Envelope, server: Extensions) -> Failure | None:
    """Why this server can't take this mail, known before a word is said; None if it may."""
    if server.size and len(envelope.content) > server.size:
        return too_large(len(envelope.content), server.size)
    if not server.smtputf8 and _needs_smtputf8(envelope):
        return no_smtputf8()
    return None


def mail_command(envelope: Envelope, server: Extensions) -> bytes:
    """MAIL FROM with what the server offers and the mail needs.

    8-bit content goes out even where 8BITMIME isn't offered: such servers pass it on all the
    same, and to refuse would help nobody. Raises ValueError for an address that is none.
    """
    line = b"MAIL FROM:<" + _wire(envelope.sender) + b">"
    if server.size is not None:
        line += b" SIZE=%d" % len(envelope.content)
    if server.eight_bit and envelope.eight_bit:
        line += b" BODY=8BITMIME"
    if server.smtputf8 and _needs_smtputf8(envelope):
        line += b" SMTPUTF8"
    return line + b"\r\n"


def rcpt_command(address: str) -> bytes:
    """RCPT TO; raises ValueError for an address that is none."""
    return b"RCPT TO:<" + _wire(address) + b">\r\n"


def rcpt_commands(envelope: Envelope) -> list[bytes]:
    """RCPT TO for each recipient; raises ValueError for none, and for an address that is none."""
    if not envelope.recipients:
        raise ValueError("an envelope without recipients")
    return [rcpt_command(address) for address in envelope.recipients]


def stuffed(content: bytes) -> bytes:
    """Content ready for DATA: dots doubled at the head of lines (RFC 5321, section 4.5.2).

    It always ends a line, so that the dot behind it stands alone. A bare LF or CR is a bug of
    the composer's and raises ValueError, for servers that take it for a line's end could be
    made to see a dot that we never sent (https://www.kb.cert.org/vuls/id/302671).
    """
    ends = len(content) - len(content.translate(None, b"\r\n"))
    if ends != 2 * content.count(b"\r\n"):
        raise ValueError("content has a bare CR or LF")
    content = content.replace(b"\r\n.", b"\r\n..")
    if content.startswith(b"."):
        content = b"." + content
    return content if content.endswith(b"\r\n") or not content else content + b"\r\n"


def _needs_smtputf8(envelope: Envelope) -> bool:
    return (
        envelope.smtputf8
        or not envelope.sender.isascii()
        or not all(map(str.isascii, envelope.recipients))
    )


def _wire(address: str) -> bytes:
    if _FORBIDDEN.search(address) and not _QUOTED.fullmatch(address):
        raise ValueError("an address holds what would end its command")
    return address.encode()


_FORBIDDEN = re.compile(r"[\x00-\x20\x7f<>]")
# A quoted local part may hold spaces and brackets (RFC 5321, section 4.1.2), never controls.
_QUOTED = re.compile(r'"(?:[^"\\\x00-\x1f\x7f]|\\[^\x00-\x1f\x7f])*"@[^\x00-\x20\x7f<>"]+')
