"""`franking key`: refused without the scope, then made, listed and revoked, served or not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .processes import franking, mailbox, serving

KEY = re.compile(r"fk_[0-9A-Z]{26}_[A-Za-z0-9_-]{43}\n")
ADMIN = ("key", "create", "--scope", "admin")


async def make(folder: Path, *arguments: str, **settings: str) -> str:
    ended = await franking(folder, "key", "create", *arguments, stdin=b"", **settings)
    assert (ended.code, bool(KEY.fullmatch(ended.out))) == (0, True)
    return ended.out.strip()


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["create"], 2, "--scope"),
        (
            ["create", "--scope", "root"],
            1,
            "mail:write, mail:read, timers, cadence, metrics, admin",
        ),
        (["create", "--scope", "admin", "--per-minute", "0"], 2, "--per-minute"),
        (["create", "--scope", "admin", "--per-minute", "1000001"], 1, "perMinute"),
        (["create", "--scope", "admin", "--name", "a\nb"], 1, "'name'"),
        (["revoke"], 2, "ID"),
        (["revoke", "none"], 1, "There is no key with this id."),
        (["revoke", "../mail/m"], 1, "An id has no '/'"),
        (["list", "--key", "hunter2"], 2, "--key must be a key, whole"),
    ],
)
async def test_what_can_not_be_is_refused(
    tmp_path: Path, arguments: list[str], code: int, told: str
) -> None:
    ended = await franking(tmp_path, "key", *arguments)
    assert (ended.code, ended.out) == (code, "")
    assert told in ended.err
    assert "hunter2" not in ended.err
    assert (await franking(tmp_path, "key", "list")).out.startswith("No key.")


async def test_a_key_is_printed_once_and_alone(tmp_path: Path) -> None:
    scopes = ("--scope", "mail:write", "--scope", "mail:read")
    ended = await franking(tmp_path, "key", "create", *scopes, "--name", "crm [b]north[/b]")
    assert KEY.fullmatch(ended.out)
    assert ended.err.startswith("It is kept as a hash and not shown again. ")
    listed = await franking(tmp_path, "key", "list")
    assert "crm [b]north[/b]" in listed.out
    assert "mail:write, mail:read" in listed.out
    assert ended.out.strip()[30:] not in listed.out


async def test_whoever_holds_the_file_needs_no_key_to_it(tmp_path: Path) -> None:
    key = await make(tmp_path, "--scope", "timers")
    assert (await franking(tmp_path, "mail", "list")).out == "No mail.\n"
    assert (await franking(tmp_path, "key", "revoke", key[3:29])).code == 0
    [listed] = (await franking(tmp_path, "key", "list", "--json")).values
    assert listed["revokeTime"] is not None


async def test_keys_are_made_and_revoked_through_a_running_serve(tmp_path: Path) -> None:
    async with mailbox() as capture, serving(tmp_path, capture.port) as server:
        admin = await make(tmp_path, "--scope", "admin", "--per-minute", "600")
        # From now on nobody is served without one, and nobody makes one without the scope.
        for arguments in (["key", "list"], ["mail", "list"], ADMIN):
            ended = await franking(tmp_path, *arguments)
            assert (ended.code, ended.out) == (1, "")
            assert "FRANKING_KEY" in ended.err
        reader = await make(tmp_path, "--scope", "mail:read", key=admin)
        refused = await franking(tmp_path, *ADMIN, key=reader)
        assert (refused.code, refused.out) == (1, "")
        assert "needs a key with the scope admin" in refused.err
        assert (await franking(tmp_path, "mail", "list", key=reader, url=server.url)).code == 0
        assert (await franking(tmp_path, "key", "revoke", reader[3:29], "--key", admin)).code == 0
        gone = await franking(tmp_path, "mail", "list", key=reader)
        assert (gone.code, gone.err.partition(".")[0]) == (1, "This key was revoked")
        assert len((await franking(tmp_path, "key", "list", "--json", key=admin)).values) == 2


async def test_an_import_goes_on_under_its_key_whichever_way_it_is_carried(tmp_path: Path) -> None:
    key = await make(tmp_path, "--scope", "mail:write")
    mail = '{"to": "ada@example.com", "message": {"subject": "s", "text": "t"}}\n'
    (tmp_path / "mails.jsonl").write_text(mail * 3)
    async with mailbox() as capture, serving(tmp_path, capture.port):
        assert (await franking(tmp_path, "import", "mails.jsonl", key=key)).code == 0
    forget(tmp_path)
    assert (await franking(tmp_path, "import", "mails.jsonl", key=key)).code == 0
    assert len((await franking(tmp_path, "mail", "list", "--json")).values) == 3


def forget(folder: Path) -> None:
    """What the import noted of its way, as if the last answers had been lost."""
    for note in folder.glob("*mails.jsonl?*"):
        note.unlink()
