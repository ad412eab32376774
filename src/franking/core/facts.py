"""Reads a failure's facts out of its words: codes, stage, provider, and the words to look at.

Only the head and the tail of the words are looked at, 2 KiB together, in lower case, with single
blanks, without the code that each line of a reply repeats (RFC 5321, section 4.2.1) and without
addresses, whose letters would be taken for words. What is given counts before what is read, but
for an enhanced code that says nothing (5.0.0), which a better one in the words replaces.
"""

from __future__ import annotations

import re

import msgspec

from franking.core.rules.providers import ALIASES, HTTP_NAMES, MARKS, SPEAKERS

HEAD_CHARACTERS = 1536
TAIL_CHARACTERS = 512


class Facts(msgspec.Struct, frozen=True):
    """What is known of a failure. `words` is what rules look at; `http`: codes are HTTP's."""

    words: str
    reply: int | None
    enhanced: str | None
    provider: str | None
    stage: str | None
    kind: str | None
    http: bool


def read(
    text: str,
    reply_code: str | int | None,
    enhanced: str | None,
    provider: str | None,
    stage: str | None,
    kind: str | None,
) -> Facts:
    """The facts, from what was given and from the words; never raises."""
    whole = " ".join(window(text).split()).lower()
    told_reply, told_enhanced = _codes(whole)
    reply = _given_reply(reply_code) or told_reply
    name = provider.strip().lower()[:64].removeprefix("rhost-") if provider else ""
    words = _spoken(whole, told_reply, told_enhanced)
    http = kind == "http" or name in HTTP_NAMES or _is_http(reply, words)
    return Facts(
        words=words,
        reply=reply,
        enhanced=_better(enhanced, told_enhanced, reply),
        provider=_provider(name, whole),
        stage=stage or _stage(words),
        kind=kind,
        http=http,
    )


def window(text: str) -> str:
    """The head and the tail: what is between them costs nothing."""
    if len(text) <= HEAD_CHARACTERS + TAIL_CHARACTERS:
        return text
    return f"{text[:HEAD_CHARACTERS]} {text[-TAIL_CHARACTERS:]}"


def joined(text: str) -> str:
    """A reply of several lines as one, the repeated code once: what a person would read."""
    whole = " ".join(window(text).split())
    reply, enhanced = _codes(whole.lower())
    return _once(whole, reply, enhanced)


def _codes(words: str) -> tuple[int | None, str | None]:
    """The first reply code and the first enhanced code in the words."""
    reply = _REPLY.search(words)
    enhanced = _ENHANCED.search(words)
    return int(reply[1]) if reply else None, enhanced[1] if enhanced else None


# A code stands at a line's beginning or behind a blank, a quote or a colon; not within a number,
# and no port of ours.
_REPLY = re.compile(
    r"(?<![\w.,/#=-])(?!443|465|587)([45]\d\d)(?=[- :,;#]|$)(?! (?:second|minute|hour|day|byte|kb))"
)
_ENHANCED = re.compile(r"(?<![\w.])([245]\.\d{1,3}\.\d{1,3})(?!\w|\.\w)")


def _given_reply(given: str | int | None) -> int | None:
    """A code from 200 to 599, from a number or its digits."""
    if isinstance(given, str):
        given = int(given) if len(given) == 3 and given.isascii() and given.isdigit() else None
    return given if given is not None and 200 <= given <= 699 else None


def _better(given: str | None, told: str | None, reply: int | None) -> str | None:
    given = given.strip() if given and _ENHANCED.fullmatch(given.strip()) else None
    if given is None or given.endswith(".0.0"):
        agrees = told is not None and (reply is None or told[0] == str(reply)[0])
        return told if told is not None and (agrees or given is None) else given
    return given


def _spoken(whole: str, reply: int | None, enhanced: str | None) -> str:
    """The words without the repeated code and without addresses."""
    words = _once(whole, reply, enhanced)
    words = words.replace("\u2019", "'")
    if "@" in words:
        first, *others = words.split("@")
        others = [piece.lstrip(_HOST) for piece in others]
        words = "@".join(piece.rstrip(_LOCAL) for piece in (first, *others[:-1]))
        words = f"{words}@{others[-1]}"
    return words


_HOST = "abcdefghijklmnopqrstuvwxyz0123456789.-_*"
_LOCAL = _HOST + "+=%!&/~^"


def _once(whole: str, reply: int | None, enhanced: str | None) -> str:
    if reply is None:
        return whole
    at = whole.find(str(reply)) + 3
    head, rest = whole[:at], whole[at:]
    # "550-5.1.1 a 550 5.1.1 b" was two lines; "/550-5" within a link was none.
    if enhanced:
        rest = rest.replace(f" {reply}-{enhanced} ", " ").replace(f" {reply} {enhanced} ", " ")
    return head + rest.replace(f" {reply}-", " ").replace(f" {reply} ", " ")


def _is_http(reply: int | None, words: str) -> bool:
    """HTTP's codes that are none of SMTP's, or words that are JSON's."""
    return (reply is not None and (400 <= reply <= 420 or 424 <= reply <= 429)) or (
        words.startswith('{"')
    )


def _provider(name: str, words: str) -> str | None:
    """Who was named, unless it is only the software that reported, and the words say whose."""
    provider = ALIASES.get(name, name)
    if provider in SPEAKERS:
        return provider
    for mark, speaker in MARKS:
        if mark in words:
            return speaker
    return provider or None


def _stage(words: str) -> str | None:
    """The stage, from how Postfix and Exim report what was said to them."""
    for mark, stage in _STAGES:
        if mark in words:
            return stage
    return None


_STAGES = (
    ("(in reply to rcpt to", "rcpt"),
    ("(in reply to end of data", "data"),
    ("(in reply to data", "data"),
    ("(in reply to mail from", "mail"),
    ("after mail from:", "mail"),
    ("after rcpt to:", "rcpt"),
    ("after end of data", "data"),
    ("did not like our rcpt", "rcpt"),
    ("did not like our mail", "mail"),
    ("refused to talk to me", "greeting"),
    ("after initial connection", "greeting"),
)
