"""A session: when it counts, when it is renewed, and its text."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from franking.core import session as sessions
from franking.core.session import LASTS_MS, MOST_MS, SKEW_MS, Session, begun

NOW = 1_795_269_900_000
ID = "01M7ZPYQX2ANKM37PK05TF9YZP"
SESSION = begun(ID, b"\xff" * 32, NOW)
HALF = LASTS_MS // 2


@pytest.mark.parametrize(
    ("after", "counts"),
    [
        (0, True),
        (LASTS_MS - 1, True),
        (LASTS_MS, False),
        (-SKEW_MS, True),  # another process may be a little ahead
        (-SKEW_MS - 1, False),  # the clock was set back
    ],
)
def test_a_session_counts_from_its_issue_to_its_end(after: int, counts: bool) -> None:
    assert sessions.counts(SESSION, NOW + after) is counts


@pytest.mark.parametrize("after", [0, HALF - 1, -LASTS_MS])
def test_a_session_is_not_renewed_too_early(after: int) -> None:
    assert sessions.renewed(SESSION, NOW + after) is None


def test_a_renewed_session_is_the_same_and_lasts_longer() -> None:
    later = NOW + HALF
    renewed = sessions.renewed(SESSION, later)
    assert renewed == replace(SESSION, issued_at=later, expires_at=later + LASTS_MS)


def test_no_session_lasts_longer_than_its_most() -> None:
    session: Session | None = SESSION
    last, now, renewals = SESSION, NOW, 0
    while session is not None:
        last, now, renewals = session, now + HALF, renewals + 1
        session = sessions.renewed(last, now)
    assert last.expires_at == NOW + MOST_MS == sessions.ends_at(last)
    assert renewals > 10


@pytest.mark.parametrize(
    "text",
    [
        "",
        ID,
        sessions.written(SESSION) + ".1",
        sessions.written(SESSION) + "\n",
        sessions.written(SESSION)[1:],
        sessions.written(SESSION).replace(str(NOW), "-1"),
        sessions.written(SESSION).replace(str(NOW), "١"),
        sessions.written(SESSION).replace(str(NOW), "9" * 16),
    ],
)
def test_other_text_is_no_session(text: str) -> None:
    assert sessions.parsed(text) is None


def test_a_session_comes_back_from_its_text() -> None:
    assert sessions.parsed(sessions.written(SESSION)) == SESSION
    assert SESSION.nonce not in sessions.hashed(SESSION.nonce)
    assert len(SESSION.nonce) == 43
