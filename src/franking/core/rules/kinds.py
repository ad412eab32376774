"""What an error means that no peer put into words, by its kind and the stage it came at."""

from __future__ import annotations

from franking.core.rules.rule import Rule

_NODE = "https://nodejs.org/api/errors.html#common-system-errors"
_RFC5321_TIMES = "https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.2"


def _kind(name: str, cause: str, source: str, *, temporary: bool, **more: tuple[str, ...]) -> Rule:
    stages = more.get("stages", ())
    return Rule(
        id=f"kind.{name}" + (f".{stages[0]}" if stages else ""),
        layer="kind",
        cause=cause,
        kinds=(name, *more.get("names", ())),
        stages=stages,
        temporary=temporary,
        source=source,
        example="(no words)",
        given={"kind": name} | ({"stage": stages[0]} if stages else {}),
    )


# Nothing was refused in any of these, so all but the last three pass by themselves. An
# `oauth` failure of a token server that said nothing we know disconnects the mailbox.
KINDS: tuple[Rule, ...] = (
    _kind("timeout", "connection_failed", _RFC5321_TIMES, temporary=True, names=("timedout",)),
    _kind("dns", "connection_failed", _NODE, temporary=True, names=("resolve",)),
    _kind("refused", "connection_failed", _NODE, temporary=True),
    _kind("closed", "connection_failed", _NODE, temporary=True, names=("reset", "eof")),
    _kind("network", "connection_failed", _NODE, temporary=True, names=("connection", "socket")),
    _kind(
        "tls",
        "connection_failed",
        "https://www.rfc-editor.org/rfc/rfc3207#section-4.1",
        temporary=True,
        names=("ssl", "certificate"),
    ),
    _kind(
        "protocol",
        "server_error",
        "https://www.rfc-editor.org/rfc/rfc5321#section-4.2",
        temporary=True,
    ),
    _kind(
        "oauth",
        "credentials_rejected",
        "https://www.rfc-editor.org/rfc/rfc6749#section-5.2",
        temporary=False,
    ),
    # Our own word for an account that is not set up here.
    _kind(
        "account",
        "sending_disabled",
        "https://www.rfc-editor.org/rfc/rfc3463#section-3.8",
        temporary=False,
    ),
    _kind(
        "compose",
        "message_malformed",
        "https://www.rfc-editor.org/rfc/rfc5322#section-3.6",
        temporary=False,
        names=("template",),
    ),
)
