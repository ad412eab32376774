"""`franking account` and `mail retry` of many, as processes: refusals, secrets, what they do."""

from __future__ import annotations

import base64
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from .processes import franking, mailbox, serving

PASSWORD = "geheim-und-lang-73"
SET = ("account", "set", "rep", "--host", "127.0.0.1", "--port", "1", "--user", "rep")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("account", "show", "nobody"), 1, "There is no account with id nobody."),
        (("account", "test", "nobody"), 1, "There is no account with id nobody."),
        (("account", "pause", "nobody"), 1, "There is no account with id nobody."),
        (("account", "delete", "nobody"), 1, "There is no account with id nobody."),
        (SET, 1, "Field 'password' is missing"),
        ((*SET, "--password"), 2, "Nobody is here to be asked: use --password-stdin"),
        ((*SET, "--password-stdin"), 2, "Standard input holds no password."),
        (("account", "set", "rep", "--preset", "yahoo"), 1, "Field 'preset' must be gmail"),
        (
            ("account", "set", "rep", "--uri", f"smtps://u:{PASSWORD}@h:465"),
            2,
            "A password in --uri would be seen in the process list",
        ),
        (("account", "pause", "default", "--until", "soon"), 1, "Field 'until' must be an RFC"),
        (("mail", "retry"), 2, "Name a mail by its id, or many by what they have in common"),
        (("mail", "retry", "m1", "--state", "ERROR"), 2, "Name one mail by its id, or many"),
        (("mail", "retry", "--state", "BAD"), 1, "Field 'state' must be one of"),
    ],
)
async def test_what_is_wrong_is_told(
    tmp_path: Path, arguments: tuple[str, ...], code: int, told: str
) -> None:
    ended = await franking(tmp_path, *arguments)
    assert (ended.code, ended.out) == (code, "")
    assert told in ended.err
    assert PASSWORD not in ended.err


async def test_a_database_of_another_key_is_not_served(tmp_path: Path) -> None:
    stdin = PASSWORD.encode()
    ended = await franking(tmp_path, *SET, "--password-stdin", stdin=stdin, secret_key=key(b"a"))
    assert ended.code == 0
    uri = "smtp://127.0.0.1:1"
    refused = await franking(
        tmp_path, "serve", http="127.0.0.1:0", smtp_connection_uri=uri, secret_key=key(b"b")
    )
    assert refused.code == 3
    assert "The secret of an account is sealed with the key" in refused.err
    assert "which is not in FRANKING_SECRET_KEY" in refused.err


async def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    stdin = PASSWORD.encode()
    assert (await franking(tmp_path, *SET, "--password-stdin", stdin=stdin)).code == 0
    (tmp_path / "franking.db-key").chmod(0o644)
    ended = await franking(tmp_path, "account", "list")
    assert ended.code == 3
    assert "is open to others (mode 0644)" in ended.err


async def test_keys_change_by_rekey(tmp_path: Path) -> None:
    stdin, both = PASSWORD.encode(), f"{key(b'b')},{key(b'a')}"
    await franking(tmp_path, *SET, "--password-stdin", stdin=stdin, secret_key=key(b"a"))
    for words in ("1 secrets are", "0 secrets are"):
        ended = await franking(tmp_path, "account", "rekey", secret_key=both)
        assert (ended.code, ended.out) == (0, f"{words} under the first key now.\n")
    ended = await franking(tmp_path, "account", "test", "rep", secret_key=key(b"b"))
    assert "ECONNREFUSED" in ended.out


async def test_a_secret_goes_in_and_is_in_no_file_and_no_output(tmp_path: Path) -> None:
    stdin = f"{PASSWORD}\n".encode()
    made = await franking(tmp_path, *SET, "--password-stdin", stdin=stdin)
    assert (made.code, made.err) == (0, "")
    changed = await franking(tmp_path, "account", "set", "rep", "--per-day", "7")
    shown = await franking(tmp_path, "account", "show", "rep", "--json")
    [account] = shown.values
    assert (account["password"], account["limits"]["perDay"]) == (True, 7)
    assert account["transport"]["user"] == "rep"
    for ended in (made, changed, shown):
        assert PASSWORD not in ended.out
    for file in tmp_path.iterdir():  # noqa: ASYNC240 (a few files of a test)
        assert PASSWORD.encode() not in file.read_bytes()


async def test_an_account_is_tried_paused_resumed_and_forgotten(tmp_path: Path) -> None:
    async with mailbox() as capture, serving(tmp_path, capture.port):
        uri = f"smtp://127.0.0.1:{capture.port}"
        assert (await franking(tmp_path, "account", "set", "rep", "--uri", uri)).code == 0
        works = await franking(tmp_path, "account", "test", "rep")
        assert (works.code, works.out) == (0, "It signs in. Nothing need be done.\n")
        paused = await franking(tmp_path, "account", "pause", "rep", "--reason", "moving house")
        assert "moving house" in paused.out
        listed = await franking(tmp_path, "account", "list")
        assert "paused" in listed.out
        assert "ok" in (await franking(tmp_path, "account", "resume", "rep")).out
        send = ("send", "--file", "-")
        mail = {"to": "ada@example.com", "account": "rep", "message": {"subject": "", "text": "t"}}
        sent = await franking(tmp_path, *send, stdin=json.dumps(mail).encode())
        assert (sent.code, len(capture.mails)) == (0, 1)
        forgotten = await franking(tmp_path, "account", "delete", "rep")
        assert (forgotten.code, forgotten.out) == (0, "rep is forgotten.\n")
        refused = await franking(tmp_path, *send, stdin=json.dumps(mail).encode())
        assert refused.code == 1
        assert 'The account "rep" is not known.' in refused.out


async def test_what_does_not_work_is_told_with_what_to_do(tmp_path: Path) -> None:
    await franking(tmp_path, *SET, "--password-stdin", stdin=b"x")
    ended = await franking(tmp_path, "account", "test", "rep")
    assert ended.code == 1
    assert "ECONNREFUSED" in ended.out
    assert "Nothing listens there: look at transport.host" in ended.out


async def test_many_are_retried_in_several_calls(tmp_path: Path) -> None:
    mail = {"to": "ada@example.com", "message": {"subject": "s", "text": "t"}}
    (tmp_path / "mails.jsonl").write_text((json.dumps(mail) + "\n") * 1_200)
    assert (await franking(tmp_path, "import", "mails.jsonl")).code == 0
    with closing(sqlite3.connect(tmp_path / "franking.db")) as connection:
        connection.execute("UPDATE mail SET state = 'ERROR', category = 'mailbox_disconnected'")
        connection.execute("UPDATE mail SET touchpoint_id = 't' WHERE seq % 100 = 0")
        connection.commit()
    asked = ("mail", "retry", "--state", "error", "--category", "mailbox_disconnected")
    ended = await franking(tmp_path, *asked)
    assert ended.code == 0
    assert ended.out.splitlines()[-2] == "1188 retried, 0 left out, 12 refused."
    assert ended.out.splitlines()[-1].startswith("12: Manual emails can't be retried.")


def key(letter: bytes) -> str:
    return base64.b64encode(letter * 32).decode()
