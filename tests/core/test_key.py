"""Keys and scopes: what is a key's text, what it proves and allows, and how often it may call."""

from __future__ import annotations

import hmac

import pytest

from franking.core.key import (
    Key,
    Presented,
    Scope,
    allows,
    drawn,
    hashed,
    parsed,
    proves,
    worth_writing,
    written,
)
from franking.core.scopes import OPEN, needed

ID = "01M7ZPYQX2ANKM37PK05TF9YZP"
SECRET = bytes(range(224, 256))
TEXT = "fk_01M7ZPYQX2ANKM37PK05TF9YZP_4OHi4-Tl5ufo6err7O3u7_Dx8vP09fb3-Pn6-_z9_v8"
KEY = Key(
    id=ID,
    name="",
    hash="31a95fe92c8a29bb6de4eb9d0ba4b7ba6a94b38e07cdd7a2f9ba7b8bb2e6eb0e",
    scopes=(),
    created_at=0,
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "fk_",
        TEXT[:-1],
        TEXT + "A",
        TEXT + "\n",
        " " + TEXT,
        TEXT.upper(),
        TEXT.replace("fk_", "sk_"),
        TEXT.replace(ID, ID.lower()),
        TEXT.replace(ID, ID[:-1]),
        TEXT.replace(ID, ID[:-1] + "É"),
        TEXT.replace("-", "+"),  # the other base64
        TEXT.replace("z9", "=="),
        f"fk_{ID}",
        f"Bearer {TEXT}",
    ],
)
def test_what_is_no_key_is_told(text: str) -> None:
    assert parsed(text) is None


def test_a_key_is_written_and_read_again() -> None:
    assert written(ID, SECRET) == TEXT
    assert parsed(TEXT) == Presented(ID, TEXT.rpartition(f"{ID}_")[2])


def test_a_secret_proves_itself_and_no_other() -> None:
    presented = Presented(ID, "s" * 43)
    key = Key(id=ID, name="", hash=hashed(presented), scopes=(), created_at=0)
    assert proves(presented, key)
    assert not proves(Presented(ID, "s" * 42 + "t"), key)
    assert not proves(Presented(ID, ""), key)
    assert not proves(Presented(ID, key.hash), key)
    assert "s" * 43 not in repr(key)


def test_hashes_are_compared_whole_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, str]] = []

    def compared(given: str, kept: str) -> bool:
        seen.append((given, kept))
        return False

    monkeypatch.setattr(hmac, "compare_digest", compared)
    # What the comparison says is what counts, and it gets two hashes of one length.
    assert not proves(Presented(ID, "x"), KEY)
    [(given, kept)] = seen
    assert (len(given), kept) == (64, KEY.hash)


@pytest.mark.parametrize(
    ("held", "need", "allowed"),
    [
        ((), Scope.MAIL_READ, False),
        ((Scope.MAIL_READ,), Scope.MAIL_WRITE, False),
        ((Scope.MAIL_WRITE,), Scope.MAIL_READ, False),  # one is not the other
        ((Scope.MAIL_READ, Scope.MAIL_WRITE, Scope.TIMERS, Scope.CADENCE), Scope.ADMIN, False),
        ((Scope.MAIL_READ,), Scope.MAIL_READ, True),
        ((Scope.TIMERS, Scope.CADENCE), Scope.CADENCE, True),
        *(((Scope.ADMIN,), need, True) for need in Scope),  # all of it
    ],
)
def test_a_key_allows_what_its_scopes_name(
    held: tuple[Scope, ...], need: Scope, allowed: bool
) -> None:
    assert allows(held, need) is allowed


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        # What no row covers: not open, whoever forgot it.
        ("GET", "/nothing", None),
        ("GET", "/v1", None),
        ("GET", "/v1/mail/m/attachments", None),
        ("POST", "/v1/mail/m", None),
        ("OPTIONS", "/v1/mail", None),
        ("get", "/v1/mail", None),
        ("POST", "/healthz", None),
        ("GET", "/healthz/keys", None),
        ("GET", "/v1/keysmith", None),
        ("DELETE", "/v1/mail/a\nb/c", None),
        # Open to everyone.
        ("GET", "/healthz", OPEN),
        ("GET", "/openapi.json", OPEN),
        # As the router reads paths, so are they read here.
        ("GET", "/v1//keys/", Scope.ADMIN),
        ("GET", "//v1/mail//m", Scope.MAIL_READ),
        ("DELETE", "/v1/mail/a\nb", Scope.MAIL_WRITE),
        ("GET", "/v1/mail/keys", Scope.MAIL_READ),
        ("POST", "/v1/mail/retry", Scope.MAIL_WRITE),
        ("POST", "/v1/mail/m/retry", Scope.MAIL_WRITE),
        ("GET", "/v1/suppressions", Scope.MAIL_READ),
        ("DELETE", "/v1/suppressions/a@example.com", Scope.MAIL_WRITE),
        ("GET", "/v1/accounts/a", Scope.ADMIN),
        ("PUT", "/v1/accounts/a", Scope.ADMIN),
        ("POST", "/v1/keys", Scope.ADMIN),
        ("DELETE", "/v1/keys/k", Scope.ADMIN),
        ("PUT", "/timer/t", Scope.TIMERS),
        ("GET", "/metrics", Scope.METRICS),
        ("POST", "/timer/t/retry", Scope.TIMERS),
        ("POST", "/cadence/touchpoints", Scope.CADENCE),
    ],
)
def test_a_call_needs_its_scope(method: str, path: str, scope: Scope | None) -> None:
    assert needed(method, path) == scope


def test_a_bucket_holds_a_minutes_calls_and_fills_evenly() -> None:
    full_at, waits = 1_000.0, []
    for now in (1_000, 1_000, 1_000, 1_000, 20_999, 21_000, 21_000, 61_000, 61_000, 61_000):
        full_at, wait = drawn(full_at, 3, now)
        waits.append(wait)
    assert waits == [0, 0, 0, 20_000, 1, 0, 20_000, 0, 0, 20_000]
    # However long nobody called, it holds no more.
    waits.clear()
    for _ in range(4):
        full_at, wait = drawn(full_at, 3, 900_000)
        waits.append(wait)
    assert waits == [0, 0, 0, 20_000]


@pytest.mark.parametrize("per_minute", [1, 7, 59, 600, 999_983, 1_000_000])
def test_a_bucket_gives_as_many_a_minute_as_it_says(per_minute: int) -> None:
    calls, full_at, wait = 0, 0.0, 0
    while not wait and calls < 10_000:
        full_at, wait = drawn(full_at, per_minute, 0)
        calls += not wait
    assert calls == min(per_minute, 10_000)


@pytest.mark.parametrize(
    ("last", "now", "worth"),
    [(None, 5, True), (0, 59_999, False), (0, 60_000, True), (70_000, 5, False)],
)
def test_a_use_is_written_once_a_minute(last: int | None, now: int, worth: bool) -> None:
    assert worth_writing(last, now) is worth
