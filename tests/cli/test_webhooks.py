"""`franking webhook`, with and without a `serve`, and what the doctor says of webhooks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook as Verifier

from franking.cli import webhooks
from franking.cli.exits import Ended
from franking.core.webhook import HookReport
from franking.stores.sqlite import SqliteStore
from transports.receiver import answer
from webhooks.hearer import Hearer, hearing

from .processes import franking, mailbox, serving

MAIL = '{"to": "ada@example.com", "message": {"subject": "s", "text": "t"}}'


@pytest.fixture
async def hearer() -> AsyncIterator[Hearer]:
    async with hearing() as hearer:
        yield hearer


async def listed(folder: Path) -> list[Any]:
    return (await franking(folder, "webhook", "list", "--json")).values


async def test_a_webhook_s_life_with_a_serve(tmp_path: Path, hearer: Hearer) -> None:
    async with mailbox() as box, serving(tmp_path, box.port):
        made = await franking(tmp_path, "webhook", "add", hearer.receiver.url())
        secret = made.out.strip()
        assert secret.startswith("whsec_")
        assert secret not in made.err
        [hook] = await listed(tmp_path)
        assert hook["id"] in made.err
        tested = await franking(tmp_path, "webhook", "test", hook["id"])
        assert (tested.code, tested.out.startswith("The receiver took it")) == (0, True)
        (tmp_path / "mail.json").write_text(MAIL)
        sent = await franking(tmp_path, "send", "--file", "mail.json", "--id", "m1")
        assert sent.code == 0, sent.err
        found = await hearer.heard(
            "onStart", "onPending", "onProcessing", "onComplete", "onSuccess"
        )
        Verifier(secret).verify(found[0].heard.body, dict(found[0].heard.headers))
        hearer.say = lambda _: answer("500 Oops", b"\x1b[2Jno")
        tested = await franking(tmp_path, "webhook", "test", hook["id"])
        assert tested.code == 1
        assert "500 Oops" in tested.err
        assert "\x1b" not in tested.err
        removed = await franking(tmp_path, "webhook", "remove", hook["id"])
        assert removed.code == 0
        assert await listed(tmp_path) == []


async def test_without_a_serve_it_is_set_and_shown_and_told_later(
    tmp_path: Path, hearer: Hearer
) -> None:
    added = await franking(
        *(tmp_path, "webhook", "add", hearer.receiver.url(), "--include", "delivery"),
        *("--type", "onStart", "--type", "onPending"),
    )
    assert added.code == 0, added.err
    [hook] = await listed(tmp_path)
    assert (hook["types"], hook["include"]) == (["onStart", "onPending"], "delivery")
    (tmp_path / "mail.json").write_text(MAIL)
    await franking(tmp_path, "send", "--file", "mail.json", "--id", "m1", "--no-wait")
    store = SqliteStore(tmp_path / "franking.db")
    await store.open()
    queued = await store.webhooks.claim(hook["id"], 1, 10, 10, 1)
    reports = [HookReport(one.seq, one.mail, "parked", 1, 1, "500 No \x1b[2J") for one in queued]
    await store.webhooks.settle(hook["id"], reports)
    await store.close()
    shown = await franking(tmp_path, "webhook", "show", hook["id"])
    assert "500 No" in shown.out
    assert "\x1b[2J" not in shown.out
    assert f"franking webhook resend {hook['id']} --all" in " ".join(shown.out.split())
    doctor = await franking(tmp_path, "doctor")
    assert "Webhooks: 1 ok, 0 paused, 0 disabled; 0 events waiting, 2 parked." in doctor.out
    again = await franking(tmp_path, "webhook", "resend", hook["id"], str(queued[0].seq))
    assert again.out == "1 to be told again. They are told when `franking serve` runs.\n"
    once_more = await franking(tmp_path, "webhook", "resend", hook["id"], str(queued[0].seq))
    assert (once_more.code, "Not parked" in once_more.err) == (1, True)
    again = await franking(tmp_path, "webhook", "resend", hook["id"], "--all")
    assert again.out.startswith("1 to be told again.")
    [one, _] = (await franking(tmp_path, "webhook", "show", hook["id"], "--json")).values[0][
        "deliveries"
    ]
    assert one["state"] == "waiting"


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("add", "ftp://example.com"), 1, "Field 'url'"),
        (("add", "http://example.com", "--type", "onBounce"), 1, "Field 'types'"),
        (("show", "none"), 1, "There is no webhook with id none."),
        (("test", "none"), 1, "There is no webhook with id none."),
        (("remove", "none"), 1, "There is no webhook with id none."),
        (("resend", "none"), 2, "Name events by their numbers"),
        (("resend", "none", "--all"), 1, "There is no webhook with id none."),
    ],
)
async def test_what_is_refused(
    tmp_path: Path, arguments: tuple[str, ...], code: int, told: str
) -> None:
    ended = await franking(tmp_path, "webhook", *arguments)
    assert ended.code == code
    assert told in ended.err


async def test_with_none_the_list_and_the_doctor_say_so(tmp_path: Path) -> None:
    assert "There is none." in (await franking(tmp_path, "webhook", "list")).out
    assert "Webhooks" not in (await franking(tmp_path, "doctor")).out


@pytest.mark.parametrize(
    ("given", "calls"),
    [
        (([3, 3, 4], None, False), [{"seq": 3}, {"seq": 4}]),
        (([], "m1", False), [{"mail": "m1"}]),
        (([], None, True), [{"all": True}]),
    ],
)
def test_what_to_tell_again(given: tuple[Any, ...], calls: list[dict[str, Any]]) -> None:
    assert webhooks.chosen(*given) == calls


@pytest.mark.parametrize("given", [([], None, False), ([1], "m1", False), ([], "m1", True)])
def test_what_to_tell_again_must_be_one_thing(given: tuple[Any, ...]) -> None:
    with pytest.raises(Ended):
        webhooks.chosen(*given)
