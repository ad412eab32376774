"""The shape of a rule, and which category a cause belongs to."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

# Where a rule's verdict is looked up: the order of matching of the error vocabulary.
LAYERS = ("api", "provider-text", "provider-code", "text", "code", "hint", "reply", "kind")

# How sure a verdict of each layer is, unless its rule says otherwise.
CONFIDENCE = dict(zip(LAYERS, (0.95, 0.95, 0.9, 0.8, 0.7, 0.5, 0.4, 0.6), strict=True))

# The category of each cause. `server_error` is missing on purpose: whose server had the trouble
# depends on the stage (`category_of`).
CATEGORIES = {
    "account_rate_limited": "send_limit",
    "recipient_throttled": "recipient_unavailable",
    "connection_failed": "service_unavailable",
    "credentials_rejected": "mailbox_disconnected",
    "sending_disabled": "sending_not_allowed",
    "sender_address_refused": "sender_identity",
    "domain_authentication_failed": "domain_authentication",
    "address_invalid": "invalid_recipient_address",
    "domain_invalid": "invalid_recipient_address",
    "recipient_unknown": "recipient_not_found",
    "recipient_disabled": "recipient_not_found",
    "mailbox_full": "recipient_mailbox_full",
    "recipient_refused": "rejected_by_recipient",
    "policy_rejected": "rejected_by_recipient",
    "sender_blocked": "blocked_as_spam",
    "content_rejected": "blocked_as_spam",
    "message_malformed": "message_content",
    "message_too_large": "message_too_large",
    "suppressed": "recipient_suppressed",
    "unknown": "unknown",
}

# What passes by itself where no code tells: RFC 3463, section 2, in the words of the causes.
PASSING = frozenset(
    (
        *("account_rate_limited", "recipient_throttled", "connection_failed", "server_error"),
        "mailbox_full",
    )
)


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is known about failures, where from, and a reply that it decides.

    A rule holds where every condition that it names holds. `literals`: one of them is in the
    words (lower case, blanks single, addresses taken out), looked for before `pattern`, which is
    searched there too; all its repeats are bounded. `also`: one of these is there besides,
    where the literals are too common to be worth a search. `providers`, `stages`, `replies` and
    `enhanced`: what was given or read is one of these; an enhanced code may leave out its class
    ("7.26") or end in a dot and stand for all below ("5.7.6."). `kinds`: of the network's error.

    `category` is the cause's own where it is None. `temporary` is told by the codes where it is
    None. `given` is what the example needs beside its words.
    """

    id: str
    layer: str
    cause: str
    source: str
    example: str
    category: str | None = None
    literals: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    pattern: str | None = None
    providers: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    replies: tuple[int, ...] = ()
    enhanced: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    temporary: bool | None = None
    scope: str | None = None
    note: str = ""
    given: dict[str, str] = {}

    @property
    def rate_limited(self) -> bool:
        """The sender's own limit: the mail waits, and its account's others with it."""
        return self.category_of(None) == "send_limit"

    def category_of(self, stage: str | None) -> str:
        """The category; a server's own trouble is the recipient's once the mail was on its way."""
        if self.category is not None:
            return self.category
        if self.cause == "server_error":
            late = stage in ("rcpt", "data")
            return "recipient_unavailable" if late else "service_unavailable"
        return CATEGORIES[self.cause]


def searcher(rule: Rule) -> Callable[[str], object] | None:
    """The compiled pattern's search, or None where the literal is enough."""
    return re.compile(rule.pattern).search if rule.pattern else None
