"""Serves an app as franking does, on any free port, until the process is terminated."""

from __future__ import annotations

from typing import Any

from bench.cases import child
from franking.app.listening import Listener, bound
from franking.app.service import signalled
from franking.config.settings import Address


async def serve(app: Any) -> None:
    """Tell the port, then serve until SIGTERM."""
    stop = signalled()
    socket = bound(Address("127.0.0.1", 0))
    listener = Listener(app, socket)
    await listener.started()
    child.tell({"port": socket.getsockname()[1]})
    await stop.wait()
    await listener.stop()
