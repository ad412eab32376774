"""Hears that another process has committed, on a connection of its own.

Policy. It is a hint, never a promise: while the connection is lost, whoever asks is told that there
may be something, and looks. It is made again with a growing pause.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable

import psycopg
import structlog

from franking.stores.postgres_link import CONNECT_SECONDS, Target, listen

log = structlog.get_logger()

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0


class Listener:
    """Counts what others have committed; `heard` is called each time, in its thread."""

    def __init__(self, target: Target, me: str, heard: Callable[[], None]) -> None:
        self._target = target
        self._me = me
        self._heard = heard
        self._count = 0
        self._listening = False
        self._stop = threading.Event()
        self._tried = threading.Event()
        self._woken, self._waker = os.pipe()
        self._thread = threading.Thread(target=self._work, name="franking-listener", daemon=True)

    def start(self) -> None:
        """Listen from now on. Blocks until it does, or could not at first."""
        if self._target.listen is not None:
            self._thread.start()
            self._tried.wait(CONNECT_SECONDS)

    def stop(self) -> None:
        self._stop.set()
        os.write(self._waker, b"!")
        if self._thread.is_alive():
            self._thread.join()
        os.close(self._waker)
        os.close(self._woken)

    @property
    def foreign(self) -> int:
        """A number that changes when others have committed, and each time while nobody listens."""
        if not self._listening:
            self._count += 1
        return self._count

    def _work(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._stop.is_set():
            try:
                self._listen()
            except psycopg.Error as error:
                log.warning("nobody tells us what others commit", why=str(error).strip())
            if self._listening:
                pause = FIRST_PAUSE_SECONDS
            self._listening = False
            self._tried.set()
            self._stop.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    def _listen(self) -> None:
        with listen(self._target) as link:
            link.execute("LISTEN franking")
            self._listening = True
            self._tell()
            self._tried.set()
            poll = select.poll()
            poll.register(link.fileno(), select.POLLIN)
            poll.register(self._woken, select.POLLIN)
            while poll.poll() and not self._stop.is_set():
                for notice in link.notifies(timeout=0):
                    if notice.payload != self._me:
                        self._tell()

    def _tell(self) -> None:
        self._count += 1
        self._heard()
