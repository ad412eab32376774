"""What the log says of an attempt's end: ids, the event and why; nothing of the document.

What went well, or goes on by itself, is said at `debug`, for there is much of it; what did not at
`info`: that a mail was refused is no trouble of franking's.
"""

from __future__ import annotations

import structlog

from franking.core.attempt import Settlement

log = structlog.get_logger()

QUIET = ("sent", "returned", "deferred", "released")


def say(settlement: Settlement, account: str) -> None:
    """One line."""
    attempt = settlement.attempt
    tell = log.debug if attempt.event in QUIET else log.info
    tell(
        "an attempt ended",
        mail=attempt.mail,
        account=account,
        ended=attempt.event,
        number=attempt.number,
        category=attempt.category,
        code=attempt.code,
        took_ms=attempt.ended_at - attempt.started_at,
    )
