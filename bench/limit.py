"""The limit: what Postfix's own C tools reach on this machine now, `smtp-source` to `smtp-sink`.

Ten kept connections, no pipelining, mails of 4.5 KB to one recipient. Rates on a shared machine
drift by half from hour to hour, so a case takes the limit just before and just after it ran, and
what counts is its ratio to the mean of the two. `franking bench limit` prints it alone.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

MAILS, MAILS_SMALL = 8000, 1000
SESSIONS = 10
OCTETS = 4500
BACKLOG = 100
START_SECONDS = 10
RUN_SECONDS = 120
SEARCHED = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
MISSING = (
    "Postfix's smtp-sink and smtp-source are not installed (Debian package: postfix),"
    " so nothing can be measured against the limit."
)


class Missing(Exception):
    """Postfix's tools are not here, or do not run; the text says so."""


@contextmanager
def sink() -> Iterator[int]:
    """A `smtp-sink` in its own process; its port. Raises `Missing`."""
    port = _free_port()
    # As root it wants to be told whose rights to take.
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    command = [_tool("smtp-sink"), *user, f"127.0.0.1:{port}", str(BACKLOG)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait()


def rate(port: int, mails: int = MAILS) -> float:
    """How many mails a second `smtp-source` hands to the sink at `port`. Raises `Missing`."""
    options = f"-d -s {SESSIONS} -m {mails} -l {OCTETS} -f a@example.com -t b@example.com".split()
    command = [_tool("smtp-source"), *options, f"inet:127.0.0.1:{port}"]
    began = time.perf_counter()
    ended = subprocess.run(command, check=False, timeout=RUN_SECONDS)
    seconds = time.perf_counter() - began
    if ended.returncode:
        raise Missing(f"smtp-source ended with exit code {ended.returncode}.")
    return mails / seconds


def installed() -> bool:
    """Are both tools here?"""
    return all(shutil.which(name, path=SEARCHED) for name in ("smtp-sink", "smtp-source"))


def _tool(name: str) -> str:
    found = shutil.which(name, path=SEARCHED)
    if found is None:
        raise Missing(MISSING)
    return found


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise Missing(f"smtp-sink did not start (exit code {process.poll()}).")


def main() -> None:
    """Print the limit, three times, for it drifts."""
    try:
        with sink() as port:
            for _ in range(3):
                print(f"{rate(port):,.0f} mails/s")
    except Missing as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
