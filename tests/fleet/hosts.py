"""Hosts: network namespaces of this machine where they may be made, each with one wire to it.

A namespace lives as long as the process that holds it, which ends when its standard input does:
however the tests end, nothing is left, for the wire goes with its namespace.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import NamedTuple

TOOLS = ("ip", "unshare", "nsenter")
HOLD = "echo up; exec cat >/dev/null"
# 198.18.0.0/15 is for tests between networks (RFC 2544): four addresses for each wire.
_WIRES = 1 << 15
_WIRES_OF_ONE = 4


class Host(NamedTuple):
    """`here` is this machine's address on its `wire`, `there` the host's own; processes that are
    to be there go to `network`."""

    here: str
    there: str
    wire: str = ""
    network: str = ""


# Where none may be made: addresses of this machine, and nothing between them.
NEIGHBOUR = Host("127.0.0.1", "127.0.0.1")


@cache
def obstacle() -> str:
    """Why no namespaces can be made here; nothing where they can."""
    missing = [name for name in TOOLS if shutil.which(name) is None]
    if missing:
        return f"this machine has no {', '.join(missing)}"
    try:
        with namespace(0):
            return ""
    except subprocess.CalledProcessError as error:
        return f"no namespaces may be made here: {error.stderr.decode().strip()}"


@contextmanager
def namespace(number: int) -> Iterator[Host]:
    """A host at the end of a wire; its `number` (0 to 3) tells it from others of this process.
    Raises CalledProcessError where it is not allowed."""
    place = (os.getpid() * _WIRES_OF_ONE + number) % _WIRES
    host = Host(_address(place, 1), _address(place, 2), f"fk{place}")
    pipe = subprocess.PIPE
    with subprocess.Popen(
        ["unshare", "--net", "sh", "-c", HOLD], stdin=pipe, stdout=pipe, stderr=pipe
    ) as holder:
        try:
            assert holder.stdout is not None
            if not holder.stdout.readline():
                raise subprocess.CalledProcessError(1, "unshare", stderr=holder.communicate()[1])
            _wired(host, holder.pid)
            yield host._replace(network=f"/proc/{holder.pid}/ns/net")
        finally:
            holder.kill()


def _wired(host: Host, pid: int) -> None:
    """Lay the wire from here to the namespace of a process."""
    there = ("nsenter", f"--net=/proc/{pid}/ns/net")
    _ip("link", "add", host.wire, *("type", "veth", "peer", "name", "wire", "netns", str(pid)))
    _ip("addr", "add", f"{host.here}/30", "dev", host.wire)
    _ip("link", "set", host.wire, "up")
    _ip("addr", "add", f"{host.there}/30", "dev", "wire", enter=there)
    for device in ("lo", "wire"):
        _ip("link", "set", device, "up", enter=there)


def _address(wire: int, place: int) -> str:
    number = wire * 4 + place
    return f"198.{18 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


def _ip(*words: str, enter: tuple[str, ...] = ()) -> None:
    subprocess.run([*enter, "ip", *words], check=True, capture_output=True)
