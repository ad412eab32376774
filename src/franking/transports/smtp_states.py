"""The states of an SMTP conversation and of one mail within it, with every arrow between them.

Two tables, because two mails may be under way on one connection: one whose dot is out and whose
answer is awaited, and behind it the next one's MAIL, RCPT and DATA (RFC 2920, section 3.1).
A state that is final is written `{}`. What a table does not list is refused, and nothing changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Session(StrEnum):
    """Where the connection stands."""

    GREETING = "greeting"
    EHLO = "ehlo"
    HELO = "helo"
    STARTTLS = "starttls"
    HANDSHAKE = "handshake"
    LOGIN = "login"
    READY = "ready"
    QUITTING = "quitting"
    CLOSED = "closed"


SESSION: Mapping[Session, Mapping[str, Session]] = {
    Session.GREETING: {"welcomed": Session.EHLO, "closed": Session.CLOSED},
    Session.EHLO: {
        "encrypt": Session.STARTTLS,
        "fall_back": Session.HELO,
        "log_in": Session.LOGIN,
        "opened": Session.READY,
        "closed": Session.CLOSED,
    },
    Session.HELO: {
        "log_in": Session.LOGIN,
        "opened": Session.READY,
        "closed": Session.CLOSED,
    },
    Session.STARTTLS: {"agreed": Session.HANDSHAKE, "closed": Session.CLOSED},
    # What was said in the clear is forgotten: the conversation starts again with EHLO.
    Session.HANDSHAKE: {"secured": Session.EHLO, "closed": Session.CLOSED},
    Session.LOGIN: {
        "challenged": Session.LOGIN,
        "opened": Session.READY,
        "closed": Session.CLOSED,
    },
    Session.READY: {"quit": Session.QUITTING, "closed": Session.CLOSED},
    Session.QUITTING: {"closed": Session.CLOSED},
    Session.CLOSED: {},
}


class Stage(StrEnum):
    """Where one mail stands."""

    OPENING = "opening"
    CONTENT = "content"
    HELD = "held"
    DOTTED = "dotted"
    ENDED = "ended"


MAIL: Mapping[Stage, Mapping[str, Stage]] = {
    Stage.OPENING: {"go_ahead": Stage.CONTENT, "ended": Stage.ENDED},
    Stage.CONTENT: {"written": Stage.HELD, "ended": Stage.ENDED},
    # The content is out and the dot is not: hanging up here leaves nothing behind.
    Stage.HELD: {"dotted": Stage.DOTTED, "ended": Stage.ENDED},
    Stage.DOTTED: {"ended": Stage.ENDED},
    Stage.ENDED: {},
}


class Misuse(Exception):
    """Our own code asked for what the state does not allow: a bug, never the server's doing."""


def advance_session(state: Session, arrow: str) -> Session:
    """The next state of the connection, or `Misuse`."""
    try:
        return SESSION[state][arrow]
    except KeyError:
        raise Misuse(f"session: no arrow {arrow!r} from {state}") from None


def advance_mail(stage: Stage, arrow: str) -> Stage:
    """The next stage of the mail, or `Misuse`."""
    try:
        return MAIL[stage][arrow]
    except KeyError:
        raise Misuse(f"mail: no arrow {arrow!r} from {stage}") from None
