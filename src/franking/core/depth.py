"""How deep JSON may be nested: far deeper than documents are, far less than anybody's parser takes.

What is taken must be readable again, by every part and by whoever asks, each with a stack of its
own.
"""

from __future__ import annotations

from typing import Any

import msgspec

MAX_DEPTH = 100
# What reading a peer's JSON may raise: what nests without end is no more JSON than HTML is.
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def deeper(value: Any, levels: int = MAX_DEPTH) -> bool:
    """Is a list or a map nested more levels deep, itself counted?"""
    items = value.values() if type(value) is dict else value
    for item in items:
        if type(item) in _CONTAINERS and (levels == 1 or deeper(item, levels - 1)):
            return True
    return False


_CONTAINERS = (dict, list)
