"""Accounts: senders' mailboxes, and whether they may send.

Policy. Whoever may look may pause, resume and try an account. It is set by `franking account set`
and the API alone, and no secret is shown.
"""

from __future__ import annotations

from litestar import get, post

from franking.apis.accounts import REASON_CHARACTERS, RESERVED_IDS
from franking.apis.answers import Answer
from franking.apis.calls import Ask, checked_id
from franking.apis.problems import Problem
from franking.core import advice
from franking.core.account import MINUTE_MS
from franking.core.fault import judge
from franking.core.message.options import DEFAULT_ACCOUNT
from franking.core.sender import Shown
from franking.stores.base import MOST_WAITING
from franking.web import asked
from franking.web.asked import Fields
from franking.web.dialogs import closing
from franking.web.refusals import done
from franking.web.rooms import Rooms, Row
from franking.web.standing import Standing, standing

AT_ONCE = 50
ONE = "/accounts/{id:str}"
# How long a pause may be, in minutes; without an end where there are none.
PAUSES = (
    ("30", "30 minutes"),
    ("60", "1 hour"),
    ("240", "4 hours"),
    ("1440", "1 day"),
    ("10080", "1 week"),
    ("", "Until somebody resumes it"),
)
_WORDS = dict(PAUSES)


class AccountPages:
    """The list of accounts, and each of them."""

    def __init__(self, rooms: Rooms) -> None:
        self._accounts = rooms.office.accounts
        self._clock = rooms.clock
        self._pages = rooms.pages
        self._trying: set[str] = set()

    def routes(self) -> list[Row]:
        return [
            (get, "/accounts", self.page),
            (get, ONE, self.one),
            (get, f"{ONE}/pause", self.ask_to_pause),
            (post, f"{ONE}/pause", closing(self._pages, self.pause)),
            (post, f"{ONE}/resume", closing(self._pages, self.resume)),
            (get, f"{ONE}/sign-in", self.ask_to_sign_in),
            (post, f"{ONE}/sign-in", closing(self._pages, self.sign_in)),
        ]

    async def page(self, request: Ask) -> Answer:
        """GET /accounts, by id."""
        after = asked.query(request, {"after": _id})["after"] or ""
        found = await self._accounts.page(after, AT_ONCE + 1)
        more = len(found) > AT_ONCE
        listed = await self._with_own(found[:AT_ONCE], after, more)
        now = self._clock.now()
        return self._pages.page(
            request,
            "accounts",
            accounts=[standing(shown, now) for shown in listed],
            after=after,
            next=listed[-1].id if more else None,
            most=MOST_WAITING,
        )

    async def one(self, request: Ask) -> Answer:
        """GET /accounts/{id}."""
        return self._pages.page(
            request, "account", a=await self._standing(request), most=MOST_WAITING
        )

    async def ask_to_pause(self, request: Ask) -> Answer:
        """GET /accounts/{id}/pause: for how long, and why."""
        return self._pages.part(
            request,
            "account_pause",
            a=await self._standing(request),
            pauses=PAUSES,
            most_characters=REASON_CHARACTERS,
        )

    async def pause(self, request: Ask) -> Answer:
        """POST /accounts/{id}/pause."""
        fields, id = await asked.form(request), id_of(request)
        minutes, reason = _minutes(fields), _reason(fields)
        until = self._clock.now() + int(minutes) * MINUTE_MS if minutes else None
        await self._accounts.pause(id, until, reason)
        how_long = f"for {_WORDS[minutes]}" if minutes else "until somebody resumes it"
        return done(self._pages, request, f"{id} is paused {how_long}.")

    async def resume(self, request: Ask) -> Answer:
        """POST /accounts/{id}/resume."""
        await asked.form(request)
        shown = await self._accounts.resume(id_of(request))
        words = f"{shown.id} sends again. What waits goes in its order, spread out."
        return done(self._pages, request, words)

    async def ask_to_sign_in(self, request: Ask) -> Answer:
        """GET /accounts/{id}/sign-in: the dialog in which it is tried at once."""
        return self._pages.part(request, "account_sign_in", a=await self._standing(request))

    async def sign_in(self, request: Ask) -> Answer:
        """POST /accounts/{id}/sign-in: whether it works, and what to do if not."""
        await asked.form(request)
        id = id_of(request)
        if id in self._trying:
            detail = f"A sign-in of {id} is under way already."
            raise Problem(409, "under_way", detail, "Wait until it has ended, and try again.")
        self._trying.add(id)
        try:
            shown, failure = await self._accounts.sign_in(id)
        finally:
            self._trying.discard(id)
        return self._pages.part(
            request,
            "account_signed_in",
            a=standing(shown, self._clock.now()),
            failure=failure,
            fault=None if failure is None else judge(failure),
            works=advice.WORKS,
            works_again=advice.WORKS_AGAIN,
            next=None if failure is None else advice.sign_in(failure),
        )

    async def _standing(self, request: Ask) -> Standing:
        return standing(await self._accounts.read(id_of(request)), self._clock.now())

    async def _with_own(self, found: list[Shown], after: str, more: bool) -> list[Shown]:
        """The installation's own is always there, in its place, though nothing was set of it."""
        here = after < DEFAULT_ACCOUNT and not (more and found[-1].id < DEFAULT_ACCOUNT)
        if not here or any(shown.id == DEFAULT_ACCOUNT for shown in found):
            return found
        own = await self._accounts.read(DEFAULT_ACCOUNT)
        return sorted([*found, own], key=lambda shown: shown.id)


def id_of(request: Ask) -> str:
    """The account's id in the path. Raises `Problem`."""
    return checked_id(request, "An account", RESERVED_IDS)


def _id(value: str) -> str:
    """Where an earlier page ended; it may end in a space."""
    if len(value) <= asked.MOST_CHARACTERS:
        return value
    raise ValueError("must be the id of an account")


def _minutes(fields: Fields) -> str:
    found = fields.get("minutes", "")
    if found in _WORDS:
        return found
    next = "Choose one of those that the dialog offers."
    raise Problem(422, "bad_field", "There is no pause of that length.", next, "minutes")


def _reason(fields: Fields) -> str | None:
    found = fields.words("reason")
    if found is None or (found.isprintable() and len(found) <= REASON_CHARACTERS):
        return found
    detail = f"A reason has {REASON_CHARACTERS} printable characters at most."
    raise Problem(422, "bad_field", detail, "Shorten it, and pause again.", "reason")
