"""The program of the child process: Handlebars in QuickJS, behind two pipes and three fences.

It is run by its path, with an empty environment, and imports nothing of franking. Requests come in
on standard input and answers go out on standard output, in order, each a length of four octets,
big-endian, and so much JSON. A first frame, `{}`, says that it is ready.

The fences. QuickJS counts this process's CPU time, which is that of one request at a time, and the
octets of its heap; a request that meets such a limit is answered `{"limit": …}`, and the process
ends, since what it holds may be broken. What QuickJS does in one go, asking nobody (it reads JSON
so), a timer of the kernel's ends, which counts CPU time too. And the kernel keeps the whole process
below a size, and lets it open no file and no socket and start no process.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import quickjs

_HEAD_OCTETS = 4
_READ_OCTETS = 256 * 1024
_SIZE = b'{"limit":"size"}'
# Only who asked ends it, by closing its input: a Ctrl-C of the terminal's is not meant for it.
_UNHEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Limit(Exception):
    """The request met a limit; which one is told."""


def main(told: str, *scripts: str) -> None:
    """Serve until the input ends or a limit is met; `told` is `limits.Limits` in JSON."""
    for number in _UNHEARD:
        signal.signal(number, signal.SIG_IGN)
    limits = json.loads(told)
    context = _context(limits, [Path(path).read_text("utf-8") for path in scripts])
    renderer = Rendering(context, limits)
    _fence(limits["process_bytes"])
    _write(b"{}")
    while (frame := _frame()) is not None:
        signal.setitimer(signal.ITIMER_PROF, limits["fence_ms"] / 1000)
        try:
            _write(renderer.answer(frame))
        except Limit as limit:
            _write(json.dumps({"limit": str(limit)}).encode())
            return


class Rendering:
    """The two calls of script.js within the limits."""

    def __init__(self, context: Any, limits: dict[str, int]) -> None:
        self._context = context
        self._prepare, self._render = context.get("prepare"), context.get("render")
        self._limits = limits

    def answer(self, frame: bytes) -> bytes:
        """The answer to one request. Raises `Limit`."""
        try:
            told = self._called("compile", self._prepare, frame.decode())
            if told is None:
                told = self._called("render", self._render)
            answer: bytes = told.encode()
            return _SIZE if _too_large(answer, self._limits["most_bytes"]) else answer
        except MemoryError:
            raise Limit("memory") from None

    def _called(self, what: str, call: Callable[..., Any], *given: str) -> Any:
        self._context.set_time_limit(self._limits[f"{what}_ms"] / 1000)
        try:
            return call(*given)
        except quickjs.JSException as error:
            raise Limit(what if "interrupted" in str(error) else "memory") from None


def _context(limits: dict[str, int], scripts: list[str]) -> Any:
    context = quickjs.Context()
    context.set_max_stack_size(limits["stack_bytes"])
    context.eval(f"var LIMITS = {json.dumps(limits)}")
    for script in scripts:
        context.eval(script)
    heap = limits["render_bytes"] + limits["heap_bytes"] + limits["cache_bytes"]
    context.set_memory_limit(heap)
    return context


def _fence(process_bytes: int) -> None:
    """What this process needs is open and loaded; from here on it gets nothing more."""
    resource.setrlimit(resource.RLIMIT_AS, (process_bytes, process_bytes))
    for nothing in ("NOFILE", "FSIZE", "CORE", "NPROC"):
        resource.setrlimit(getattr(resource, f"RLIMIT_{nothing}"), (0, 0))


def _too_large(answer: bytes, most_bytes: int) -> bool:
    """Are the texts, in UTF-8? JSON is never smaller than they are, and rarely has to be read."""
    if len(answer) <= most_bytes:
        return False
    return sum(len(text.encode()) for text in json.loads(answer).get("texts", ())) > most_bytes


def _frame() -> bytes | None:
    """The next request; None where the input has ended."""
    head = _read(_HEAD_OCTETS)
    return None if head is None else _read(int.from_bytes(head, "big"))


_buffer = bytearray()


def _read(size: int) -> bytes | None:
    while len(_buffer) < size:
        more = os.read(0, max(_READ_OCTETS, size - len(_buffer)))
        if not more:
            return None
        _buffer.extend(more)
    found = bytes(_buffer[:size])
    del _buffer[:size]
    return found


def _write(answer: bytes) -> None:
    left = memoryview(len(answer).to_bytes(_HEAD_OCTETS, "big") + answer)
    while left:
        left = left[os.write(1, left) :]


if __name__ == "__main__":
    main(*sys.argv[1:])
