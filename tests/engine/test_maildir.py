"""The Maildir of bounces: one bad file never stops it, and nothing is lost or read twice."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

import reports
from eventually import eventually
from franking.app import maildir
from franking.config import SettingRefused, Settings
from franking.core.bounce import Bounce, Filing
from franking.engine import bounces
from franking.engine.bounces import Maildir
from franking.office.bounces import NotABounce
from franking.stores.base import StoreUnavailable
from installation import Installation

FOUND = Filing(fresh=(Bounce("f", "m1", "a@x", "failed", None, 1, None, None, ""),))


class Taker:
    """Takes reports as the office does; what it takes apart from that is told by its name."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.out_of_reach = False

    async def __call__(self, raw: bytes) -> Filing:
        if self.out_of_reach:
            raise StoreUnavailable("The disk is full.")
        if raw == b"bug":
            raise RuntimeError("a bug of ours")
        if raw == b"newsletter":
            raise NotABounce("It has no part of the type.")
        self.taken.append(raw)
        return Filing() if raw == b"foreign" else FOUND


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("new", "cur", "tmp"):
        (tmp_path / name).mkdir()
    return tmp_path


def drop(folder: Path, name: str, content: bytes) -> None:
    (folder / "new" / name).write_bytes(content)


def names(folder: Path, place: str) -> list[str]:
    return sorted(path.name for path in (folder / place).iterdir())


async def test_a_bad_file_stops_nothing(folder: Path) -> None:
    take = Taker()
    for name, content in (("1", b"bug"), ("2", b"newsletter"), ("3", b"foreign"), ("4", b"good")):
        drop(folder, name, content)
    assert await Maildir(folder, take).look() == 4
    assert names(folder, "cur") == ["1:2,", "2:2,", "3:2,", "4:2,S"]
    assert names(folder, "new") == []


async def test_what_can_not_be_moved_is_passed_over(folder: Path) -> None:
    take = Taker()
    drop(folder, "1", b"good")
    drop(folder, "2", b"good")
    (folder / "cur" / "1:2,S").mkdir()
    found = Maildir(folder, take)
    assert await found.look() == 1
    assert await found.look() == 0
    assert names(folder, "new") == ["1"]
    assert len(take.taken) == 2


async def test_what_is_no_file_is_left_alone(folder: Path) -> None:
    os.mkfifo(folder / "new" / "pipe")
    (folder / "new" / "link").symlink_to("/dev/zero")
    (folder / "new" / "folder").mkdir()
    assert await Maildir(folder, Taker()).look() == 0


async def test_while_the_store_is_out_of_reach_they_wait(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounces, "EVERY_SECONDS", 0.01)
    take = Taker()
    take.out_of_reach = True
    drop(folder, "1", b"good")
    task = asyncio.create_task(Maildir(folder, take).run())
    with pytest.raises(StoreUnavailable):
        await Maildir(folder, take).look()
    assert names(folder, "new") == ["1"]
    take.out_of_reach = False
    await eventually(lambda: moved(folder))
    task.cancel()


async def test_a_folder_that_goes_away_is_looked_for_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounces, "EVERY_SECONDS", 0.01)
    (folder / "new").rmdir()
    task = asyncio.create_task(Maildir(folder, Taker()).run())
    await asyncio.sleep(0)
    (folder / "new").mkdir()
    drop(folder, "1", b"good")
    await eventually(lambda: moved(folder))
    task.cancel()


async def moved(folder: Path, name: str = "1:2,S") -> bool:
    return names(folder, "cur") == [name]


async def test_a_report_is_handed_over_whole_and_in_order(folder: Path) -> None:
    take = Taker()
    for name in ("2.mx", "1.mx"):
        drop(folder, name, name.encode() + reports.POSTFIX)
    await Maildir(folder, take).look()
    assert take.taken == [b"1.mx" + reports.POSTFIX, b"2.mx" + reports.POSTFIX]


async def test_a_bounce_that_is_dropped_is_on_its_mails_timeline(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounces, "EVERY_SECONDS", 0.01)
    settings = Settings(bounce_maildir=folder)
    async with Installation(folder) as it, maildir.reading(settings, it.office):
        message = {"subject": "s", "text": "t"}
        mail = await it.write({"to": "nobody@example.net", "message": message})
        message_id = mail["delivery"]["info"]["messageId"]
        drop(folder, "1.mx", reports.about(reports.QMAIL, message_id))
        await eventually(lambda: it.office.bounces.of("m1"))
        await eventually(lambda: moved(folder, "1.mx:2,S"))


def test_a_setting_that_names_no_maildir_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingRefused, match="FRANKING_BOUNCE_MAILDIR"):
        maildir.check(Settings(bounce_maildir=tmp_path))
    maildir.check(Settings())
