"""A `franking serve` in a process of its own, as an installation runs it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from bench.cases import child

DATABASE = "served.db"
STOP_SECONDS = 20

# What is measured: given a folder to keep its timers in, it serves at a port.
Server = Callable[[Path], AbstractContextManager[int]]

_URL = re.compile(rb"http://127\.0\.0\.1:(\d+)")


class Served:
    """The process: where it listens, and when it was begun, in seconds since 1970."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, began_at: float) -> None:
        self.pid = process.pid
        self.port = port
        self.began_at = began_at

    def ready(self) -> bool:
        """Does /readyz answer 200?"""
        return ask(self.port, "/readyz")[0] == 200

    def memory_bytes(self) -> int:
        """What it holds of memory now (VmRSS)."""
        return child.memory_bytes("VmRSS", self.pid)


@contextmanager
def serving(
    folder: Path, smtp_port: int = 25, only: str | None = None, **settings: str
) -> Iterator[Served]:
    """`franking serve` on a database in the folder, while in the block; `only` some of its roles.

    Raises `Broken`.
    """
    given = {
        "FRANKING_DATABASE_URL": f"sqlite:///{folder / DATABASE}",
        "FRANKING_HTTP": "127.0.0.1:0",
        "FRANKING_GRPC": "127.0.0.1:0",
        "FRANKING_SMTP_CONNECTION_URI": f"smtp://127.0.0.1:{smtp_port}",
        **settings,
    }
    began_at = time.time()
    process = subprocess.Popen(
        [sys.executable, "-m", "franking", "serve", *([] if only is None else ["--only", only])],
        cwd=folder,
        env={**os.environ, **given},
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        found = _URL.search(process.stdout.readline())
        if found is None:
            raise child.Broken("franking serve did not start.")
        yield Served(process, int(found[1]), began_at)
    finally:
        process.terminate()
        try:
            process.communicate(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


@contextmanager
def franking(folder: Path) -> Iterator[int]:
    """The port of a `franking serve`."""
    with serving(folder) as served:
        yield served.port


def ask(port: int, path: str) -> tuple[int, bytes]:
    """GET a path of this machine: the status and the body."""
    return _asked(port, "GET", path, None)


def post(port: int, path: str, value: Any) -> tuple[int, bytes]:
    """POST a value as JSON: the status and the body."""
    return _asked(port, "POST", path, json.dumps(value).encode())


def _asked(port: int, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
