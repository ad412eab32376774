"""Whose process a connection on this machine is."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

_TABLE = Path("/proc/net/tcp")


def owner(port: int, pids: Iterable[int]) -> int | None:
    """Which of these processes has a TCP socket with that port on its own side; None: none has."""
    names = {f"socket:[{inode}]" for inode in _inodes(port)}
    return next((pid for pid in pids if names & _open(pid)), None)


def _inodes(port: int) -> set[str]:
    rows = (line.split() for line in _TABLE.read_text().splitlines()[1:])
    return {row[9] for row in rows if int(row[1].rpartition(":")[2], 16) == port}


def _open(pid: int) -> set[str]:
    """The targets of a process's descriptors; none of one that is gone."""
    found = set()
    try:
        for entry in os.scandir(f"/proc/{pid}/fd"):
            found.add(os.readlink(entry.path))
    except OSError:
        pass
    return found
