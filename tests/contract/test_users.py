"""The contract's cases for users, through HTTP and a real SMTP server.

The numbers are those of the Trigger Email contract, section 10; where section 9 differs on
purpose, its right column is what must happen.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

import stored
from eventually import eventually
from franking.clock import HandClock
from franking.core.delivery import Bounds
from franking.stores.base import StoreUnavailable
from installation import Installation

A, U1, U2 = "a@example.com", "u1@example.com", "u2@example.com"
HELLO = {"subject": "Hello", "text": "plain", "html": "<b>html</b>"}
LEAD = "ValidationError: Invalid email configuration: "
NOBODY = "Error: Failed to deliver email. Expected at least 1 recipient."
NOT_SET = "Error: Must specify a users collection to send using uids."

USERS: dict[str, dict[str, Any]] = {
    "u1": {"email": U1, "name": "One"},
    "u2": {"email": U2},
    "noemail": {"name": "None"},
    "null": {"email": None},
    "number": {"email": 5},
    "empty": {"email": ""},
    "list": {"email": [U1]},
    "map": {"email": {"a": U1}},
    "two": {"email": f"One <{U1}>, {U2}"},
    "no address": {"email": "nobody"},
    "broken": {"email": "x@example.com\r\nRCPT TO:<evil@example.com>"},
    "nul": {"email": "x@example.com\x00"},
    "crowd": {"email": ",".join(f"c{n}@example.com" for n in range(1001))},
    "misfit": {"email": "a@b..c"},
    **{f"long{n}": {"email": "," * 65_536} for n in range(4)},
}


@pytest_asyncio.fixture
async def it(tmp_path: Path) -> AsyncIterator[Installation]:
    async with Installation(tmp_path) as installation:
        await known(installation)
        yield installation


async def known(it: Installation) -> None:
    for uid, document in USERS.items():
        assert (await it.http.put(f"/v1/users/{uid}", json=document)).status_code == 201


def mail(**fields: Any) -> dict[str, Any]:
    return {"message": HELLO, **fields}


REFUSED = [
    (9, mail(to=A, toUids="u1"), LEAD + "Field 'toUids' must be an array"),
    (10, mail(to=A, toUids=[""]), LEAD + "Field 'toUids.0' cannot be empty"),
    (0, mail(ccUids=["u1", 5]), LEAD + "Field 'ccUids.1' must be a string"),
    (0, mail(bccUids={"a": 1}), LEAD + "Field 'bccUids' must be an array"),
    (0, mail(toUids=["u1"] * 1001), LEAD + "Email must not have more than 1000 recipients"),
]


@pytest.mark.parametrize(("case", "document", "error"), REFUSED, ids=[c[2][46:] for c in REFUSED])
async def test_uids_with_trouble_are_told_at_once(
    it: Installation, case: int, document: dict[str, Any], error: str
) -> None:
    delivery = (await it.write(document))["delivery"]
    assert (delivery["state"], delivery["attempts"]) == ("ERROR", 0)
    assert delivery["error"] == error


FAILED = [
    (7, mail(toUids=["missing"]), NOBODY),
    (8, mail(toUids=["noemail"]), NOBODY),
    (0, mail(ccUids=["null"], bccUids=["number", "empty"]), NOBODY),
    (0, mail(to="", cc=[], toUids=["list", "map"]), NOBODY),
    (0, mail(toUids=["no address"]), "Error: No recipients defined"),
    (0, mail(to=A, toUids=["misfit"]), "Error: Invalid address in field 'to'"),
    (0, mail(to=A, toUids=["broken"]), LEAD + "Field 'to.1' must not contain line breaks"),
    # What PostgreSQL's texts do not have becomes U+FFFD there (docs/postgresql.md).
    (0, mail(bccUids=["u1", "nul"]), "Error: Invalid address in field 'bcc'")
    if stored.ON_POSTGRESQL
    else (0, mail(bccUids=["u1", "nul"]), LEAD + "Field 'bcc.1' must not contain line breaks"),
    (0, mail(toUids=["crowd"]), LEAD + "Email must not have more than 1000 recipients"),
    (0, mail(toUids=["long0"]), "Error: No recipients defined"),
    (0, mail(toUids=[f"long{n}" for n in range(4)]), LEAD + "Email must not have more than 256000"),
    (0, mail(ccUids=["long1"] * 1000), LEAD + "Email must not have more than 256000 characters"),
    (0, {"toUids": ["missing"], "template": {"name": "nope"}}, NOBODY),
]


@pytest.mark.parametrize(
    ("case", "document", "error"), FAILED, ids=[str(case[1])[50:100] for case in FAILED]
)
async def test_uids_that_lead_to_nobody_end_in_error(
    it: Installation, case: int, document: dict[str, Any], error: str
) -> None:
    delivery = (await it.write(document))["delivery"]
    assert (delivery["state"], delivery["attempts"]) == ("ERROR", 1)
    assert delivery["error"].startswith(error)
    assert it.box.dots == 0


@pytest.mark.case(6)
async def test_an_email_has_so_many_characters(it: Installation) -> None:
    answer = await it.http.put("/v1/users/u9", json={"email": "," * 65_537})
    assert (answer.status_code, answer.json()["reason"]) == (413, "too_large")
    assert answer.json()["detail"] == "A user's email may have 65536 characters; this has 65537."
    assert (await it.http.put("/v1/users/u9", json={"email": ["," * 65_537]})).status_code == 201


async def test_addresses_that_take_long_to_read_hold_up_nobody_else(
    it: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    aside: list[Any] = []
    to_thread = asyncio.to_thread

    async def seen(work: Any, *given: Any) -> Any:
        aside.append(work)
        return await to_thread(work, *given)

    monkeypatch.setattr(asyncio, "to_thread", seen)
    await it.write(mail(toUids=["u1", "u2"]), "short")
    assert aside == []
    await it.write(mail(toUids=["long0"]), "long")
    assert len(aside) == 1


async def test_case_6_users_come_after_explicit_addresses(it: Installation) -> None:
    document = mail(to=A, toUids=["u1"], ccUids=["u2"])
    delivery = (await it.write(document))["delivery"]
    assert delivery["state"] == "SUCCESS"
    assert delivery["info"]["accepted"] == [A, U1, U2]
    [(_, recipients, sent)] = it.box.taken
    assert (recipients, sent["to"], sent["cc"]) == ([A, U1, U2], f"{A}, {U1}", U2)


async def test_who_is_not_found_is_left_out(it: Installation) -> None:
    delivery = (await it.write(mail(toUids=["missing", "u1", "noemail"], bccUids=["u2"])))[
        "delivery"
    ]
    assert delivery["info"]["accepted"] == [U1, U2]
    [(_, recipients, sent)] = it.box.taken
    assert (recipients, sent["to"]) == ([U1, U2], U1)
    assert "bcc" not in sent


async def test_a_users_email_may_name_several(it: Installation) -> None:
    delivery = (await it.write(mail(toUids=["two"], cc=U1)))["delivery"]
    assert delivery["info"]["accepted"] == [U1, U2]


@pytest.mark.case(11)
async def test_case_11_no_uids_are_none(it: Installation) -> None:
    assert (await it.write(mail(to=A, toUids=[])))["delivery"]["state"] == "SUCCESS"


@pytest.mark.case(12)
@pytest.mark.parametrize("field", ["toUids", "ccUids", "bccUids"])
async def test_case_12_without_a_collection_of_users_none_are_looked_up(
    tmp_path: Path, field: str
) -> None:
    async with Installation(tmp_path, users=False) as it:
        await known(it)
        delivery = (await it.write(mail(to=A, **{field: ["u1"]})))["delivery"]
        assert (delivery["state"], delivery["error"]) == ("ERROR", NOT_SET)
        assert (await it.write(mail(to=A, **{field: []}), "m2"))["delivery"]["state"] == "SUCCESS"


async def test_a_user_counts_as_they_are_when_a_mail_is_composed(it: Installation) -> None:
    await it.write(mail(toUids=["u1"]))
    await it.http.put("/v1/users/u1", json={"email": "new@example.com"})
    await it.write(mail(toUids=["u1"]), "m2")
    await it.http.delete("/v1/users/u1")
    gone = (await it.write(mail(toUids=["u1"]), "m3"))["delivery"]
    assert [recipients for _, recipients, _ in it.box.taken] == [[U1], ["new@example.com"]]
    assert gone["error"] == NOBODY


async def test_a_mended_user_is_written_to_by_a_retry(it: Installation) -> None:
    await it.write(mail(toUids=["noemail"]))
    await it.http.put("/v1/users/noemail", json={"email": A})
    assert (await it.http.post("/v1/mail/m1/retry")).status_code == 200
    assert (await it.reached("SUCCESS"))["delivery"]["attempts"] == 2


async def test_the_document_keeps_its_uids(it: Installation) -> None:
    written = await it.write(mail(to=A, toUids=["u1"]))
    assert (written["to"], written["toUids"]) == (A, ["u1"])


async def test_a_remainder_needs_no_user_any_more(tmp_path: Path) -> None:
    bounds = Bounds(transient_attempts=2, retry_base_ms=1_000)
    clock = HandClock()
    async with Installation(tmp_path, clock=clock, bounds=bounds) as it:
        await known(it)
        it.box.rcpt[U2] = ["450 4.2.1 later"]
        delivery = (await it.write(mail(toUids=["u1", "u2"])))["delivery"]
        assert delivery["info"]["pending"] == [U2]
        await it.http.delete("/v1/users/u2")
        clock.advance(5_000)
        it.engine.wake()
        info = await eventually(lambda: accepted(it, 2))
        assert info["accepted"] == [U1, U2]


async def accepted(it: Installation, count: int) -> dict[str, Any] | None:
    info: dict[str, Any] = (await it.read())["delivery"]["info"]
    return info if len(info["accepted"]) == count else None


async def test_while_the_store_is_out_of_reach_the_mail_waits(
    it: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, failed = it.store.users.names, 0

    async def failing(ids: Any) -> Any:
        nonlocal failed
        if failed < 2:
            failed += 1
            raise StoreUnavailable("the disk is full")
        return await names(ids)

    monkeypatch.setattr(it.store.users, "names", failing)
    delivery = (await it.write(mail(toUids=["u1"])))["delivery"]
    assert (delivery["state"], delivery["attempts"], failed) == ("SUCCESS", 1, 2)


async def test_a_mail_without_uids_looks_nobody_up(
    it: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*given: Any) -> Any:
        raise AssertionError("looked up")

    monkeypatch.setattr(it.store.users, "names", never)
    monkeypatch.setattr(it.store.templates, "version", never)
    assert (await it.write(mail(to=A)))["delivery"]["state"] == "SUCCESS"
