"""What the process says of itself: one line for each fact, on stderr, for people or programs.

Policy. Lines name mails, timers and events by their ids. Nothing of a document is said, nor any
secret: every value goes through `core/discreet`, and of an exception that is not our own or the
system's only the kind and the place are told, for its text may hold what it choked on. Libraries'
own lines are passed on from WARNING on, their first line only.
"""

from __future__ import annotations

import logging
import sqlite3
import sys
import traceback
from typing import Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from franking.core.discreet import discreet

Form = Literal["json", "people"]
Level = Literal["debug", "info", "warning", "error"]

# The text of these says what the system did, and repeats nothing that we handed in.
TOLD = (OSError, sqlite3.Error)
MOST_CAUSES = 5


def configure(form: Form | None, level: Level = "info") -> None:
    """Let structlog and the libraries' own loggers write the same lines; None: for people where
    somebody looks on, else for programs."""
    if form is None:
        form = "people" if sys.stderr.isatty() else "json"
    lowest = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        guarded,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(lowest),
        cache_logger_on_first_use=True,
    )
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_first_line, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _written(form),
            ],
        )
    )
    # Libraries tell of every connection; of theirs only what is wrong is worth a line.
    logging.basicConfig(handlers=[lines], level=max(lowest, logging.WARNING), force=True)
    logging.getLogger("franking").setLevel(lowest)


def guarded(logger: WrappedLogger, method: str, line: EventDict) -> EventDict:
    """The line with nothing in it that no log may have."""
    exception = line.pop("exc_info", None)
    told = {name: _value(value) for name, value in line.items() if name not in _OURS}
    line.update(told)
    if exception is True:
        exception = sys.exc_info()
    error = exception[1] if isinstance(exception, tuple) else exception
    if isinstance(error, BaseException):
        line["exception"] = _trace(error)
    return line


def shown(error: BaseException) -> str:
    """An exception in one line: its kind, and its text where that is ours or the system's."""
    kind = type(error)
    ours = kind.__module__.partition(".")[0] == "franking"
    text = discreet(str(error)) if ours or isinstance(error, TOLD) else ""
    return f"{kind.__name__}: {text}" if text else kind.__name__


def _value(value: object) -> object:
    if isinstance(value, BaseException):
        return shown(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    # A traceback of ours has lines, and nothing but code in them.
    if isinstance(value, str) and value.startswith("  File "):
        return value
    return discreet(str(value))


def _trace(error: BaseException) -> str:
    """Where it happened, of each cause in turn; no variables, no texts of others."""
    found: list[str] = []
    one: BaseException | None = error
    while one is not None and len(found) < MOST_CAUSES:
        found.append("".join(traceback.format_tb(one.__traceback__)) + shown(one))
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    return "\nfrom\n".join(found)


def _first_line(logger: WrappedLogger, method: str, line: EventDict) -> EventDict:
    """What a library says, without what it appends: asyncio adds the text of an exception."""
    line["event"] = str(line["event"]).partition("\n")[0]
    return line


def _written(form: Form) -> Processor:
    if form == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())


# What structlog itself puts there.
_OURS = ("_record", "_from_structlog", "timestamp", "level")
