"""Fills a database with what the console is measured on: mails, with all that comes of them.

Rows are made in the database (`console_filling.sql`, then `console_totals.sql`), for a million
mails through the doors would take an hour. Triggers and indexes are as they are for everybody.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from franking.clock import SystemClock
from franking.stores.sqlite import SqliteStore

STEP = 20_000
CATEGORIES = (
    (30, "recipient_not_found"),
    (25, "unknown"),
    (10, "blocked_as_spam"),
    (10, "mailbox_disconnected"),
    (8, "recipient_mailbox_full"),
    (4, "outcome_unknown"),
    (2, "message_too_large"),
    (1, "recipient_suppressed"),
)
# One word that all mails have, longer than any index of beginnings, and words that many have.
LONG_WORD = "personaldienstleistungen"
SUBJECTS = (
    "The quarterly internationalisation",
    *(
        "An offer",
        "Our meeting",
        "Your order",
        "The invoice",
        "A question",
        "Welcome",
        "Next steps",
    ),
    *("A reminder", "Re: the contract", "Hello again", "News", "The figures", "An idea", "Thanks"),
    *("A short note", "Your visit", "The programme", "Dates", "A proposal", "Following up"),
    *("The workshop", "Personalberatung"),
)
ABOUT = (
    *(
        "for the team",
        "from Tuesday",
        "about prices",
        "for March",
        "and what comes next",
        "in June",
    ),
    *(
        "of the last quarter",
        "for your company",
        "and two offers",
        "this week",
        "with Jane",
        "today",
    ),
    *("about the figures", "for the summer", "and a coffee", "of our talk", "as promised", "soon"),
    *("for the board", "about shipping", "to look at", "with numbers", "in short", "tomorrow"),
    *("for review", "about hiring", "and dates", "on Friday", "for you", "in detail", "at last"),
)
WORDS = {
    "category": [name for count, name in CATEGORIES for _ in range(count)],
    "first": [f"{a}{b}" for a in ("al", "be", "ca", "do", "el") for b in range(20)][:97],
    "last": [f"{a}{b}" for a in ("smith", "jones", "brown", "garcia", "novak") for b in range(18)],
    "domain": [f"company-{number}.{LONG_WORD}.example" for number in range(13)],
    "subject": SUBJECTS,
    "about": ABOUT,
}
SENTENCE = "This email address doesn't exist or is no longer active. Check it or use another."
REFUSAL = (
    "550 5.1.1 The email account that you tried to reach does not exist. Please try double-checking"
    " the recipient's email address for typos."
)
_LINE = "it was good to meet your team on Tuesday; here is what we talked about. "
TEXT = "Hello Alex,\n\n" + _LINE * 4
HTML = f"<h1>Hello Alex</h1><p>{_LINE * 4}</p><p><a href='https://example.com/'>More</a></p>"


def statements(name: str) -> Iterator[str]:
    """Those of a file beside this one."""
    text = ""
    for line in (Path(__file__).parent / f"{name}.sql").read_text().splitlines(keepends=True):
        text += line
        if sqlite3.complete_statement(text):
            yield text
            text = ""


def fill(path: Path, count: int, step: Callable[[], None]) -> None:
    """Make the database at `path`, with `count` mails; `step` is called `steps(count)` times."""
    asyncio.run(_made(path))
    db = sqlite3.connect(path, isolation_level=None)
    for setting in ("synchronous = OFF", "cache_size = -524288", "temp_store = MEMORY"):
        db.execute(f"PRAGMA {setting}")
    _words(db)
    given = {"now": SystemClock().now(), "count": count, "text": TEXT, "html": HTML}
    given |= {"sentence": SENTENCE, "refusal": REFUSAL}
    filling = [*statements("console_filling")]
    for first in range(1, count + 1, STEP):
        last = min(first + STEP - 1, count)
        _run(db, filling, given | {"first": first, "last": last})
        step()
    _run(db, [*statements("console_totals")], given)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    step()


def steps(count: int) -> int:
    """How many steps it takes."""
    return -(-count // STEP) + 1


async def _made(path: Path) -> None:
    store = SqliteStore(path)
    await store.open()
    await store.close()


def _words(db: sqlite3.Connection) -> None:
    db.execute("CREATE TEMP TABLE word (kind, k, w, PRIMARY KEY (kind, k)) WITHOUT ROWID")
    rows = [(kind, k, word) for kind, words in WORDS.items() for k, word in enumerate(words)]
    db.executemany("INSERT INTO word VALUES (?, ?, ?)", rows)
    columns = "h, state, category, account, at, id, touchpoint, member, recipient, subject"
    db.execute(f"CREATE TEMP TABLE fate (n INTEGER PRIMARY KEY, {columns})")


def _run(db: sqlite3.Connection, texts: list[str], given: dict[str, object]) -> None:
    db.execute("BEGIN")
    for text in texts:
        db.execute(text, given)
    db.execute("COMMIT")
