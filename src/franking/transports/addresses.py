"""Which IP addresses are public, and what address a host's spelling stands for.

Policy for an operator who closes private addresses: open is what the registries of IANA call
globally reachable, and nothing else, so that a caller cannot reach this machine, its network or a
cloud's metadata through us. An address that has an IPv4 address inside (mapped, 6to4, NAT64) is as
open as that one.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

IPAddress = IPv4Address | IPv6Address


def closed(address: IPAddress) -> bool:
    """Is it anything but a public unicast address?"""
    inner = address if isinstance(address, IPv4Address) else _inner(address)
    if inner is not None:
        return any(inner in network for network in _CLOSED_V4)
    return address not in _OPEN_V6 or any(address in network for network in _CLOSED_V6)


def spelled(host: str) -> IPAddress | None:
    """The address that a host is spelled as, None where it is a name to be looked up.

    The C library takes `2130706433`, `0x7f.1` and `0177.0.0.1` for 127.0.0.1, so these count too;
    and names under `localhost` are this machine whatever a server of names says (RFC 6761,
    section 6.3).
    """
    bare = host.rstrip(".").lower()
    if bare == "localhost" or bare.endswith(".localhost"):
        return IPv4Address("127.0.0.1")
    try:
        return ip_address(bare)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(bare))
    except (OSError, UnicodeError, ValueError):
        return None


def _inner(address: IPv6Address) -> IPv4Address | None:
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


# https://www.iana.org/assignments/iana-ipv4-special-registry, and multicast.
_CLOSED_V4 = tuple(
    map(
        ip_network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
            *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24"),
            *("192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
            *("224.0.0.0/4", "240.0.0.0/4"),
            # Azure's own services for a virtual machine, its credentials among them:
            # https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
            "168.63.129.16/32",
        ),
    )
)
# https://www.iana.org/assignments/iana-ipv6-special-registry: global unicast is 2000::/3, without
# what is set apart in it for protocols (Teredo among them) and for documentation.
_OPEN_V6 = ip_network("2000::/3")
_CLOSED_V6 = tuple(map(ip_network, ("2001::/23", "2001:db8::/32", "3fff::/20")))
_NAT64 = ip_network("64:ff9b::/96")
