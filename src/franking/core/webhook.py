"""Webhooks: what one is, as a person sets it, and what follows from telling its receiver.

Policy, as Standard Webhooks recommends. A receiver has an event once it answers 2xx. Whatever else
happens, the event is told again under the same id, after 5 seconds, twice that, and so on up to six
hours, spread by half, no sooner than `Retry-After` asks; those of the same mail wait behind it.
After MOST_TRIES tries, or LONGEST_MS and FEWEST_TRIES tries, it is parked until a person sends it
again, and later ones pass it. Where the events of FAILED_MAILS mails fail and none succeeds
between, the trouble is the receiver's: it is left in peace, then asked with one event, ever less
often; that fails for GIVE_UP_MS and it is disabled, as by a 410 (Gone) at once. A disabled webhook
hears nothing of what happens, and what waited for it still does.
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from franking.core import sender_fields as fields
from franking.core.lifecycle import TYPE, Told

MOST_WEBHOOKS = 50
FIRST_WAIT_MS = 5_000
LONGEST_WAIT_MS = 6 * 3_600_000
LONGEST_ASKED_MS = 3_600_000
SPREAD = 0.5
MOST_TRIES = 20
FEWEST_TRIES = 5
LONGEST_MS = 3 * 24 * 3_600_000
FAILED_MAILS = 5
PAUSE_MS = 30_000
LONGEST_PAUSE_MS = 3_600_000
GIVE_UP_MS = LONGEST_MS
# For so long the secret before signs beside a new one.
OLD_SECRET_MS = 24 * 3_600_000
URL_CHARACTERS = 2_048
SECRET_PREFIX = "whsec_"  # noqa: S105 it is how one begins
SECRET_BYTES = (24, 64)

FIELDS = ("url", "types", "include", "enabled", "secret")
# What one is shown with and can't be set, so that what was read can be written back.
SHOWN = (
    *("id", "state", "reason", "since", "pausedUntil", "createTime", "toldTime"),
    *("waiting", "parked"),
)
Include = Literal["doc", "delivery"]


class Webhook(msgspec.Struct, frozen=True):
    """A receiver of events; `state` is ok, paused or disabled. `secret` is sealed.

    `since` is when its present trouble began, `pauses` how often it was left in peace since then.
    """

    id: str
    url: str
    types: tuple[Told, ...]
    include: Include
    secret: bytes
    state: str
    created_at: int
    version: int = 1
    paused_until: int | None = None
    pauses: int = 0
    reason: str | None = None
    since: int | None = None
    told_at: int | None = None


class Given(msgspec.Struct, frozen=True):
    """A document taken apart. `secret` is one to use, `made` asks for a new one, else it stays."""

    url: str
    types: tuple[Told, ...]
    include: Include
    enabled: bool
    secret: str | None = None
    made: bool = False


class Secrets(msgspec.Struct, frozen=True):
    """What signs: `current`, and until a time the one before. Its text shows neither."""

    current: str
    old: str | None = None
    old_until: int = 0

    def __repr__(self) -> str:
        return "Secrets(…)"

    def signing(self, now: int) -> tuple[str, ...]:
        """Those that sign now, the newest first."""
        if self.old is None or now >= self.old_until:
            return (self.current,)
        return self.current, self.old

    def followed_by(self, secret: str, now: int) -> Secrets:
        """A new one, beside which this one signs for a day."""
        if secret == self.current:
            return self
        return Secrets(secret, self.current, now + OLD_SECRET_MS)


class Posted(msgspec.Struct, frozen=True):
    """What one call came to: `error` is None where the receiver has the event.

    `after_ms` is what it asks for; `gone`: it wants no more; `down`: no event could go through.
    """

    error: str | None = None
    after_ms: int | None = None
    gone: bool = False
    down: bool = False


class HookReport(msgspec.Struct, frozen=True):
    """What is written of one event after a call: `told`, `waiting` or `parked`."""

    seq: int
    mail: str
    state: Literal["told", "waiting", "parked"]
    at: int
    next_at: int
    error: str | None = None


def read(document: Mapping[str, Any]) -> Given:
    """Raises ValueError, which names the field and never tells a secret."""
    fields.only(document, "", (*FIELDS, *SHOWN))
    secret = document.get("secret")
    if secret is not None:
        check_secret(secret)
    return Given(
        url=_url(document.get("url")),
        types=_types(document.get("types")),
        include="delivery"
        if fields.choice(document, "include", ("doc", "delivery")) == "delivery"
        else "doc",
        enabled=fields.truth(document, "enabled") is not False,
        secret=secret,
        made="secret" in document and secret is None,
    )


def written(key: bytes) -> str:
    """A secret's bytes as text."""
    return SECRET_PREFIX + base64.b64encode(key).decode()


def check_secret(secret: object) -> None:
    """Raises ValueError for one that Standard Webhooks would not take."""
    least, most = SECRET_BYTES
    words = f"Field 'secret' must be {SECRET_PREFIX} and {least} to {most} bytes in base64"
    if not isinstance(secret, str) or not secret.startswith(SECRET_PREFIX):
        raise ValueError(words)
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except ValueError:
        key = b""
    if not least <= len(key) <= most:
        raise ValueError(words)


def report(
    seq: int, mail: str, tries: int, occurred_at: int, posted: Posted, now: int, jitter: float
) -> HookReport:
    """What follows for the event; `tries` are those before this one."""
    if posted.error is None:
        return HookReport(seq, mail, "told", now, now)
    old = now - occurred_at >= LONGEST_MS and tries + 1 >= FEWEST_TRIES
    if tries + 1 >= MOST_TRIES or old:
        return HookReport(seq, mail, "parked", now, now, posted.error)
    step = min(FIRST_WAIT_MS * 2 ** min(tries, 20), LONGEST_WAIT_MS)
    wait_ms = max(_spread(step, jitter), asked_ms(posted))
    return HookReport(seq, mail, "waiting", now, now + wait_ms, posted.error)


def asked_ms(posted: Posted) -> int:
    """For how long the receiver asks to be left in peace."""
    return min(posted.after_ms or 0, LONGEST_ASKED_MS)


def pause(pauses: int, jitter: float) -> int:
    """For how long it is left in peace after so many pauses in a row, in milliseconds."""
    return _spread(min(PAUSE_MS * 2 ** min(pauses, 20), LONGEST_PAUSE_MS), jitter)


def _spread(step: int, jitter: float) -> int:
    return int(step * (1 - SPREAD + SPREAD * jitter))


def _url(value: object) -> str:
    words = f"Field 'url' must be an http or https URL of {URL_CHARACTERS} characters at most"
    if not isinstance(value, str) or not 0 < len(value) <= URL_CHARACTERS:
        raise ValueError(words)
    # Anything else in a URL is percent-encoded (RFC 3986, section 2).
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError(words)
    try:
        parts = urlsplit(value)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(words)
    if "@" in parts.netloc:
        raise ValueError("Field 'url' must have no user: it is shown; calls are signed instead")
    return value


def _types(value: object) -> tuple[Told, ...]:
    if value is None:
        return tuple(Told)
    words = f"Field 'types' must be a list with one or more of {', '.join(Told)}"
    if not isinstance(value, list) or not value or not all(isinstance(one, str) for one in value):
        raise ValueError(words)
    names = {one.removeprefix(TYPE) for one in value}
    if not names <= set(Told):
        raise ValueError(words)
    return tuple(kind for kind in Told if kind in names)
