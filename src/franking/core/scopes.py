"""Which scope a call needs: one table of methods and paths.

Policy. The first row that covers a call decides. A call that no row covers is left to `admin`,
so a route that was forgotten here is closed, not open; a test fails until it has its row.
Liveness and readiness are open, for what asks them has no key; so is the description of the API,
which holds nothing that the source does not. `mail:write` may read what it writes: every write
answers with the mail.
"""

from __future__ import annotations

import re
from typing import Literal

from franking.core.key import Scope

Open = Literal["open"]

OPEN: Open = "open"
_READ, _WRITE, _ADMIN = Scope.MAIL_READ, Scope.MAIL_WRITE, Scope.ADMIN

# `{}` stands for one part of a path, `/**` for the path before it and all beneath; `*` for any
# method.
NEEDS: tuple[tuple[str, str, Scope | Open], ...] = (
    ("GET", "/healthz", OPEN),
    ("GET", "/readyz", OPEN),
    ("GET", "/openapi.json", OPEN),
    ("GET", "/ping", OPEN),
    # Figures and no mails: whoever watches need not be able to read any, nor may others watch.
    ("GET", "/metrics", Scope.METRICS),
    ("POST", "/v1/mail", _WRITE),
    ("POST", "/v1/mail/batch", _WRITE),
    ("POST", "/v1/mail/retry", _WRITE),
    ("GET", "/v1/mail", _READ),
    ("GET", "/v1/mail/{}", _READ),
    ("PUT", "/v1/mail/{}", _WRITE),
    ("PATCH", "/v1/mail/{}", _WRITE),
    ("DELETE", "/v1/mail/{}", _WRITE),
    ("GET", "/v1/mail/{}/timeline", _READ),
    ("POST", "/v1/mail/{}/retry", _WRITE),
    ("GET", "/v1/events", _READ),
    ("GET", "/v1/explain", _READ),
    ("GET", "/v1/errors/unknown", _READ),
    ("POST", "/v1/bounces", _WRITE),
    ("GET", "/v1/templates/**", _READ),
    # Whoever may render may have a template of their own run.
    ("*", "/v1/templates/**", _WRITE),
    ("GET", "/v1/users/**", _READ),
    ("*", "/v1/users/**", _WRITE),
    ("GET", "/v1/suppressions/**", _READ),
    ("*", "/v1/suppressions/**", _WRITE),
    ("*", "/v1/webhooks/**", _ADMIN),
    ("*", "/v1/accounts/**", _ADMIN),
    ("*", "/v1/keys/**", _ADMIN),
    ("GET", "/v1/timers", Scope.TIMERS),
    ("POST", "/timer", Scope.TIMERS),
    ("*", "/timer/**", Scope.TIMERS),
    ("*", "/services/apexrest/**", Scope.CADENCE),
    ("*", "/cadence/**", Scope.CADENCE),
    ("GET", "/v1/outbox", Scope.CADENCE),
    ("POST", "/v1/outbox/resend", Scope.CADENCE),
    ("GET", "/v1/cadence/check", Scope.CADENCE),
    ("POST", "/v1/cadence/check/repair", Scope.CADENCE),
    # The console: its assets hold nothing of anybody's.
    ("GET", "/assets/{}", OPEN),
    # Whoever asks there shows a key, or ends what they showed one for.
    ("GET", "/sign-in", OPEN),
    ("POST", "/sign-in", OPEN),
    ("POST", "/sign-out", OPEN),
    ("GET", "/", _READ),
    ("*", "/touchpoints/**", Scope.CADENCE),
    ("GET", "/mail/**", _READ),
    ("*", "/mail/**", _WRITE),
    ("GET", "/templates/**", _READ),
    ("*", "/templates/**", _WRITE),
    ("*", "/timers/**", Scope.TIMERS),
    ("*", "/accounts/**", _ADMIN),
    ("GET", "/errors/**", _READ),
    ("*", "/outbox/**", Scope.CADENCE),
)


def needed(method: str, path: str) -> Scope | Open | None:
    """The scope that a call needs; None where no row covers it."""
    exact = _EXACT.get((method, path))
    if exact is not None:
        return exact
    path = "/" + "/".join(filter(None, path.split("/")))  # as the router reads it
    for row, pattern, scope in _PATTERNS:
        if row in ("*", method) and pattern.fullmatch(path):
            return scope
    return None


def _pattern(path: str) -> re.Pattern[str]:
    beneath = path.endswith("/**")
    parts = re.escape(path.removesuffix("/**")).replace(re.escape("{}"), "[^/]+")
    return re.compile(parts + "(?:/.*)?" if beneath else parts, re.DOTALL)


# Most calls are of few kinds, and found at once. None of these is covered by a row above it.
_EXACT = {
    (method, path): scope for method, path, scope in NEEDS if not re.search(r"[{*]", method + path)
}
_PATTERNS = [(method, _pattern(path), scope) for method, path, scope in NEEDS]
