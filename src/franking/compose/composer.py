"""The program of a process that composes for another: jobs come in on standard input, in frames as
`piped` has them, each a list in MessagePack; what came of them goes out on standard output.

A first frame, empty, says that it is ready. It ends when its input does, and has nothing of the
store's or the network's: what a document needs looked up is left to who asks.
"""

from __future__ import annotations

import os
import signal
import sys

import msgspec

from franking.compose.job import Job, make

_HEAD_OCTETS = 4
# Only who asked ends it, by closing its input: a Ctrl-C of the terminal's is not meant for it.
_UNHEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> None:
    """Serve until the input ends."""
    for number in _UNHEARD:
        signal.signal(number, signal.SIG_IGN)
    jobs = msgspec.msgpack.Decoder(list[Job])
    encode = msgspec.msgpack.Encoder().encode
    _write(b"")
    while len(head := sys.stdin.buffer.read(_HEAD_OCTETS)) == _HEAD_OCTETS:
        frame = sys.stdin.buffer.read(int.from_bytes(head, "big"))
        _write(encode([make(job) for job in jobs.decode(frame)]))


def _write(answer: bytes) -> None:
    left = memoryview(len(answer).to_bytes(_HEAD_OCTETS, "big") + answer)
    while left:
        left = left[os.write(1, left) :]


if __name__ == "__main__":
    main()
