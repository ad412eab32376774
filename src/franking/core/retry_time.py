"""When a peer says that it may be tried again: a header, a time or a wait among the words.

Gmail's API writes an ISO time ("Retry after 2026-01-01T00:00:00.000Z", which is wrong at times),
Mailgun a date ("try again after Mon, 25 Aug 2025 07:00:31 UTC"), Graph sends `Retry-After`
(RFC 9110, section 10.2.3: seconds or a date), SES says "up to 10 minutes". A time that is over
becomes a minute from now, one that is far away a day: a peer's clock must not hold a mail.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

SOON_SECONDS = 60
LATEST_SECONDS = 86_400


def retry_at(words: str, header: str | None, now: datetime) -> datetime | None:
    """The time to try again, between now and a day ahead, in UTC; None where none is told.

    `words` are in lower case. A `now` without a zone counts as UTC.
    """
    now = now.astimezone(UTC) if now.tzinfo else now.replace(tzinfo=UTC)
    try:
        told = _of_header(header.strip()[:64], now) if header else None
        told = told or _of_words(words, now)
    except (ValueError, OverflowError):
        return None
    if told is None:
        return None
    if told <= now:
        return now + timedelta(seconds=SOON_SECONDS)
    return min(told, now + timedelta(seconds=LATEST_SECONDS))


def _of_header(header: str, now: datetime) -> datetime | None:
    if header.isascii() and header.isdigit():
        return now + timedelta(seconds=min(int(header[:9]), LATEST_SECONDS))
    return _of_date(header.lower()) or _of_iso(header.lower())


def _of_words(words: str, now: datetime) -> datetime | None:
    if not any(lead in words for lead in _LEADS):
        return None
    return _of_iso(words) or _of_date(words) or _of_wait(words, now)


_LEADS = ("retry", "again", "after", "wait", "minute", "until", "back in", "hour", "second")


def _of_iso(words: str) -> datetime | None:
    found = _ISO.search(words)
    return datetime(*map(int, found.groups()), tzinfo=UTC) if found else None  # type: ignore[misc,arg-type]


def _of_date(words: str) -> datetime | None:
    found = _DATE.search(words)
    if found is None:
        return None
    day, month, year, hour, minute, second = found.groups()
    return datetime(
        int(year),
        _MONTHS.index(month) + 1,
        int(day),
        int(hour),
        int(minute),
        int(second),
        tzinfo=UTC,
    )


def _of_wait(words: str, now: datetime) -> datetime | None:
    found = _WAIT.search(words)
    if found is None:
        return None
    return now + timedelta(seconds=int(found[1]) * _SECONDS[found[2]])


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ISO = re.compile(r"\b(20\d\d)-(\d\d)-(\d\d)t(\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?z")
_DATE = re.compile(
    rf"\b(\d{{1,2}})[ -]({'|'.join(_MONTHS)})[a-z]{{0,6}}[ -](20\d\d)"
    r" (\d\d):(\d\d):(\d\d) (?:utc|gmt|\+0000)"
)
_WAIT = re.compile(
    r"(?:retry|again|after|wait|in|for|to|least|until|back) {0,2}"
    r"(?:in |after |for |up to |at least |about ){0,2}"
    r"(\d{1,5}) ?(second|minute|hour|sec|min)"
)
_SECONDS = {"second": 1, "sec": 1, "minute": 60, "min": 60, "hour": 3600}
