"""A `serve` that a parent holds by its standard input: it stops when that ends."""

from __future__ import annotations

import asyncio
import sys


def end_with_parent(stop: asyncio.Event) -> None:
    """Set `stop` once standard input ends, which it does when the parent is gone."""
    loop, descriptor = asyncio.get_running_loop(), sys.stdin.fileno()

    def heard() -> None:
        loop.remove_reader(descriptor)
        stop.set()

    loop.add_reader(descriptor, heard)
