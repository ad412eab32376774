"""How a command ends: its exit code, and words on stderr for each way that isn't success."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum


class Code(IntEnum):
    """What a script can tell from the exit code."""

    OK = 0
    FAILED = 1
    USAGE = 2
    SETTING_REFUSED = 3
    DATABASE_REFUSED = 4
    SERVER_UNREACHABLE = 5
    # As a shell has it for a process that SIGINT ended.
    INTERRUPTED = 130


class Ended(Exception):
    """A command's end, with its code and the words for it (none where all is said)."""

    def __init__(self, code: Code, words: str = "") -> None:
        super().__init__(words)
        self.code = code


@contextmanager
def told() -> Iterator[None]:
    """The one place that turns what a command raises into words and an exit code."""
    try:
        yield
    except Ended as end:
        _leave(end.code, str(end))
    except KeyboardInterrupt:
        _leave(Code.INTERRUPTED, "Stopped.")
    except Exception as error:
        code = _code(error)
        if code is None:
            raise
        _leave(code, str(error))


def check(arguments: Sequence[str]) -> None:
    """Raises `Ended` for what is no text: it could neither be asked for nor be told."""
    for number, argument in enumerate(arguments):
        try:
            argument.encode()
        except UnicodeEncodeError:
            raise Ended(Code.USAGE, f"Argument {number} is not UTF-8.") from None


def _code(error: Exception) -> Code | None:
    from franking.app import Stopped
    from franking.config import SettingRefused
    from franking.stores.base import StoreRefused, StoreUnavailable

    if isinstance(error, SettingRefused):
        return Code.SETTING_REFUSED
    if isinstance(error, StoreRefused | StoreUnavailable):
        return Code.DATABASE_REFUSED
    return Code.FAILED if isinstance(error, Stopped) else None


def _leave(code: Code, words: str) -> None:
    if words:
        # Imported late: only what fails pays for it. The words may hold what a peer said.
        from franking.cli.screen import plain

        print(plain(words), file=sys.stderr)
    raise SystemExit(int(code))
