"""`franking bounce`, `explain` and `suppression`, on a database that nobody serves."""

from __future__ import annotations

from pathlib import Path

import reports

from .processes import franking


async def test_what_is_no_report_ends_in_failure(tmp_path: Path) -> None:
    (tmp_path / "mail").write_bytes(b"Subject: hi\n\nhi")
    ended = await franking(tmp_path, "bounce", str(tmp_path / "mail"))
    assert ended.code == 1
    assert ended.err.startswith("This is no delivery report. ")
    assert (await franking(tmp_path, "bounce", str(tmp_path / "none"))).code == 2


async def test_a_report_on_no_mail_of_ours_says_so(tmp_path: Path) -> None:
    ended = await franking(tmp_path, "bounce", "-", stdin=reports.POSTFIX)
    assert (ended.code, ended.err) == (1, "It belongs to no mail of ours.\n")


async def test_words_are_explained_without_a_database(tmp_path: Path) -> None:
    ended = await franking(tmp_path, "explain", "550 5.1.1 no such user")
    assert ended.code == 0
    assert "recipient_not_found" in ended.out
    [found] = (
        await franking(tmp_path, "explain", "no such user", "--enhanced", "5.1.1", "--json")
    ).values
    assert found["cause"] == "recipient_unknown"
    assert not (tmp_path / "franking.db").exists()


async def test_addresses_are_suppressed_listed_and_let_off(tmp_path: Path) -> None:
    assert (await franking(tmp_path, "suppression", "list")).out.startswith("No address")
    refused = await franking(tmp_path, "suppression", "add", "nobody")
    assert refused.code == 1
    assert "is no address" in refused.err
    added = await franking(tmp_path, "suppression", "add", "Ada@example.com", "--reason", "asked")
    assert added.code == 0
    [found] = (await franking(tmp_path, "suppression", "list", "--q", "ADA", "--json")).values
    assert (found["address"], found["reason"]) == ("ada@example.com", "asked")
    assert (await franking(tmp_path, "suppression", "remove", "ada@example.com")).code == 0
    again = await franking(tmp_path, "suppression", "remove", "ada@example.com")
    assert (again.code, again.err.partition(".")[0]) == (
        1,
        "This address is not on the suppression list",
    )
