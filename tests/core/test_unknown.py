"""The shape of errors that no rule knows, and what of them may be shown."""

from __future__ import annotations

import pytest

from franking.core.codes import status
from franking.core.unknown import EXAMPLE_CHARACTERS, FINGERPRINT_CHARACTERS, example, fingerprint


@pytest.mark.parametrize("text", ["", " ", "\x00\n", "@" * 5000, "a." * 50_000, "1:" * 50_000])
def test_any_text_has_a_short_fingerprint(text: str) -> None:
    assert len(fingerprint(text)) <= FINGERPRINT_CHARACTERS
    assert len(example(text)) <= EXAMPLE_CHARACTERS


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("550 5.9.9 no ada@example.com", "550 5.9.9 No  bob.b@mail.example.org"),
        ("550 blocked by mx1.example.net", "550 blocked by mx-2.mail.example.com"),
        ("550 192.0.2.7 is bad", "550 198.51.100.200 is bad"),
        ("550 see https://a.example/x?y=1", "550 see http://b.example/z"),
        ("550 queued as 4QxYy12Z", "550 queued as 9AbCd34E"),
        ("550 wait 5 minutes", "550 wait 12 minutes"),
    ],
)
def test_what_differs_from_mail_to_mail_is_masked(one: str, other: str) -> None:
    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("550 odd", "551 odd"), ("550 5.9.8 odd", "550 5.9.9 odd"), ("550 odd", "550 even")],
)
def test_other_errors_stay_apart(one: str, other: str) -> None:
    assert fingerprint(one) != fingerprint(other)


def test_an_example_shortens_addresses_and_tokens() -> None:
    said = "550 ada@example.com: token eyJhbGciOiJIUzI1NiJ9abcdef"
    assert example(said) == "550 a…@example.com: token eyJhbG…"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", None),
        ("550", None),
        ("5.1.1", "5.1.1"),
        ("550 5.1.1 no", "5.1.1"),
        ("5.1.1 (bad destination mailbox address)", "5.1.1"),
        ("gone. (#5.1.1)", "5.1.1"),
        ("10.5.1.1", None),
        ("5.1.1.1", None),
        ("5.1", None),
    ],
)
def test_an_enhanced_code_is_read_from_words(text: str, found: str | None) -> None:
    assert status(text) == found
