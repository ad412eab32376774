"""`franking template`, as processes: files and folders, refusals, what it prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .processes import franking, mailbox, serving

DOCUMENT = {"subject": "Hello {{name}}", "html": "<p>{{name}}</p>{{> footer}}", "own": [1]}


def folder(tmp_path: Path, **files: str) -> Path:
    """A folder with these files; `_` in a name stands for a dot."""
    place = tmp_path / "templates"
    place.mkdir(exist_ok=True)
    for name, text in files.items():
        (place / name.replace("_", ".")).write_text(text, "utf-8")
    return place


def shelf(tmp_path: Path) -> Path:
    return folder(
        tmp_path,
        welcome_json=json.dumps(DOCUMENT),
        welcome_text_hbs="Hi {{name}},\n\nwelcome.\n",
        footer_html_hbs="<i>us</i>",
        footer_json='{"partial": true}',
        subject_subject_hbs="only {{name}}\r\n",
        README_md="no template",
        _hidden="neither",
    )


async def test_a_folder_is_kept_shown_and_listed(tmp_path: Path) -> None:
    ended = await franking(tmp_path, "template", "set", str(shelf(tmp_path)))
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == "footer is kept.\nsubject is kept.\nwelcome is kept.\n"
    [found] = (await franking(tmp_path, "template", "show", "welcome", "--json")).values
    assert found == {"id": "welcome", **DOCUMENT, "text": "Hi {{name}},\n\nwelcome.\n"}
    [line] = (await franking(tmp_path, "template", "list", "--q", "sub", "--json")).values
    assert line == {"id": "subject", "subject": "only {{name}}"}
    listed = (await franking(tmp_path, "template", "list")).out
    assert listed.splitlines()[1].split() == ["footer", "partial", "html"]
    shown = (await franking(tmp_path, "template", "show", "footer")).out
    assert "yes" in shown
    assert "<i>us</i>" in shown


async def test_a_file_stands_for_all_of_its_id(tmp_path: Path) -> None:
    place = shelf(tmp_path)
    ended = await franking(tmp_path, "template", "set", str(place / "welcome.text.hbs"))
    assert (ended.code, ended.out) == (0, "welcome is kept.\n")
    [found] = (await franking(tmp_path, "template", "show", "welcome", "--json")).values
    assert found["html"] == DOCUMENT["html"]
    removed = await franking(tmp_path, "template", "delete", "welcome")
    assert (removed.code, removed.out) == (0, "welcome is removed.\n")
    assert (await franking(tmp_path, "template", "list")).out == "No template.\n"


async def test_one_is_tried_out_kept_or_not(tmp_path: Path) -> None:
    place = shelf(tmp_path)
    await franking(tmp_path, "template", "set", str(place))
    (tmp_path / "data.json").write_text('{"name": "A&B"}')
    given = ("template", "render", "welcome", "--data", "data.json")
    ended = await franking(tmp_path, *given)
    assert ended.code == 0
    assert json.loads(ended.out) == {
        "subject": "Hello A&B",
        "text": "Hi A&B,\n\nwelcome.\n",
        "html": "<p>A&amp;B</p><i>us</i>",
        "amp": None,
        "attachments": None,
    }
    folder(tmp_path, welcome_html_hbs="new {{name}}{{> footer}}")
    new = await franking(tmp_path, *given, "--file", str(place), "--part", "html")
    assert (new.code, new.out) == (0, "new A&amp;B<i>us</i>\n")
    old = await franking(tmp_path, "template", "render", "welcome", "--part", "html")
    assert old.out == "<p></p><i>us</i>\n"
    piped = await franking(
        tmp_path, *given[:3], "--data", "-", "--part", "subject", stdin=b'{"name": "x"}'
    )
    assert piped.out == "Hello x\n"


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("show", "nope"), 1, "There is no template with id nope. Check the id"),
        (("delete", "nope"), 1, "There is no template with id nope."),
        (("render", "nope"), 1, "There is no template with id nope."),
        (("set", "none"), 2, "none is no template by its name: they are called ID.json, or"),
        (("set", "none.json"), 2, "none.json can't be read: there is no such file."),
        (("set", "none/none.json"), 2, "none can't be read: No such file or directory."),
        (("set", "empty"), 2, "empty has no template: they are called ID.json"),
        (("set", "bad/a.json"), 2, "bad/a.json is no JSON that can be read: "),
        (("set", "list/a.json"), 2, "list/a.json holds no JSON object."),
        (("set", "latin/a.text.hbs"), 2, "latin/a.text.hbs is not UTF-8 (byte 1)."),
        (("set", "part"), 2, "part/a.txt.hbs is no template by its name"),
        (("set", "large/a.html.hbs"), 2, "large/a.html.hbs has more than 1048576 bytes."),
        (("render", "a", "--data", "none"), 2, "none can't be read: No such file or directory."),
        (("render", "a", "--data", "list/a.json"), 2, "list/a.json holds no JSON object."),
        (("render", "b", "--file", "bad"), 2, "bad/a.json is no JSON that can be read: "),
        (("render", "b", "--file", "list/b.json"), 1, "Error: Parse error on line 1:"),
        (("render", "a", "--file", "list/b.json"), 2, "list/b.json has no template a."),
        (("render", "b", "--file", "ok/b.json", "--part", "amp"), 1, "b has no amp."),
        (("render", "b", "--file", "wrong/b.json"), 1, "Field 'html' must be a string."),
    ],
)
async def test_what_goes_wrong_is_told(
    tmp_path: Path, arguments: tuple[str, ...], code: int, told: str
) -> None:
    files: dict[str, bytes] = {
        "bad/a.json": b"{",
        "list/a.json": b"[]",
        "list/b.json": b'{"html": "{{#if}"}',
        "ok/b.json": b'{"html": "x"}',
        "wrong/b.json": b'{"html": 5}',
        "latin/a.text.hbs": b"a\xe9b",
        "part/a.txt.hbs": b"a",
        "large/a.html.hbs": b"x" * 1_048_577,
    }
    for name, octets in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(octets)
    (tmp_path / "empty").mkdir()
    ended = await franking(tmp_path, "template", *arguments)
    assert (ended.code, ended.out) == (code, "")
    assert ended.err.startswith(told)


async def test_one_that_is_refused_stops_no_other(tmp_path: Path) -> None:
    place = folder(tmp_path, a_json='{"html": 5}', b_json='{"html": "b"}', c_json='{"name": ""}')
    ended = await franking(tmp_path, "template", "set", str(place))
    assert (ended.code, ended.out) == (1, "b is kept.\n")
    assert ended.err.splitlines()[0].startswith("a: Field 'html' must be a string.")
    assert ended.err.splitlines()[-1] == "2 of 3 were refused."


async def test_what_is_set_while_it_serves_is_sent(tmp_path: Path) -> None:
    place = shelf(tmp_path)
    async with mailbox() as capture, serving(tmp_path, capture.port):
        assert (await franking(tmp_path, "template", "set", str(place))).code == 0
        mail = {"to": "ada@example.com", "template": {"name": "welcome", "data": {"name": "Ada"}}}
        send = ("send", "--file", "-")
        sent = await franking(tmp_path, *send, stdin=json.dumps(mail).encode())
        assert (sent.code, len(capture.mails)) == (0, 1)
        tried = await franking(tmp_path, "template", "render", "welcome", "--part", "subject")
        assert tried.out == "Hello \n"
        listed = await franking(tmp_path, "mail", "list")
        assert "ada@example.com" in listed.out


async def test_a_collection_may_be_turned_off(tmp_path: Path) -> None:
    place = shelf(tmp_path)
    await franking(tmp_path, "template", "set", str(place))
    tried = await franking(tmp_path, "template", "render", "welcome", templates_collection="")
    assert tried.code == 1
    assert tried.err.startswith("Templates are not rendered here. ")
    async with mailbox() as capture:
        off = {"users_collection": "", "templates_collection": ""}
        async with serving(tmp_path, capture.port, **off):
            for asked, told in (
                ({"template": {"name": "welcome"}}, "Must specify a templates collection"),
                ({"toUids": ["u"], "message": {"subject": "s", "text": "t"}}, "a users collection"),
            ):
                mail = json.dumps({"to": "ada@example.com", **asked}).encode()
                sent = await franking(tmp_path, "send", "--file", "-", stdin=mail)
                assert sent.code == 1
                assert told in sent.out
