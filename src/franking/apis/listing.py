"""GET /v1/mail: which mails, and how many at once.

Policy: the newest first; `next` is where to go on and is to be handed back as `after`. A page
ends early when its documents become too many bytes, so that no list fills the memory. A query
parameter that is wrong, unknown or given twice is refused by name, never passed over: a filter
with a slip of the pen would else list everything.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any
from urllib.parse import parse_qsl

from msgspec.structs import replace

from franking.apis import wire
from franking.apis.answers import Answer
from franking.apis.calls import Ask
from franking.apis.problems import Problem
from franking.core.delivery import State
from franking.core.rules import SENTENCES
from franking.office import Office
from franking.stores.base import Filter

DEFAULT_LIMIT = 50
MAX_LIMIT = 500
PAGE_BYTES = 16 * 1024 * 1024
# Documents may be large, so a page is read by and by, each time twice as many.
FIRST_READ = 20
VALUE_CHARACTERS = 255
LAST_SEQ = 2**63 - 1


class Listing:
    """The handler of `GET /v1/mail`."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def page(self, request: Ask) -> Answer:
        """GET /v1/mail."""
        wanted = query(request.scope["query_string"], PARAMETERS)
        limit = wanted.pop("limit", DEFAULT_LIMIT)
        items, next = await self._read(Filter(**wanted), limit)
        return Answer(200, wire.page(items, None if next is None else str(next)))

    async def _read(self, filter: Filter, limit: int) -> tuple[list[bytes], int | None]:
        """The page's mails, and the last one's seq where there are more."""
        items: list[bytes] = []
        size, at_once = 0, FIRST_READ
        while True:
            wanted = min(at_once, limit - len(items))
            found = await self._office.page(filter, wanted + 1)
            taken = 0
            while taken < min(wanted, len(found)) and size < PAGE_BYTES:
                items.append(wire.mail(found[taken]))
                size += len(items[-1])
                taken += 1
            if taken == len(found):
                return items, None
            last = found[taken - 1].mail.seq
            if len(items) == limit or size >= PAGE_BYTES:
                return items, last
            filter = replace(filter, after=last)
            at_once *= 2


def query(raw: bytes, known: Mapping[str, Callable[[str], Any]]) -> dict[str, Any]:
    """What a query names of what is known. Raises `Problem` naming the parameter."""
    found: dict[str, Any] = {}
    for name, value in _pairs(raw, known):
        read = known.get(name)
        if read is None:
            raise _wrong(name, f"There is no query parameter '{name[:50]}'.", known)
        if name in found:
            raise _wrong(name, f"Query parameter '{name}' is given twice.", known)
        try:
            found[name] = read(value)
        except ValueError as error:
            raise _wrong(name, f"Query parameter '{name}' {error}.", known) from None
    return found


def _pairs(raw: bytes, known: Collection[str]) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=20
        )
    except ValueError:
        detail = "The query is not URL-encoded UTF-8, or has too many parameters."
        raise _wrong("", detail, known) from None


def _state(value: str) -> str:
    if value in list(State):
        return value
    raise ValueError(f"must be one of {', '.join(State)}")


def _category(value: str) -> str:
    if value in SENTENCES:
        return value
    raise ValueError(f"must be one of {', '.join(sorted(SENTENCES))}")


def _words(value: str) -> str:
    if 0 < len(value) <= VALUE_CHARACTERS and value.isprintable() and value.strip():
        return value.strip()
    raise ValueError(f"must have 1 to {VALUE_CHARACTERS} printable characters")


def _cursor(value: str) -> int:
    if value.isascii() and value.isdigit() and len(value) < 20 and int(value) <= LAST_SEQ:
        return int(value)
    raise ValueError("must be the 'next' of an earlier page")


def _limit(value: str) -> int:
    if value.isascii() and value.isdigit() and len(value) < 4 and 1 <= int(value) <= MAX_LIMIT:
        return int(value)
    raise ValueError(f"must be a whole number from 1 to {MAX_LIMIT}")


def _wrong(name: str, detail: str, known: Collection[str]) -> Problem:
    next = f"The parameters are {', '.join(known)}."
    return Problem(400, "bad_query", detail, next, name or None)


PARAMETERS: dict[str, Callable[[str], Any]] = {
    "state": _state,
    "category": _category,
    "account": _words,
    "touchpoint": _words,
    "q": _words,
    "after": _cursor,
    "limit": _limit,
}
