"""A request's body whose last octet is held back, as the dot is held back in SMTP.

All of it but the closing brace goes out while the gate's `transmitting` is being committed; the
brace follows once that is on disk and the lease has been looked at once more. Else the connection
is hung up, and what the server has is a body shorter than its Content-Length and no JSON. So doubt
begins with the last octet.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from franking.transports.base import Gate

PIECE_OCTETS = 65_536


class Unfinished(Exception):
    """The last octet is not to go out: the connection must be hung up."""


class Body:
    """`out`: the last octet may be on its way. `withheld`: the gate stayed shut."""

    def __init__(self, octets: bytes, gate: Gate) -> None:
        self.out = False
        self.withheld = False
        self._octets = octets
        self._gate = gate
        self._cut = False
        self._committing: asyncio.Future[bool] | None = None

    def __len__(self) -> int:
        return len(self._octets)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body; raises `Unfinished` in the place of its last octet."""
        committing = asyncio.ensure_future(self._gate.transmitting())
        self._committing = committing
        last = len(self._octets) - 1
        for start in range(0, last, PIECE_OCTETS):
            yield self._octets[start : min(start + PIECE_OCTETS, last)]
        committed = await asyncio.shield(committing)
        if self._cut:
            raise Unfinished
        # Nothing is awaited between this look and the write.
        if not committed or not self._gate.held():
            self.withheld = True
            raise Unfinished
        self.out = True
        yield self._octets[last:]

    def cut(self) -> None:
        """There is an answer: if the last octet is not out by now, it never goes."""
        self._cut = not self.out

    async def settled(self) -> None:
        """Wait for the gate's commit, if it was asked; raises what the gate raised.

        Else the store could hear `transmitting` after the mail was settled.
        """
        if self._committing is not None:
            await asyncio.shield(self._committing)
