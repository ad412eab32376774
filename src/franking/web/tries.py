"""How often somebody may fail to sign in: a small bucket for each network address.

Policy. Nobody guesses a key, so this bounds what guessing costs us. An address may fail so many
times at once, and then once in a while; a sign-in that succeeds takes nothing out. What a proxy on
this machine carries is counted for who it says the caller is; callers behind any other proxy are
one. Of addresses in version 6 the network counts, which is somebody's as a whole (RFC 6177).
"""

from __future__ import annotations

import ipaddress
from typing import Any

from franking.apis.access import loopback
from franking.clock import Clock
from franking.core.key import MINUTE_MS, drawn

PER_MINUTE = 10
MOST_PEERS = 1_000
NETWORK_BITS = 64


class Tries:
    """The buckets of MOST_PEERS addresses; the one that was used longest ago makes way."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._full_at: dict[str, float] = {}

    def begin(self, peer: str) -> int:
        """Take one out of the peer's bucket: 0, or in how many milliseconds there is one."""
        now = self._clock.steady_ms()
        full_at, wait_ms = drawn(self._full_at.pop(peer, now), PER_MINUTE, now)
        if len(self._full_at) >= MOST_PEERS:
            del self._full_at[next(iter(self._full_at))]
        self._full_at[peer] = full_at
        return wait_ms

    def succeeded(self, peer: str) -> None:
        """Put it back: it was no failure."""
        if peer in self._full_at:
            self._full_at[peer] -= MINUTE_MS / PER_MINUTE


def peer(scope: Any) -> str:
    """Whose bucket it is."""
    client = scope.get("client")
    host = "" if client is None else client[0]
    if loopback(host):
        # The last one was written by the proxy itself, whatever its caller claimed.
        named = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        last = b",".join(named).rpartition(b",")[2].strip().decode("latin-1")
        host = last or host
    return _network(host)


def _network(host: str) -> str:
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return "unknown"
    mapped = found.ipv4_mapped if found.version == 6 else None
    if found.version == 4 or mapped is not None:
        return str(mapped or found)
    return str(ipaddress.ip_network((int(found), NETWORK_BITS), strict=False).network_address)
