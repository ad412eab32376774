"""Processes of franking forked by a `zygote`, spoken to as asyncio's own are."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from . import zygote


class Forked:
    """What the tests use of `asyncio.subprocess.Process`, with all three streams as pipes."""

    def __init__(
        self,
        pid: int,
        ended: asyncio.Task[int],
        stdin: asyncio.StreamWriter,
        stdout: asyncio.StreamReader,
        stderr: asyncio.StreamReader,
    ) -> None:
        self.pid = pid
        self._ended = ended
        self.stdin, self.stdout, self.stderr = stdin, stdout, stderr

    @property
    def returncode(self) -> int | None:
        """How it ended, a signal as its negative number; None while it runs."""
        return self._ended.result() if self._ended.done() else None

    async def wait(self) -> int:
        """Wait for its end."""
        return await asyncio.shield(self._ended)

    async def communicate(self, input: bytes = b"") -> tuple[bytes, bytes]:
        """Give it its input, and read all that it says until it ends."""
        try:
            self.stdin.write(input)
            await self.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            pass  # it ended without reading
        self.stdin.close()
        out, err = await asyncio.gather(self.stdout.read(), self.stderr.read())
        await self.wait()
        return out, err

    def send_signal(self, number: int) -> None:
        """Signal it, unless it has ended."""
        if not self._ended.done():
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it, unless it has ended."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end, unless it has."""
        self.send_signal(signal.SIGTERM)


async def fork(
    folder: Path,
    environment: dict[str, str],
    arguments: Sequence[str],
    script: str = zygote.__file__,
) -> Forked:
    """A franking of these arguments in a folder, as `python -m franking` would be, or as `script`
    makes it, which is a zygote too."""
    wanted = {"folder": str(folder), "environment": environment, "arguments": list(arguments)}
    (theirs_in, ours_in), (ours_out, theirs_out), (ours_err, theirs_err) = (
        os.pipe() for _ in range(zygote.STREAMS)
    )
    asked = socket.socket(socket.AF_UNIX)
    asked.connect(_address(script))
    theirs = [theirs_in, theirs_out, theirs_err]
    socket.send_fds(asked, [json.dumps(wanted).encode()], theirs)
    for stream in theirs:
        os.close(stream)
    told, writer = await asyncio.open_unix_connection(sock=asked)
    pid = int(await told.readline())
    ended = asyncio.create_task(_ended(told, writer))
    return Forked(
        pid, ended, await _writer(ours_in), await _reader(ours_out), await _reader(ours_err)
    )


async def _ended(told: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    code = int(await told.readline())
    writer.close()
    return code


async def _reader(stream: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(stream, "rb", 0)
    )
    return reader


async def _writer(stream: int) -> asyncio.StreamWriter:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_write_pipe(
        asyncio.streams.FlowControlMixin, os.fdopen(stream, "wb", 0)
    )
    return asyncio.StreamWriter(transport, protocol, None, loop)


@cache
def _address(script: str) -> str:
    """Where the zygote of this process of tests listens; it is started with the first command."""
    folder = tempfile.mkdtemp(prefix="franking-zygote-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    address = f"{folder}/socket"
    command = [sys.executable, script, address]
    pipe = subprocess.PIPE
    others = {name: value for name, value in os.environ.items() if "FRANKING" not in name}
    tests = {**others, "PYTHONPATH": str(Path(__file__).parent.parent)}
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, env=tests)
    atexit.register(process.kill)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return address
