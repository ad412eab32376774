"""`franking account set|list|show|test|pause|resume|delete|rekey`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from rich.table import Table
from rich.text import Text

from franking.cli import screen
from franking.cli.account_secrets import Asked, given
from franking.cli.door import Declined, Document, Door
from franking.cli.exits import Code, Ended

NOT_FOUND = 404
COLOURS = {"ok": "green", "paused": "yellow", "disconnected": "red"}
SEEN = "A password in --uri would be seen in the process list: leave it out, and it is asked for."


class Wanted(msgspec.Struct, frozen=True):
    """What `account set` was told; None is "as it is", and a limit of 0 is none."""

    address: str | None
    preset: str | None
    through: dict[str, Any]
    tokens: dict[str, Any]
    limits: dict[str, int | None]


async def set_account(door: Door, id: str, wanted: Wanted, asked: Asked) -> None:
    """Lay what was told over the account as it is, and print it."""
    if re.match(r"[^/]*//[^@]*:[^@]*@", wanted.through.get("uri") or ""):
        raise Ended(Code.USAGE, SEEN)
    try:
        before = await door.account(id)
    except Declined as declined:
        if declined.status != NOT_FOUND:
            raise
        before = {}
    document = given(asked, _changed(before, wanted))
    _print(await door.set_account(id, document))


async def list_accounts(door: Door, as_json: bool) -> None:
    """Print every account."""
    found = [account async for account in door.accounts()]
    if as_json:
        for account in found:
            print(json.dumps(account))
    elif found:
        screen.console().print(_table(found))
    else:
        print("No account: mails go through the installation's own server.")


async def show(door: Door, id: str, as_json: bool) -> None:
    """Print one account."""
    account = await door.account(id)
    if as_json:
        print(json.dumps(account))
    else:
        _print(account)


async def test(door: Door, id: str, as_json: bool) -> None:
    """Print whether it signs in, and what to do. Raises `Ended` where it does not."""
    told = await door.account_call(id, "test")
    if as_json:
        print(json.dumps(told))
    elif told["ok"]:
        print(told["next"])
    else:
        pairs = (
            ("For a person", told["message"]),
            ("Category", told["category"]),
            ("Where", told["step"]),
            ("Error", told["error"]),
            ("Code", told["errorCode"]),
            ("Said", told["text"]),
            ("What to do", told["next"]),
        )
        screen.console().print(screen.facts(pairs))
    if not told["ok"]:
        raise Ended(Code.FAILED)


async def pause(door: Door, id: str, told: Mapping[str, Any]) -> None:
    """Pause it, and print it."""
    named = {name: value for name, value in told.items() if value is not None}
    _print(await door.account_call(id, "pause", named))


async def resume(door: Door, id: str) -> None:
    """Resume it, and print it."""
    _print(await door.account_call(id, "resume"))


async def delete(door: Door, id: str) -> None:
    """Forget it, and say so."""
    await door.forget_account(id)
    print(f"{screen.one_line(id)} is forgotten.")


async def rekey(door: Door) -> None:
    """Put every secret under the newest key, and say how many were."""
    print(f"{await door.rekey()} secrets are under the first key now.")


def _changed(before: Document, wanted: Wanted) -> Document:
    """The account with what was told; another preset begins anew."""
    anew = wanted.preset is not None and wanted.preset != before.get("preset")
    base = {"address": before.get("address")} if anew else dict(before)
    limits = dict(base.get("limits") or {})
    limits |= {name: value or None for name, value in wanted.limits.items() if value is not None}
    changed = {**base, "limits": limits, "transport": _through(base.get("transport"), wanted)}
    for name in ("address", "preset"):
        if getattr(wanted, name) is not None:
            changed[name] = getattr(wanted, name)
    return {name: value for name, value in changed.items() if value not in (None, False)}


def _through(before: Document | None, wanted: Wanted) -> Document | None:
    told = {name: value for name, value in wanted.through.items() if value is not None}
    tokens = {name: value for name, value in wanted.tokens.items() if value is not None}
    found = dict(before or {})
    if "uri" in told:
        found = {name: found[name] for name in ("oauth",) if name in found}
    elif "host" in told or "port" in told or "secure" in told:
        found.pop("uri", None)
    found |= told
    if tokens:
        found["oauth"] = {**(found.get("oauth") or {}), **tokens}
    return found or None


def _print(account: Document) -> None:
    screen.console().print(screen.facts(_summary(account)))


def _summary(account: Document) -> Iterator[tuple[str, object]]:
    transport = account["transport"] or {}
    yield "Id", account["id"]
    yield "State", _state(account)
    yield "Until", account["pausedUntil"]
    yield "Reason", account["reason"]
    yield "Since", account["since"]
    yield "Address", account["address"]
    yield "Preset", account["preset"]
    yield "Through", _server(transport) or "the installation's own server"
    yield "User", transport.get("user")
    yield "Signs in by", "OAuth2" if transport.get("oauth") else _password(account)
    yield from account["limits"].items()
    yield "Waiting", account["waiting"]
    yield "Sent today", account["sentToday"]


def _table(accounts: Sequence[Document]) -> Table:
    table = Table("Id", "State", "Until", "Address", "Through", "Waiting", "Sent today", box=None)
    table.columns[0].no_wrap = table.columns[1].no_wrap = True
    for account in accounts:
        table.add_row(
            screen.cell(account["id"]),
            _state(account),
            screen.cell(account["pausedUntil"] or ""),
            screen.cell(account["address"] or ""),
            screen.cell(account["preset"] or _server(account["transport"] or {})),
            screen.cell(account["waiting"]),
            screen.cell("" if account["sentToday"] is None else account["sentToday"]),
        )
    return table


def _state(account: Document) -> Text:
    name = screen.one_line(account["state"])
    return Text(name, style=COLOURS.get(name, ""))


def _server(transport: Document) -> str:
    if "uri" in transport:
        return str(transport["uri"])
    return f"{transport['host']}:{transport['port']}" if "host" in transport else ""


def _password(account: Document) -> str | None:
    return "password" if account["password"] else None
