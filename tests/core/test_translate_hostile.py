"""Hostile words cost what 2 KiB cost and never raise, and unknown ones are counted as one."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from franking.core.facts import HEAD_CHARACTERS, TAIL_CHARACTERS, read, window
from franking.core.fault import near, translate
from franking.core.rules import RULES
from franking.core.rules.sentences import SENTENCES
from franking.core.unknown import FINGERPRINT_CHARACTERS, fingerprint

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LITERALS = sorted({literal for rule in RULES for literal in rule.literals})
LONGEST_SECONDS = 0.05

HOSTILE = {
    "one letter": "a" * 1_000_000,
    "addresses": "a@" * 500_000,
    "blanks": " " * 1_000_000,
    "digits": "5" * 1_000_000,
    "codes": "550-5.1.1 " * 100_000,
    "lines": "550-5.1.1 a\r\n" * 80_000,
    "controls": "\x00\x1b[2J\x85\u2028" * 200_000,
    "half characters": "\ud800\u0130\u2019" * 300_000,
    "braces": '{"error":' * 110_000,
    "identifiers": "error_exception_" * 60_000,
    "every literal": " ".join(LITERALS) * 100,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("kind", [None, "http"])
def test_a_megabyte_is_read_at_once(text: str, kind: str | None) -> None:
    started = time.process_time()
    fault = translate(text, provider="gmail", kind=kind, retry_after=text[:100], now=NOON)
    # 5 ms on an idle machine; ten times that here, so that only what grows without end fails.
    assert time.process_time() - started < LONGEST_SECONDS
    assert fault.text == text


def test_only_head_and_tail_are_looked_at() -> None:
    text = "a " * HEAD_CHARACTERS + "mailbox full" + " b" * TAIL_CHARACTERS
    assert len(window(text)) <= HEAD_CHARACTERS + TAIL_CHARACTERS + 1
    assert translate(text).category == "unknown"
    assert translate("x " * 5_000 + "mailbox full").category == "recipient_mailbox_full"


words = st.text() | st.lists(st.sampled_from([*LITERALS, "550", "5.1.1", "@", "\n"])).map(" ".join)
maybe = st.none() | st.text(max_size=20)


@given(words, maybe, maybe, maybe, maybe, maybe, maybe)
def test_nothing_raises(
    text: str,
    reply_code: str | None,
    enhanced: str | None,
    provider: str | None,
    stage: str | None,
    kind: str | None,
    retry_after: str | None,
) -> None:
    fault = translate(
        text,
        reply_code=reply_code,
        enhanced=enhanced,
        provider=provider,
        stage=stage,
        kind=kind,
        retry_after=retry_after,
        now=NOON,
    )
    assert fault.category in SENTENCES
    assert len(fault.sentence) <= 255
    assert fault.text == text
    near(text, reply_code=reply_code, enhanced=enhanced, provider=provider)
    assert len(fingerprint(text)) <= FINGERPRINT_CHARACTERS


@given(st.integers())
def test_any_number_is_taken_for_a_code(number: int) -> None:
    assert translate("x", reply_code=number).category in SENTENCES


@given(words)
def test_reading_twice_reads_the_same(text: str) -> None:
    assert read(text, None, None, None, None, None) == read(text, None, None, None, None, None)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "550 5.9.9 odd <a@b.example> id 12345678",
            "550 5.9.9 odd <longer.name@c.example> id 87654321",
        ),
        ("odd mx1.example.com[192.0.2.1] at 12:30", "odd mail.example.org[198.51.100.7] at 09:15"),
        ("odd; see https://example.com/a?b=1", "odd; see https://example.net/c"),
        ("odd q1w2e3r4t5", "odd a9b8c7d6e5f4"),
        ("Odd\r\nWords", "odd words"),
    ],
)
def test_the_same_trouble_has_one_fingerprint(one: str, other: str) -> None:
    assert fingerprint(one) == fingerprint(other)


def test_other_trouble_has_another_and_nobodys_address_is_kept() -> None:
    assert fingerprint("550 5.9.9 odd") != fingerprint("550 5.9.8 odd")
    assert fingerprint("odd") != fingerprint("even")
    assert "jane" not in fingerprint("for <jane@example.com>, jane@example.com: odd")
