"""A Salesforce org for the tests, with the package DS_Packages in it, which behaves as documented.

    async with FakeSalesforce() as salesforce:
        org = salesforce.org("jwt")                   # or "refresh_token", "client_credentials"
        environment = salesforce.settings("jwt", tmp_path)     # the same as FRANKING_… settings

It listens on this machine and is login host and org at once; two orgs are two of them.

What is in the org (`salesforce.package`):

- `create(id=None, kind="automated", …)` makes a touchpoint (Scheduled, or Pending Manual Send);
  `schedule(proxy_url, mail, due_at=…)` makes one with its timer, as the package does;
- `read(id)` is a touchpoint, `errors(id)` its conquer errors, newest first, `shown(id)` both as the
  contract spells them (camelCase);
- `retry(proxy_url, id, mail=None, force=False, headers={})` presses Retry: it calls Retry Timer and
  applies its 200 by `core.touchpoint.applying.retried`; a refusal changes nothing, and its toast
  comes back;
- `delete(id)`: events of it are then refused with 400.

Events are applied by `core.touchpoint.applying` to rows that are dicts. Refused: what is no JSON,
lacks a field, has one that the contract does not know or of another type (400, Apex's array);
texts longer than their field in UTF-16 units (500 APEX_ERROR, STRING_TOO_LONG). A repeated event
is answered "already applied". A touchpoint's row is locked while it is written: a second event of
it waits for `package.lock_seconds`, then meets UNABLE_TO_LOCK_ROW.

Logging in (`salesforce.login`): each grant is checked (signature, audience, end, user, client,
secret) and refused in Salesforce's words; `revoke()` ends all tokens, `calls_each` makes each good
for so many calls, `refuse(error, description)` refuses every login until `refuse(None)`,
`meets(Trouble)` answers so instead, `tokens` and `asked` are what was given out and asked for.

Troubles (`salesforce.troubles`): `next(slow(0.2), apex_error("…"))` for the calls to come, one
each, `always(unavailable())` for all, `clear()`; each may be for one touchpoint:
`always(apex_error(), touchpoint=id)`. There are `request_limit`, `row_lock`, `cpu_limit`,
`apex_error`, `unavailable`, `forbidden`, `no_match`, `answers(status, body)`,
`slow(seconds)` (applied, its row locked for so long), `loses_answer()` (applied, then nothing is
answered), `hangs_up()` (nothing is applied). `salesforce.release()` ends what is slow.

Counted: `calls` (of the endpoint), `heard` (their bodies), `applied` (by the package's answer),
`answered` (by HTTP status), `connections`, `at_once` and `most_at_once`. `used` of `allowed` API
calls are told in Sforce-Limit-Info; beyond, calls meet REQUEST_LIMIT_EXCEEDED.
"""

from salesforce.login import Login
from salesforce.package import Package, Pressed
from salesforce.server import FakeSalesforce
from salesforce.troubles import (
    Trouble,
    answers,
    apex_error,
    cpu_limit,
    forbidden,
    hangs_up,
    loses_answer,
    no_match,
    request_limit,
    row_lock,
    slow,
    unavailable,
)

__all__ = [
    "FakeSalesforce",
    "Login",
    "Package",
    "Pressed",
    "Trouble",
    "answers",
    "apex_error",
    "cpu_limit",
    "forbidden",
    "hangs_up",
    "loses_answer",
    "no_match",
    "request_limit",
    "row_lock",
    "slow",
    "unavailable",
]
