"""A session: who has none, how long one lasts, and how it ends."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from itsdangerous import Signer

from console.doorway import PART, Doorway, cookie, kept, led, opened
from franking.clock import HandClock
from franking.core import session as sessions
from franking.core.key import Scope
from franking.core.session import LASTS_MS, MOST_MS, SKEW_MS, begun
from franking.office.keys import REMEMBERED_MS
from stored import new_store

pytestmark = pytest.mark.asyncio(loop_scope="module")

HALF = LASTS_MS // 2


@pytest.fixture
def clock(door: Doorway) -> HandClock:
    assert isinstance(door.clock, HandClock)
    return door.clock


async def test_the_session_of_another_installation_does_not_count(
    door: Doorway, tmp_path: Path
) -> None:
    await door.key()
    (tmp_path / "other").mkdir()
    async with opened(tmp_path / "other") as other:
        other.clock.secret(1)  # or chance, which is played here, would be the same
        theirs = await other.signed_in()
    assert led(await door.get("/mail", theirs)).endswith("why=unknown")


async def test_who_can_read_the_database_can_make_no_session(door: Doorway) -> None:
    """They have what is signed with, and of each nonce the hash."""
    await door.signed_in()
    [key] = await door.office.keys.newest()
    secret = await door.store.sessions.secret(b"")
    signer = Signer(
        secret, b"franking session", key_derivation="hmac", digest_method=hashlib.sha256
    )
    forged = sessions.written(begun(key.id, b"n" * 32, door.clock.now()))
    text = signer.sign(forged).decode()
    assert led(await door.get("/mail", f"franking={text}")).endswith("why=ended")


async def test_a_session_counts_for_its_own_key_alone(door: Doorway) -> None:
    ours = await door.signed_in(Scope.MAIL_READ)
    await door.key(Scope.ADMIN)
    keys = await door.office.keys.newest()
    [admin] = [key for key in keys if Scope.ADMIN in key.scopes]
    session = sessions.parsed(ours.removeprefix("franking=").rpartition(".")[0])
    assert session is not None
    assert session.key != admin.id
    forged = begun(admin.id, b"", door.clock.now())
    text = sessions.written(forged).replace("..", f".{session.nonce}.")
    signed = (await door.office.sessions._signing()).sign(text).decode()
    assert led(await door.get("/mail", f"franking={signed}")).endswith("why=expired")


async def test_a_session_runs_out(door: Doorway, clock: HandClock) -> None:
    ours = await door.signed_in()
    clock.advance(LASTS_MS - 1)
    assert (await door.get("/mail", ours)).status_code == 200
    clock.advance(1)
    assert led(await door.get("/mail", ours)) == "/sign-in?next=%2Fmail&why=expired"


class SetBack(HandClock):
    """A clock that somebody sets back; what counts steadily goes on."""

    back_ms = 0

    def now(self) -> int:
        return super().now() - self.back_ms


async def test_a_clock_that_is_set_back_makes_no_session_younger(door: Doorway) -> None:
    clock = SetBack()
    door = Doorway(door.store, clock)
    ours = await door.signed_in()
    clock.back_ms = SKEW_MS
    assert (await door.get("/mail", ours)).status_code == 200
    clock.back_ms = SKEW_MS + 1
    assert led(await door.get("/mail", ours)).endswith("why=expired")
    again = await door.signed_in()
    assert (await door.get("/mail", again)).status_code == 200


async def test_a_revoked_key_ends_its_sessions_at_once(door: Doorway) -> None:
    ours = await door.signed_in()
    [key] = await door.office.keys.newest()
    assert (await door.get("/mail", ours)).status_code == 200
    await door.office.keys.revoke(key.id)
    assert led(await door.get("/mail", ours)) == "/sign-in?next=%2Fmail&why=revoked"


async def test_signing_out_ends_every_copy_of_a_session_and_no_other(door: Doorway) -> None:
    text = await door.key()
    ours, theirs = [cookie(await door.sign_in(text)) for _ in range(2)]
    assert (await door.get("/mail", ours)).status_code == 200
    answer = await door.post("/sign-out", ours)
    assert led(answer) == "/sign-in?why=signed-out"
    assert kept(answer) == {}
    assert answer.headers["clear-site-data"] == '"cache"'
    names = [line.partition("=")[0] for line in answer.headers.get_list("set-cookie")]
    assert names == ["__Host-franking", "franking"]
    assert led(await door.get("/mail", ours)).endswith("why=ended")
    assert (await door.get("/mail", theirs)).status_code == 200
    assert led(await door.post("/sign-out", ours)) == "/sign-in?why=signed-out"


async def test_of_two_sign_ins_at_once_both_are_ended(door: Doorway) -> None:
    text = await door.key()
    ours, theirs = [cookie(await door.sign_in(text)) for _ in range(2)]
    told = await door.get("/sign-in", f"{ours}; {theirs}")
    assert "This browser sends two sign-ins at once, and neither counts." in told.text
    await door.post("/sign-out", f"{ours}; {theirs}")
    for sent in (ours, theirs):
        assert led(await door.get("/mail", sent)).endswith("why=ended")


async def test_signing_out_is_seen_in_every_process_within_two_seconds(
    door: Doorway, clock: HandClock, tmp_path: Path
) -> None:
    ours = await door.signed_in()
    store = new_store(tmp_path)
    await store.open()
    elsewhere = Doorway(store, clock)
    assert (await elsewhere.get("/mail", ours)).status_code == 200
    await door.post("/sign-out", ours)
    clock.advance(REMEMBERED_MS)
    assert led(await elsewhere.get("/mail", ours)).endswith("why=ended")
    await store.close()


async def test_a_look_that_overtakes_the_sign_out_keeps_nothing_alive(
    door: Doorway, monkeypatch: pytest.MonkeyPatch, clock: HandClock
) -> None:
    ours = await door.signed_in()
    find = door.store.sessions.find

    async def slow(hash: str) -> Any:
        found = await find(hash)
        await door.post("/sign-out", ours)
        return found

    monkeypatch.setattr(door.store.sessions, "find", slow)
    assert led(await door.get("/mail", ours)).endswith("why=ended")


async def test_a_restart_keeps_people_signed_in(door: Doorway, tmp_path: Path) -> None:
    ours = await door.signed_in()
    await door.store.close()
    async with opened(tmp_path) as again:
        assert (await again.get("/mail", ours)).status_code == 200


async def test_each_sign_in_begins_another_session_and_ends_the_browsers_last(
    door: Doorway,
) -> None:
    text = await door.key()
    first = cookie(await door.sign_in(text))
    second = cookie(await door.post("/sign-in", first, {"key": text}))
    assert first.split(".")[1] != second.split(".")[1]
    assert led(await door.get("/mail", first)).endswith("why=ended")
    assert (await door.get("/mail", second)).status_code == 200
    # What somebody planted before the sign-in is not what counts after it.
    planted = await door.post("/sign-in", "franking=planted", {"key": text})
    assert "planted" not in cookie(planted)


async def test_what_a_person_does_in_the_second_half_renews_a_session(
    door: Doorway, clock: HandClock
) -> None:
    ours = await door.signed_in()
    clock.advance(HALF - 1)
    assert kept(await door.get("/mail", ours)) == {}
    clock.advance(1)
    answer = await door.get("/mail", ours)
    renewed = cookie(answer)
    assert kept(answer)["franking"]["max-age"] == str(LASTS_MS // 1000)
    assert renewed.split(".")[1] == ours.split(".")[1]
    clock.advance(HALF)
    assert led(await door.get("/mail", ours)).endswith("why=expired")
    assert (await door.get("/mail", renewed)).status_code == 200
    await door.post("/sign-out", renewed)
    assert led(await door.get("/mail", renewed)).endswith("why=ended")


async def test_a_page_that_looks_by_itself_renews_nothing(door: Doorway, clock: HandClock) -> None:
    ours = await door.signed_in()
    clock.advance(HALF)
    look = {**PART, "hx-trigger": "mails", "hx-target": "mails"}
    assert kept(await door.ask("GET", "/mail", ours, look)) == {}
    press = {**PART, "hx-trigger": "button", "hx-target": "dialog"}
    assert kept(await door.ask("GET", "/mail", ours, press)) != {}


async def test_seven_days_after_the_sign_in_it_is_over_whatever_was_done(
    door: Doorway, clock: HandClock
) -> None:
    ours, begun_at = await door.signed_in(), clock.now()
    while clock.now() < begun_at + MOST_MS:
        answer = await door.get("/mail", ours)
        assert answer.status_code == 200
        ours = cookie(answer) if kept(answer) else ours
        clock.advance(3_600_000)
    assert led(await door.get("/mail", ours)).endswith("why=expired")
