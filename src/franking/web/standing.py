"""How an account stands, as people read it: where it sends through, its state, its limits."""

from __future__ import annotations

import re

import msgspec

from franking.apis.wire_accounts import state
from franking.core.account import Limits
from franking.core.message.options import DEFAULT_ACCOUNT
from franking.core.prediction import FOREVER
from franking.core.sender import Sender, Server, Shown

OWN = "the installation's own server"
# How providers write their names; others as their presets are called.
_PROVIDERS = {
    "gmail": "Gmail",
    "google_workspace": "Google Workspace",
    "microsoft365": "Microsoft 365",
}
_LIMITS = (
    ("per_minute", "{:,} mails a minute"),
    ("per_day", "{:,} mails a day"),
    ("recipients_per_day", "{:,} recipients a day"),
    ("connections", "{:,} connections at once"),
)


class Standing(msgspec.Struct, frozen=True):
    """An account to be shown. `until` is the end of its pause, None where it has none; `through`
    is a server's place, `login` how it signs in, with nothing of what it signs in with."""

    shown: Shown
    state: str
    until: int | None
    reason: str | None
    since: int | None
    address: str | None
    provider: str | None
    through: str
    user: str | None
    login: str | None
    limits: tuple[str, ...]
    per_day: int | None
    counted: bool
    own: bool

    @property
    def id(self) -> str:
        return self.shown.id


def standing(shown: Shown, now: int) -> Standing:
    """The account as it stands now."""
    found = state(shown, now)
    sender, limits = shown.settings or Sender(), shown.limits or Limits()
    until = shown.paused_until if found == "paused" else None
    return Standing(
        shown=shown,
        state=found,
        until=None if until is None or until >= FOREVER else until,
        reason=shown.reason if found != "ok" else None,
        since=shown.since if found != "ok" else None,
        address=sender.address,
        provider=None if sender.preset is None else _PROVIDERS.get(sender.preset, sender.preset),
        through=_through(sender.server),
        user=None if sender.server is None else sender.server.user,
        login=_login(sender.server, shown.secret),
        limits=_limits(limits),
        per_day=limits.per_day,
        counted=limits.recipients_per_day is not None,
        own=shown.id == DEFAULT_ACCOUNT,
    )


def _through(server: Server | None) -> str:
    if server is None:
        return OWN
    if server.uri is not None:
        # Options may stand behind the place; they are of no use here.
        scheme, _, rest = server.uri.partition("://")
        return f"{scheme}://{re.split('[/?#]', rest, maxsplit=1)[0]}"
    return f"{server.host}:{server.port}"


def _login(server: Server | None, secret: bool) -> str | None:
    if server is None:
        return None
    if server.oauth is not None:
        return "OAuth2" if secret else "OAuth2, without a token so far"
    return "a password" if secret else None


def _limits(limits: Limits) -> tuple[str, ...]:
    pairs = ((getattr(limits, name), words) for name, words in _LIMITS)
    return tuple(words.format(number) for number, words in pairs if number is not None)
