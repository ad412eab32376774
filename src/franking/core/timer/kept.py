"""A timer as JSON, with its data beside it, for that is kept and handed over byte for byte."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from franking.core.timer import Timer

NO_DATA = msgspec.Raw(b"null")


class _Kept(msgspec.Struct, frozen=True):
    timer: Timer
    data: msgspec.Raw


def encoded(timer: Timer) -> bytes:
    """The JSON that `decoded` reads."""
    return _encoder.encode(_Kept(replace(timer, data=None), timer.data or NO_DATA))


def decoded(json: bytes | str) -> Timer:
    """The timer of `{"timer": …, "data": …}`."""
    return _whole(_one.decode(json))


def all_decoded(json: bytes | str) -> list[Timer]:
    """The timers of a list of these."""
    return [_whole(kept) for kept in _all.decode(json)]


def all_encoded(timers: Iterable[Timer]) -> bytes:
    """The JSON that `all_decoded` reads."""
    return b"[%b]" % b",".join(map(encoded, timers))


def _whole(kept: _Kept) -> Timer:
    data = kept.data
    if bytes(data) == b"null":
        return kept.timer
    # A copy, so that one timer does not keep the whole answer in memory.
    return replace(kept.timer, data=data.copy())


_encoder = msgspec.json.Encoder()
_one = msgspec.json.Decoder(_Kept)
_all = msgspec.json.Decoder(list[_Kept])
