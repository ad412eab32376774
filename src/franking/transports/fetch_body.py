"""An attachment's octets as they come in: counted while they are read, unpacked no further.

Two limits hold at once: that of one attachment, and what is left of its mail's. Packed octets are
unpacked in pieces, so that a few of them never become many before they are counted.
"""

from __future__ import annotations

import zlib

PIECE_OCTETS = 256 * 1024
MOST_MEMBERS = 1_000
# gzip or zlib, whichever it is.
_EITHER = 32 + zlib.MAX_WBITS
_PACKED = frozenset(("gzip", "x-gzip", "deflate"))


class TooLarge(Exception):
    """More than `limit` octets; `whole` where those of the mail together are meant."""

    def __init__(self, limit: int, *, whole: bool = False) -> None:
        super().__init__(f"more than {limit} octets")
        self.limit = limit
        self.whole = whole


class Unreadable(Exception):
    """Its encoding is unknown, or it is not what its encoding says."""


class Allowance:
    """What the attachments of one mail may have together; each says what it takes."""

    def __init__(self, octets: int) -> None:
        self._octets = octets
        self._left = octets

    def take(self, octets: int) -> None:
        """Raises `TooLarge`."""
        self._left -= octets
        if self._left < 0:
            raise TooLarge(self._octets, whole=True)


class Body:
    """What was read of one attachment, which is in the mail `uses` times."""

    def __init__(self, encoding: str | None, limit: int, allowance: Allowance, uses: int) -> None:
        """Raises `Unreadable` for an encoding that we don't know."""
        self._octets = bytearray()
        self._limit = limit
        self._allowance = allowance
        self._uses = uses
        self._read = 0
        self._members = 1
        coding = (encoding or "identity").strip().lower()
        if coding not in (*_PACKED, "identity", ""):
            raise Unreadable(f"its Content-Encoding is {coding[:40]}")
        self._unpacking = zlib.decompressobj(_EITHER) if coding in _PACKED else None

    def expect(self, octets: int | None) -> None:
        """What the server says will come, packed or not. Raises `TooLarge`."""
        if octets is not None and octets > self._limit:
            raise TooLarge(self._limit)

    def take(self, octets: bytes) -> None:
        """What came. Raises `TooLarge` and `Unreadable`."""
        self._read += len(octets)
        if self._read > self._limit:
            raise TooLarge(self._limit)
        if self._unpacking is None:
            self._keep(octets)
        else:
            self._unpack(octets)

    def whole(self) -> bytes:
        """All of it, once the server has said all. Raises `Unreadable`."""
        if self._unpacking is not None and not self._unpacking.eof and self._read:
            raise Unreadable("it ends before its end")
        return bytes(self._octets)

    def _unpack(self, octets: bytes) -> None:
        """Piece by piece; several packed one after the other are one (RFC 1952, section 2.2)."""
        assert self._unpacking is not None
        piece = b""
        while octets or len(piece) == PIECE_OCTETS:
            if self._unpacking.eof:
                octets = octets.lstrip(b"\0")
                if not octets:
                    return
                self._begin()
            try:
                piece = self._unpacking.decompress(octets, PIECE_OCTETS)
            except zlib.error:
                raise Unreadable("it is not packed as it says") from None
            self._keep(piece)
            eof = self._unpacking.eof
            octets = self._unpacking.unused_data if eof else self._unpacking.unconsumed_tail

    def _begin(self) -> None:
        self._members += 1
        if self._members > MOST_MEMBERS:
            raise Unreadable(f"it is packed in more than {MOST_MEMBERS} pieces")
        self._unpacking = zlib.decompressobj(_EITHER)

    def _keep(self, octets: bytes) -> None:
        if len(self._octets) + len(octets) > self._limit:
            raise TooLarge(self._limit)
        self._allowance.take(len(octets) * self._uses)
        self._octets += octets
