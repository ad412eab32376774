"""The form of the sign-in: whom it refuses and how it tells them, and where it leads the others."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from structlog.testing import capture_logs

from console.doorway import ELSEWHERE, HERE, Doorway, cookie, kept, led
from franking.clock import HandClock
from franking.web.tries import PER_MINUTE

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOBODY = "01M7ZPYQX2ANKM37PK05TF9YZP"
TLS = "https://mail.example.com"
CLEAR = "http://mail.example.com"
WRONG = "This key does not open the console."


WRONG_KEYS = {
    "nothing": lambda k: "",
    "no key": lambda k: "correct horse battery staple",
    "its id": lambda k: k[:30],
    "its secret": lambda k: k[30:],
    "another secret": lambda k: f"{k[:30]}{'A' * 43}",
    "another id": lambda k: k.replace(k[3:29], NOBODY),
    "in lower case": lambda k: k.lower(),
    "twice": lambda k: k + k,
    "with its scheme": lambda k: f"Bearer {k}",
    "long": lambda k: k + "A" * 5_000,
}


@pytest.mark.parametrize("wrong", WRONG_KEYS.values(), ids=WRONG_KEYS.keys())
async def test_whatever_is_wrong_with_a_key_is_told_alike(
    shared: Doorway, clock: HandClock, wrong: Any
) -> None:
    text = await shared.key()
    with capture_logs() as logs:
        answer = await shared.sign_in(wrong(text), "/mail", peer=("127.0.0.1", 5))
    clock.advance(6_000)
    assert answer.status_code == 403
    assert kept(answer) == {}
    assert WRONG in answer.text
    assert "no-store" in answer.headers["cache-control"]
    assert 'name="next" value="/mail"' in answer.text
    [line] = logs
    assert (line["event"], line["peer"]) == ("sign_in_refused", "127.0.0.1")
    assert line["key"] in (None, text[3:29], NOBODY)
    assert not wrong(text) or wrong(text) not in str(logs) + answer.text


@pytest.fixture
def clock(shared: Doorway) -> HandClock:
    assert isinstance(shared.clock, HandClock)
    return shared.clock


async def test_a_revoked_key_is_told_as_a_wrong_one(door: Doorway) -> None:
    text = await door.key()
    await door.office.keys.revoke(text[3:29])
    revoked, wrong = await door.sign_in(text), await door.sign_in("x")
    assert revoked.status_code == wrong.status_code == 403
    assert revoked.text == wrong.text


async def test_no_secret_is_ever_logged(door: Doorway) -> None:
    text = await door.key()
    with capture_logs() as logs:
        ours, kept_on = [cookie(await door.sign_in(text)) for _ in range(2)]
        await door.sign_in(text[:-1])
        for sent in (ours, ours + "x", f"{ours}; {ours}"):
            await door.get("/mail", sent)
        await door.post("/sign-out", ours)
        await door.store.close()
        assert (await door.get("/mail", kept_on)).status_code == 503
        assert (await door.sign_in(text)).status_code == 503
        away = await door.post("/sign-out", kept_on)
        assert (away.status_code, kept(away)) == (503, {})
    told = str(logs)
    assert "signed_in" in told
    assert text[3:29] in told
    for secret in (text[30:72], ours.split(".")[1], ours.rpartition(".")[2][:-1]):
        assert secret not in told


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": ""},
        {"origin": "null"},
        {"origin": "http://evil.example"},
        {"origin": HERE, "sec-fetch-site": "cross-site"},
        {"origin": HERE, "sec-fetch-site": "same-site"},
        {"origin": HERE, "sec-fetch-site": "none"},
    ],
)
@pytest.mark.parametrize("path", ["/sign-in", "/sign-out"])
async def test_only_a_page_of_ours_signs_in_and_out(
    shared: Doorway, path: str, headers: dict[str, str]
) -> None:
    form = {"key": await shared.key()}
    answer = await shared.ask("POST", path, headers=headers, form=form)
    assert answer.status_code == 403
    assert kept(answer) == {}


@pytest.mark.parametrize(("at", "proxy"), [(TLS, {}), (CLEAR, {"x-forwarded-proto": "https"})])
async def test_over_tls_a_page_in_the_clear_proves_nothing(
    shared: Doorway, at: str, proxy: dict[str, str]
) -> None:
    form, headers = {"key": await shared.key()}, {"origin": CLEAR, **proxy}
    answer = await shared.post("/sign-in", form=form, at=at, headers=headers)
    assert answer.status_code == 403
    assert "only works from a page" in answer.text


async def test_a_form_is_small_and_has_each_field_once(shared: Doorway) -> None:
    large = await shared.post("/sign-in", form={"key": "A" * 9_000})
    assert large.status_code == 413
    twice: Any = {"key": ["fk_a", "fk_b"]}
    assert (await shared.post("/sign-in", form=twice)).status_code == 400


async def test_in_the_clear_nobody_elsewhere_is_asked_for_a_key(shared: Doorway) -> None:
    text = await shared.key()
    away: dict[str, Any] = {"at": "http://mail.example.com", "peer": ELSEWHERE}
    told = await shared.ask("GET", "/sign-in", **away)
    assert "There is no sign-in here" in told.text
    assert "<form" not in told.text
    answer = await shared.sign_in(text, **away)
    assert (answer.status_code, kept(answer)) == (403, {})
    for name, value in (("sec-fetch-site", "none"), ("x-forwarded-proto", "https")):
        shown = await shared.ask("GET", "/sign-in", headers={name: value}, **away)
        assert "<form" in shown.text


@pytest.mark.parametrize(
    ("next", "to"),
    [
        ("/touchpoints?status=Error&q=a%20b", "/touchpoints?status=Error&q=a%20b"),
        ("/mail/m1#said", "/mail/m1#said"),
        ("/", "/"),
        ("", "/"),
        ("//evil.example", "/"),
        ("///evil.example", "/"),
        ("/\\evil.example", "/"),
        ("\\\\evil.example", "/"),
        ("/mail\\..\\x", "/"),
        ("/mail/\\..\\..\\x", "/"),
        ("/\t/evil.example", "/"),
        ("/\n/evil.example", "/"),
        ("/mail\r\nSet-Cookie: a=b", "/"),
        (" /mail", "/"),
        ("/mail ", "/"),
        ("https://evil.example/mail", "/"),
        ("http:/mail", "/"),
        ("javascript:alert(1)", "/"),
        ("mail", "/"),
        ("@evil.example", "/"),
        ("/sign-in", "/"),
        ("/sign-out", "/"),
        ("/v1/mail", "/"),  # where a session does not count
        ("/mail/\u2025/\u0661", "/"),
        ("/mail/" + "x" * 2_000, "/"),
    ],
)
async def test_a_sign_in_leads_to_a_page_of_ours_alone(shared: Doorway, next: str, to: str) -> None:
    ours = await shared.sign_in(await shared.key(), next)
    assert led(ours) == to
    if next.isascii() and next.isprintable():
        shown = await shared.get("/sign-in?" + urlencode({"next": next}), cookie(ours))
        assert led(shown) == to


async def test_an_address_fails_so_often_and_then_waits(door: Doorway) -> None:
    clock = door.clock
    assert isinstance(clock, HandClock)
    text = await door.key()
    for number in range(PER_MINUTE):
        answer = await door.sign_in(f"fk_{number:026}_{'A' * 43}")
        assert answer.status_code == 403
    for tried in ("fk_x", text):
        answer = await door.sign_in(tried)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "6")
        assert "too often" in answer.text
        assert kept(answer) == {}
    other: dict[str, Any] = {"at": TLS, "peer": ELSEWHERE}
    assert (await door.sign_in(text, **other)).status_code == 303
    clock.advance(6_000)
    assert (await door.sign_in("fk_x")).status_code == 403
    assert (await door.sign_in(text)).status_code == 429
    clock.advance(6_000)
    for _ in range(PER_MINUTE * 2):  # what succeeds takes nothing out
        assert (await door.sign_in(text)).status_code == 303
