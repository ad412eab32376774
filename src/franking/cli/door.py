"""What a command needs of franking: the REST calls, whichever way they are carried.

Commands speak REST also to a database file that they open themselves: the same calls are then
carried to the same code in this process. So both ways give the same answers, and an
Idempotency-Key that came one way is known the other way.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, NoReturn, Protocol
from urllib.parse import quote, urlencode

import msgspec

from franking.cli.exits import Code, Ended
from franking.stores.base import Filter

Document = dict[str, Any]

STORE_UNAVAILABLE = 503


class Response(msgspec.Struct, frozen=True):
    """What came back."""

    status: int
    body: bytes


class Carrier(Protocol):
    """Carries one request to franking and its answer back; raises `Ended` where it can't."""

    async def __call__(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> Response: ...


class Refusal(msgspec.Struct, frozen=True):
    """One of several documents was not taken; the text says why."""

    text: str


class Declined(Ended):
    """franking said no: `status` as in HTTP, the words its own."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(
            Code.DATABASE_REFUSED if status == STORE_UNAVAILABLE else Code.FAILED, words
        )
        self.status = status


class Door:
    """The calls on mails; documents are as REST shows them. Each raises `Declined`, `Ended`.

    `place` names the store behind it, the same by whichever way it is reached; `sends` tells
    whether a worker is there.
    """

    def __init__(self, carry: Carrier, place: str, *, sends: bool) -> None:
        self._carry = carry
        self.place = place
        self.sends = sends

    async def submit(self, document: Document, key: str) -> Document:
        """Hand in one new mail under an Idempotency-Key."""
        return await self._object("POST", "/v1/mail", document, key)

    async def submit_batch(
        self, documents: Sequence[Document], key: str
    ) -> list[Document | Refusal]:
        """Hand in up to 1,000 new mails; an answer for each, in order."""
        found = await self._call("POST", "/v1/mail/batch", list(documents), key)
        return [_entry(entry) for entry in found]

    async def put(self, id: str, document: Document) -> Document:
        """Write a mail under an id of the caller's; a repeat sends nothing."""
        return await self._object("PUT", _path(id), document)

    async def read(self, id: str) -> Document:
        """One mail."""
        return await self._object("GET", _path(id))

    async def page(self, filter: Filter, limit: int) -> list[Document]:
        """The newest mails that match."""
        values = {**msgspec.structs.asdict(filter), "limit": limit}
        query = urlencode({name: value for name, value in values.items() if value is not None})
        found = await self._object("GET", f"/v1/mail?{query}")
        items: list[Document] = found["items"]
        return items

    async def timeline(self, id: str) -> list[Document]:
        """Every attempt at a mail, oldest first."""
        found = await self._object("GET", f"{_path(id)}/timeline")
        attempts: list[Document] = found["attempts"]
        return attempts

    async def retry(self, id: str, force: bool, key: str) -> Document:
        """Ask for another try."""
        return await self._object("POST", f"{_path(id)}/retry", {"force": force}, key)

    async def retry_many(
        self, filter: Filter, force: bool, after: str | None, key: str
    ) -> Document:
        """Ask for another try of a number of mails that match; `next` says where to go on."""
        values = {**msgspec.structs.asdict(filter), "after": after, "force": force or None}
        wanted = {name: value for name, value in values.items() if value is not None}
        return await self._object("POST", "/v1/mail/retry", wanted, key)

    async def account(self, id: str) -> Document:
        """One account, without its secrets."""
        return await self._object("GET", _account(id))

    async def accounts(self) -> AsyncIterator[Document]:
        """Every account, by id."""
        after: str | None = ""
        while after is not None:
            query = urlencode({"after": after} if after else {})
            found = await self._object("GET", f"/v1/accounts?{query}")
            for account in found["items"]:
                yield account
            after = found["next"]

    async def set_account(self, id: str, document: Document) -> Document:
        """Set an account, as it is from now on."""
        return await self._object("PUT", _account(id), document)

    async def account_call(self, id: str, call: str, value: object = None) -> Document:
        """`pause`, `resume` or `test` an account."""
        return await self._object("POST", f"{_account(id)}/{call}", value)

    async def forget_account(self, id: str) -> None:
        """Forget an account and its secret."""
        await self._call("DELETE", _account(id), None, None)

    async def rekey(self) -> int:
        """Put every secret under the newest key; how many were put."""
        found = await self._object("POST", "/v1/accounts/rekey")
        return int(found["resealed"])

    async def create_key(
        self, name: str, scopes: Sequence[str], per_minute: int | None
    ) -> Document:
        """Make a key; the answer is the only one that has it."""
        wanted = {"name": name, "scopes": list(scopes), "perMinute": per_minute}
        return await self._object("POST", "/v1/keys", wanted)

    async def keys(self) -> list[Document]:
        """The keys, without their secrets."""
        found = await self._object("GET", "/v1/keys")
        items: list[Document] = found["items"]
        return items

    async def revoke_key(self, id: str) -> None:
        """Revoke a key; a repeat is no error."""
        await self._call("DELETE", f"/v1/keys/{segment(id)}", None, None)

    async def bounces(self, id: str) -> list[Document]:
        """What came back for a mail, oldest first."""
        found = await self._object("GET", f"{_path(id)}/timeline")
        bounces: list[Document] = found["bounces"]
        return bounces

    async def bounce(self, report: bytes) -> list[Document]:
        """Hand in a report of bounces; what it was matched with."""
        headers = {"content-type": "message/rfc822"}
        found = _read(await self._carry("POST", "/v1/bounces", headers, report))
        matched: list[Document] = found["matched"]
        return matched

    async def suppressions(self, q: str | None, after: str | None, limit: int) -> list[Document]:
        """Addresses that nothing is sent to, in their order."""
        values = {"q": q, "after": after, "limit": limit}
        query = urlencode({name: value for name, value in values.items() if value is not None})
        found = await self._object("GET", f"/v1/suppressions?{query}")
        items: list[Document] = found["items"]
        return items

    async def suppress(self, address: str, reason: str) -> Document:
        """Put an address on the list, or give it another reason."""
        return await self._object("PUT", _suppression(address), {"reason": reason})

    async def allow(self, address: str) -> None:
        """Take an address from the list."""
        await self._call("DELETE", _suppression(address), None, None)

    async def timers(self, wanted: Mapping[str, str | None], limit: int) -> list[Document]:
        """The newest timers that match, without their data."""
        values = {**wanted, "limit": limit}
        query = urlencode({name: value for name, value in values.items() if value is not None})
        found = await self._object("GET", f"/v1/timers?{query}")
        items: list[Document] = found["items"]
        return items

    async def timer(self, id: str) -> Document:
        """One timer, with its earlier lives."""
        return await self._object("GET", _timer(id))

    async def retry_timer(self, id: str, force: bool, mail: Document | None, key: str) -> Document:
        """Retry Timer; `mail` is merged into its document first."""
        wanted = {"force": force} if mail is None else {"force": force, "mail": mail}
        return await self._object("POST", f"{_timer(id)}/retry", wanted, key)

    async def ask(self, method: str, path: str, value: object = None) -> Document:
        """A call of another family, as `cli/outbox_door` has them."""
        return await self._object(method, path, value)

    async def _object(
        self, method: str, path: str, value: object = None, key: str | None = None
    ) -> Document:
        found: Document = await self._call(method, path, value, key)
        return found

    async def _call(self, method: str, path: str, value: object, key: str | None) -> Any:
        headers = {"content-type": "application/json"} if value is not None else {}
        if key is not None:
            headers["idempotency-key"] = key
        body = _encoded(value) if value is not None else b""
        return _read(await self._carry(method, path, headers, body))


def _encoded(value: object) -> bytes:
    """Always the same bytes for the same value: a repeat under a key must be no other body."""
    # What came from JSON may hold half of a surrogate pair, which has no UTF-8.
    return json.dumps(value, separators=(",", ":")).encode()


def _entry(entry: Document) -> Document | Refusal:
    return entry if entry["status"] < 300 else Refusal(entry["error"])


def _read(response: Response) -> Any:
    if response.status >= 300:
        _decline(response)
    return json.loads(response.body) if response.body else None


def _decline(response: Response) -> NoReturn:
    try:
        words = _words(json.loads(response.body))
    except (ValueError, KeyError, TypeError):
        words = f"The server answered {response.status}, which is no answer of franking's."
    raise Declined(response.status, words)


def _words(problem: Document) -> str:
    """What is wrong, and what to do; timers are refused in Skyring's way, without a next step."""
    wrong = problem["error_message"] if "error_message" in problem else problem["detail"]
    return f"{str(wrong).rstrip('.')}. {problem.get('next', '')}".strip()


def segment(id: str) -> str:
    """An id as a part of a path. Raises `Ended`: without one, the path would be another call's."""
    if not id:
        raise Ended(Code.USAGE, "An id has 1 character at least.")
    return quote(id, safe="")


def _account(id: str) -> str:
    return f"/v1/accounts/{segment(id)}"


def _path(id: str) -> str:
    return f"/v1/mail/{segment(id)}"


def _timer(id: str) -> str:
    return f"/timer/{segment(id)}"


def _suppression(address: str) -> str:
    return f"/v1/suppressions/{segment(address)}"
