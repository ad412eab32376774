"""A process that has all of franking imported, and forks a franking for each command asked of it.

Run as a script with the path of a socket. To import franking takes longer than what most commands
do, and the tests run hundreds: each asks here with its arguments, folder, environment and standard
files (`forked`), and gets a process that differs from one of its own in this alone. A supervisor
stands between, which tells the process's id and how it ended. Ends when its standard input does.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import io
import json
import os
import pkgutil
import random
import select
import signal
import socket
import sys
from contextlib import chdir, redirect_stdout, suppress
from tempfile import TemporaryDirectory

import franking
from franking.cli import main

MOST_OCTETS = 1_000_000
STREAMS = 3


def until_asked(address: str) -> None:
    """Wait for commands; returns in each command's own process alone, ready to run it."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen(100)
        _preload()
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        print("ready", flush=True)
        while server in select.select([server, sys.stdin], [], [])[0]:
            asked, _ = server.accept()
            if os.fork() == 0:
                server.close()
                _supervise(asked)
                return
            asked.close()
    os._exit(0)


def _preload() -> None:
    """Import what is ours, and by a command what it imports late."""
    for module in pkgutil.walk_packages(franking.__path__, "franking."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    with TemporaryDirectory() as folder, chdir(folder), suppress(SystemExit):
        sys.argv = ["franking", "mail", "list"]
        with redirect_stdout(io.StringIO()):
            main()
    gc.collect()
    gc.freeze()


def _supervise(asked: socket.socket) -> None:
    """Fork the command, tell its id and its end; returns in the command."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    words, streams, _, _ = socket.recv_fds(asked, MOST_OCTETS, STREAMS)
    pid = os.fork()
    if pid == 0:
        asked.close()
        _become(json.loads(words), streams)
        return
    for stream in streams:
        os.close(stream)
    asked.sendall(b"%d\n" % pid)
    ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert ended is not None
    code = ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
    asked.sendall(b"%d\n" % code)
    # Its id is another's only once whoever might signal it knows.
    asked.recv(1)
    os._exit(0)


def _become(wanted: dict[str, object], streams: list[int]) -> None:
    """Make this process what `python -m franking` would be there."""
    for place, stream in enumerate(streams):
        os.dup2(stream, place)
        os.close(stream)
    sys.stdin = io.TextIOWrapper(open(0, "rb", closefd=False), encoding="utf-8")  # noqa: SIM115
    sys.stdout = _unbuffered(1)
    sys.stderr = _unbuffered(2)
    os.chdir(str(wanted["folder"]))
    os.environ.clear()
    os.environ.update(dict(wanted["environment"]))  # type: ignore[call-overload]
    _differ(os.environ.pop("FRANKING_VALUES", "{}"), os.environ.pop("FRANKING_NETWORK", ""))
    sys.argv = [f"{franking.__path__[0]}/__main__.py", *list(wanted["arguments"])]  # type: ignore[call-overload]
    random.seed()


def _differ(values: str, network: str) -> None:
    """Give constants, by their whole names, other values (JSON), and go to a network namespace."""
    for name, value in json.loads(values).items():
        module, _, last = name.rpartition(".")
        setattr(importlib.import_module(module), last, value)
    if network:
        with open(network) as namespace:
            assert ctypes.CDLL(None).setns(namespace.fileno(), 0) == 0


def _unbuffered(stream: int) -> io.TextIOWrapper:
    raw = open(stream, "wb", 0, closefd=False)  # noqa: SIM115
    return io.TextIOWrapper(raw, encoding="utf-8", write_through=True)


if __name__ == "__main__":
    until_asked(sys.argv[1])
    main()
