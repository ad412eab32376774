"""The one door: every API and command submits, edits, retries and looks up mails through it.

Nothing else writes what outsiders ask for. A call that returns has been committed. Expected
refusals are exceptions with words for the caller: `Invalid` (the document), `Conflict` (the
mail's state), `Changed` (If-Match), `NotFound`, `StoreUnavailable`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from franking.clock import Clock
from franking.core.attempt import Attempt
from franking.core.delivery import WAITING
from franking.core.expiry import NEVER, Expiry
from franking.core.message import trouble
from franking.core.prediction import Expectation
from franking.office import drafts
from franking.office.accounts import Accounts
from franking.office.agreement import Agreement
from franking.office.bounces import Bounces
from franking.office.drafts import Document, Draft
from franking.office.keys import Keys
from franking.office.looking import Looking, current
from franking.office.outbox import OutboxDoor
from franking.office.refusals import Changed, Conflict, Invalid, NoAccount
from franking.office.rendering import Rendering
from franking.office.retries import Retries, Tally
from franking.office.sessions import Sessions
from franking.office.templates import Templates
from franking.office.timers import Timers
from franking.office.users import Users
from franking.office.watching import Watching
from franking.office.webhooks import Hooks, WebhookDoor
from franking.stores.base import (
    Change,
    Filter,
    Mail,
    NewMail,
    NotFound,
    Once,
    Replay,
    Store,
    Stored,
    StoredEvent,
)
from franking.transports.base import Outfitter

__all__ = ["Changed", "Conflict", "Document", "Invalid", "NoAccount", "Office", "Written", "etag"]

CHANGED = "The mail has changed since you read it. Read it again, then write."


class Written(Stored, frozen=True):
    """A mail as `put` left it; `created` where there was none before."""

    created: bool = False


class Office:
    """The door to a store. `wake` is called when there may be something new to send, `due` with
    the time when a timer is. `expiry` is how long the documents of new mails live.

    `accounts` is the door to senders' mailboxes; to set or try them it needs an outfitter.
    `templates` is the one to templates; to try them out it needs `rendering`. `webhooks` is the
    one to webhooks; to set or try them it needs `hooks`.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        wake: Callable[[], None],
        outfit: Outfitter | None = None,
        due: Callable[[int], None] = lambda at: None,
        expiry: Expiry = NEVER,
        rendering: Rendering | None = None,
        hooks: Hooks | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._wake = wake
        self._expiry = expiry
        self._retries = Retries(store, clock, wake)
        self.accounts = Accounts(store, clock, wake, outfit)
        self.keys = Keys(store, clock)
        self.sessions = Sessions(store, clock, self.keys)
        self.bounces = Bounces(store, clock, wake)
        self.timers = Timers(store, clock, due)
        self.outbox = OutboxDoor(store, clock, wake)
        self.templates = Templates(store, clock, rendering)
        self.users = Users(store, clock)
        self.webhooks = WebhookDoor(store, clock, hooks)
        self.agreement = Agreement(store, clock, wake)
        self.look = Looking(store, clock)
        self.watching = Watching(store, clock)

    async def submit(
        self, documents: Sequence[Document], *, lenient: bool = False, once: Once | None = None
    ) -> list[Stored | Invalid] | Replay:
        """Take new mails; an answer for each, in order.

        An invalid document is answered with `Invalid` and not stored; if `lenient`, it is
        stored with its trouble told in `delivery`, as `put` does. `once.answer` gets the list.
        """
        results = [self._new(document, lenient) for document in documents]
        fresh = [result for result in results if isinstance(result, NewMail)]
        answer = once and _answering(once, lambda mails: _answers(results, mails))
        mails = await self._store.submit(fresh, answer)
        if isinstance(mails, Replay):
            return mails
        self._wake()
        return _answers(results, mails)

    async def put(
        self, id: str, document: Document, *, match: str | None = None, once: Once | None = None
    ) -> Written | Replay:
        """Write the document as into the collection: always stored, trouble told in `delivery`."""
        created = False

        def decide(stored: Stored | None) -> Change:
            nonlocal created
            _matched(match, stored)
            created = stored is None
            if stored is None:
                return Change(insert=drafts.written(self._draft(id), document))
            return drafts.replaced(self._draft(id), stored, document)

        def written(result: Any) -> Any:
            if isinstance(result, Stored):
                return Written(result.mail, result.document, created=created)
            return result

        result = await self._one(id, decide, once and _answering(once, written))
        return written(result)  # type: ignore[no-any-return]

    async def patch(
        self, id: str, patch: Document, *, match: str | None = None, once: Once | None = None
    ) -> Stored | Replay:
        """Merge fields into the document (RFC 7396); `delivery.state` RETRY or PENDING sends."""
        asked = drafts.asked(patch)

        def decide(stored: Stored | None) -> Change:
            _matched(match, stored)
            return drafts.patched(self._draft(id), _known(id, stored), patch, asked)

        return await self._one(id, decide, once)

    async def retry(
        self, id: str, *, force: bool = False, once: Once | None = None
    ) -> Stored | Replay:
        """A person asks for another try. SUCCESS and an unknown outcome need `force`."""

        def decide(stored: Stored | None) -> Change:
            return drafts.retried(self._draft(id), _known(id, stored), force)

        return await self._one(id, decide, once)

    async def retry_many(
        self, filter: Filter, *, force: bool = False, once: Once | None = None
    ) -> Tally | Replay:
        """Another try for the oldest mails that match, a bounded number of them."""
        return await self._retries.retry(filter, force=force, once=once)

    async def delete(
        self, id: str, *, match: str | None = None, touchpoint: str | None = None
    ) -> None:
        """Remove a mail, its attempts and its remainders; refused while it is being sent.

        One that has a touchpoint is removed only through it: by who names it.
        """

        def decide(stored: Stored | None) -> Change:
            _matched(match, stored)
            return drafts.deleted(self._draft(id), _known(id, stored), touchpoint)

        [result] = await self._change(id, decide, None)
        if isinstance(result, Exception):
            raise result

    async def read(self, id: str) -> Stored:
        """One mail with its document. Raises `NotFound`."""
        return self._current(_known(id, await self._store.read(id)))

    async def page(self, filter: Filter, limit: int) -> list[Stored]:
        """The newest mails that match."""
        return [self._current(stored) for stored in await self._store.page(filter, limit)]

    async def expected(self, mail: Mail) -> Expectation | None:
        """When a waiting mail will be sent and what holds it, as far as its account tells."""
        return await self.look.expected(mail)

    async def timeline(self, id: str) -> list[Attempt]:
        """Every attempt at a mail, oldest first. Raises `NotFound`."""
        await self.read(id)
        return await self._store.timeline(id)

    async def events(self, after: int, limit: int) -> list[StoredEvent]:
        """Events after the one numbered `after`, oldest first."""
        return await self._store.events(after, limit)

    async def last_event(self) -> int:
        """The number of the newest event."""
        return await self._store.last_event()

    def _new(self, document: Document, lenient: bool) -> NewMail | Invalid:
        text = trouble(document)
        if text is not None and not (lenient and isinstance(document, dict)):
            return Invalid(text)
        return drafts.submitted(self._draft(self._clock.new_id()), document, text)

    def _draft(self, id: str) -> Draft:
        return Draft(id, self._clock.now(), self._clock.new_id, self._expiry)

    async def _one(
        self, id: str, decide: Callable[[Stored | None], Change], once: Once | None
    ) -> Stored | Replay:
        answer = once and _answering(once, lambda results: self._shown(results[0]))
        results = await self._change(id, decide, answer)
        if isinstance(results, Replay):
            return results
        if isinstance(results[0], Exception):
            raise results[0]
        return self._current(_known(id, results[0]))

    def _shown(self, result: Any) -> Any:
        return self._current(result) if isinstance(result, Stored) else result

    def _current(self, stored: Stored) -> Stored:
        mail = current(stored.mail, self._clock.now())
        return stored if mail is stored.mail else replace(stored, mail=mail)

    async def _change(
        self, id: str, decide: Callable[[Stored | None], Change], once: Once | None
    ) -> Any:
        results = await self._store.change([id], decide, once)
        self._wake()
        return results


def etag(mail: Mail) -> str:
    """The entity tag of a mail as it is now (RFC 9110, section 8.8.3).

    Behind a hyphen stands what its account holds it for, which is shown too; for a write only
    what is before it counts.
    """
    waits = mail.delivery.state in WAITING and mail.hold is not None
    held_by = f"-{mail.hold.state}.{mail.hold.paused_until or 0}" if waits and mail.hold else ""
    return f'"{mail.seq}.{mail.version}{held_by}"'


def _own(tag: str) -> str:
    """A tag without its account's part. Raises nothing: any other text is just no tag of ours."""
    bare, hyphen, _ = tag.partition("-")
    return f'{bare}"' if hyphen else tag


def _matched(match: str | None, stored: Stored | None) -> None:
    if match is None:
        return
    tags = [tag.strip() for tag in match.split(",")]
    if stored is None:
        raise Changed(CHANGED)
    own = f'"{stored.mail.seq}.{stored.mail.version}"'
    if "*" not in tags and own not in map(_own, tags):
        raise Changed(CHANGED)


def _known(id: str, stored: Stored | None) -> Stored:
    if stored is None:
        raise NotFound(f"There is no mail with id {id}.")
    return stored


def _answering(once: Once, shape: Callable[[Any], Any]) -> Once:
    kept = once.answer
    return replace(once, answer=lambda result: kept(shape(result)))


def _answers(results: Sequence[NewMail | Invalid], mails: Sequence[Mail]) -> list[Stored | Invalid]:
    found = iter(mails)
    return [
        Stored(next(found), result.document) if isinstance(result, NewMail) else result
        for result in results
    ]
