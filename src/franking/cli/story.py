"""What the demo tells: mails that end in every way, and a touchpoint in each status.

The mailbox answers by the name before the @ (see `transports/capture`). An account's sending limit
is that account's trouble, so what meets one has an account for itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from franking.clock import SystemClock
from franking.core import times
from franking.core.touchpoint import Status
from franking.office import Office
from franking.outlets.base import Package, Shown

LIMITED = "limited"
LIMITED_REP = "limited-rep"
PAUSED_REP = "paused-rep"
ACCOUNTS = (LIMITED, LIMITED_REP, PAUSED_REP)
WHY_PAUSED = "the demo shows what a paused mailbox does"
MEMBER = "demo"
DAY_MS = 24 * 3_600_000
LOOK_SECONDS = 0.1

MAILS: tuple[dict[str, Any], ...] = (
    {"to": "ada@example.com", "subject": "Arrives"},
    {"to": ["ada@example.com", "unknown@example.com"], "subject": "Arrives for one of two"},
    {"to": "unknown@example.com", "subject": "There is no such address"},
    {"to": "full@example.com", "subject": "Their mailbox is full"},
    {"to": "spam@example.com", "subject": "Blocked after it was read"},
    {"to": "limit@example.com", "subject": "Our own sending limit", "account": LIMITED},
    {"to": "greylist@example.com", "subject": "Comes back, and is let in"},
    {"to": "drop@example.com", "subject": "Nobody knows whether it arrived"},
    {"to": "slow@example.com", "subject": "Takes a while"},
)
# Automated touchpoints that are due; the last one is the newest, so a rep sees it first.
PLANNED: tuple[dict[str, Any], ...] = (
    {"to": "drop@example.com", "subject": "Did this one arrive?"},
    {"to": "spam@example.com", "subject": "LAST CHANCE!!! Buy now"},
    {"to": "unknown@example.com", "subject": "Nice to meet you, Grace"},
    {"to": "limit@example.com", "subject": "Our Thursday call", "account": LIMITED_REP},
    {"to": "ada@example.com", "subject": "Thank you for the tour"},
    {"to": "once@example.com", "subject": "Your trial ends on Friday"},
)
HTML = (
    "<h1>{subject}</h1><p>Dear reader,</p><p>this is an email of <b>franking's demo</b>, and what"
    " you see here is how it would look.</p><p>Yours, franking</p>"
)


async def set_up(office: Office, uri: str) -> None:
    """The senders' mailboxes of the story, all on one server."""
    for account in ACCOUNTS:
        await office.accounts.set(account, {"transport": {"type": "smtp", "uri": uri}})


async def hand_in(office: Office) -> None:
    """Mails that no touchpoint has."""
    documents = [
        {
            **{name: value for name, value in mail.items() if name != "subject"},
            "message": {"subject": mail["subject"], "text": "A mail of franking's demo."},
        }
        for mail in MAILS
    ]
    await office.submit(documents)


async def plan(package: Package, office: Office) -> None:
    """A touchpoint in each status, and one of each kind that waits for a person."""
    now = SystemClock().now()
    await _planned(package, {"to": "ada@example.com", "subject": "Happy new year"}, now + DAY_MS)
    retried = {"to": "once+retried@example.com", "subject": "Shall we talk?", "account": PAUSED_REP}
    again = await _planned(package, retried, now)
    written = await _manual(package)
    await package.complete(written, _mail({"to": "unknown@example.com", "subject": "Hi"}), False)
    for mail in PLANNED:
        await _planned(package, mail, now)
    await _manual(package)
    await _ended(package, again)
    await office.accounts.pause(PAUSED_REP, None, WHY_PAUSED)
    await package.retry(again, None, False)


async def _planned(package: Package, mail: Mapping[str, Any], due_at: int) -> str:
    given = {
        "type": "automated",
        "cadenceMemberId": MEMBER,
        "dueAt": times.text(due_at),
        "mail": _mail(mail),
    }
    return _id(await package.create(given, None))


async def _manual(package: Package) -> str:
    return _id(await package.create({"type": "manual", "cadenceMemberId": MEMBER}, None))


async def _ended(package: Package, id: str) -> None:
    """Wait until it has failed."""
    while True:
        shown = await package.read(id)
        if shown.touchpoint.status == Status.ERROR:
            return
        await asyncio.sleep(LOOK_SECONDS)


def _id(shown: Shown) -> str:
    return shown.touchpoint.id


def _mail(mail: Mapping[str, Any]) -> dict[str, Any]:
    others = {name: value for name, value in mail.items() if name != "subject"}
    subject = mail["subject"]
    text = "This is an email of franking's demo, for a touchpoint."
    html = HTML.format(subject=subject)
    return {**others, "message": {"subject": subject, "text": text, "html": html}}
