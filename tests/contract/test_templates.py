"""The contract's cases for templates, through HTTP, the real renderer and a real SMTP server.

The numbers are those of the Trigger Email contract, section 10; where section 9 differs on
purpose, its right column is what must happen.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from franking.clock import HandClock
from franking.core.delivery import Bounds
from franking.stores.base import StoreUnavailable
from installation import Installation
from stored import new_store

A = "a@example.com"
HELLO = {"subject": "Hello", "text": "plain", "html": "<b>html</b>"}
TEMPLATE = "ValidationError: Invalid template configuration: "
BLANK = (
    "ValidationError: Invalid message configuration: "
    "At least one of 'text' or 'html' must be provided in message"
)
NOT_SET = "Error: Must specify a templates collection to send using a template."

TEMPLATES: dict[str, dict[str, Any]] = {
    "following": {
        "subject": "@{{username}} is now following you!",
        "html": "Hi <code>@{{username}}</code> ({{name}})",
        "text": "{{name}} & co",
        "attachments": [{"filename": "{{username}}.jpg", "content": "{{{name}}}"}],
    },
    "escaping": {"html": "{{v}}|{{{v}}}", "text": "{{v}}|{{{v}}}", "subject": "{{v}}"},
    "footer": {"partial": True, "html": "<i>{{who}}</i>"},
    "with footer": {"html": "x {{> footer}}", "subject": "s"},
    "footer in subject": {"subject": "{{> footer}}", "html": "x"},
    "no partial": {"html": "{{> nothere}}"},
    "inline": {"html": '{{#*inline "i"}}I{{n}}{{/inline}}{{> i n="1"}}'},
    "missing": {"subject": "m[{{none}}]", "html": "a[{{none.of.it}}]"},
    "helper": {"html": "{{upper name}}"},
    "brace": {"html": "{{#if}"},
    "strict": {"html": "x", "attachments": [{"filename": "{{nope}}"}]},
    "file": {"html": "x", "attachments": [{"filename": "{{v}}.txt", "content": "{{v}}"}]},
    "subject": {"subject": "S {{n}}"},
    "text": {"text": "T {{n}}"},
    "empty": {"subject": "", "html": None, "text": "x"},
    "comes out empty": {"html": "{{nothing}}"},
    "called": {"name": "another", "text": "by name"},
    "all": {"subject": "S", "text": "T", "html": "H", "amp": "<html amp4email>A"},
}


@pytest_asyncio.fixture
async def it(tmp_path: Path) -> AsyncIterator[Installation]:
    async with Installation(tmp_path) as installation:
        await known(installation)
        yield installation


async def known(it: Installation) -> None:
    for id, document in TEMPLATES.items():
        answer = await it.http.put(f"/v1/templates/{id}", json=document)
        assert answer.status_code == 201, answer.text


def mail(name: str, data: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    template = {"name": name} if data is None else {"name": name, "data": data}
    return {"to": A, "template": template, **fields}


def bodies(sent: Any) -> dict[str, str]:
    """The texts of a mail by their media types, without the end of the last line."""
    parts = [p for p in sent.walk() if not p.is_multipart() and not p.get_filename()]
    return {p.get_content_type(): p.get_content().rstrip("\r\n") for p in parts}


async def sent(it: Installation, document: dict[str, Any], id: str = "m1") -> Any:
    delivery = (await it.write(document, id))["delivery"]
    assert delivery["state"] == "SUCCESS", delivery["error"]
    return it.box.mails[-1]


REFUSED = [
    (72, {"name": ""}, TEMPLATE + "Field 'template.name' cannot be empty"),
    (73, {"name": 7}, TEMPLATE + "Field 'template.name' must be a string"),
    (74, {}, TEMPLATE + "Field 'template.name' must be a string"),
    (75, "x", TEMPLATE + "Field 'template' must be a map"),
    (76, {"name": "n", "data": "x"}, TEMPLATE + "Field 'template.data' must be a map"),
    (77, {"name": "n", "data": None}, TEMPLATE + "Field 'template.data' must be a map"),
    (78, {"name": "n", "data": [1]}, TEMPLATE + "Field 'template.data' must be a map"),
    (79, None, TEMPLATE + "Field 'template' must be a map"),
]


@pytest.mark.parametrize(("case", "template", "error"), REFUSED, ids=[f"{c[0]}" for c in REFUSED])
async def test_a_template_with_trouble_is_told_at_once(
    it: Installation, case: int, template: Any, error: str
) -> None:
    document = {"to": A, "message": HELLO, "template": template}
    delivery = (await it.write(document))["delivery"]
    assert (delivery["state"], delivery["attempts"], delivery["error"]) == ("ERROR", 0, error)
    assert it.box.dots == 0


FAILED = [
    (56, mail("footer in subject"), "Error: The partial footer could not be found"),
    (57, mail("no partial"), "Error: The partial nothere could not be found"),
    (63, mail("helper", {"name": "x"}), 'Error: Missing helper: "upper"'),
    (64, mail("brace"), "Error: Parse error on line 1:"),
    (66, mail("strict"), 'Error: "nope" not defined in [object Object] - 1:16'),
    (69, mail("nope"), "Error: Tried to render non-existent template 'nope'"),
    (69, mail("nope", message=HELLO), "Error: Tried to render non-existent template 'nope'"),
    (70, mail("footer"), "Error: Tried to render non-existent template 'footer'"),
    # A name takes the place of the id.
    (0, mail("called"), "Error: Tried to render non-existent template 'called'"),
    (83, mail("comes out empty"), BLANK),
    (0, mail("subject"), BLANK),
    (0, mail("subject", message={"text": None}), BLANK),
]


@pytest.mark.parametrize(
    ("case", "document", "error"), FAILED, ids=[f"{c[0]} {c[2][7:40]}" for c in FAILED]
)
async def test_what_cannot_be_rendered_ends_in_error(
    it: Installation, case: int, document: dict[str, Any], error: str
) -> None:
    delivery = (await it.write(document))["delivery"]
    assert (delivery["state"], delivery["attempts"], delivery["outcome"]) == (
        "ERROR",
        1,
        "not_sent",
    )
    assert delivery["error"].startswith(error)
    assert it.box.dots == 0


@pytest.mark.case(52, 53)
async def test_cases_52_and_53_a_template_is_filled_in(it: Installation) -> None:
    found = await sent(it, mail("following", {"username": "ada", "name": "Ada <L>"}))
    assert found["subject"] == "@ada is now following you!"
    assert bodies(found) == {
        "text/plain": "Ada <L> & co",
        "text/html": "Hi <code>@ada</code> (Ada &lt;L&gt;)",
    }
    [file] = found.iter_attachments()
    assert (file.get_filename(), file.get_content()) == ("ada.jpg", b"Ada <L>")


@pytest.mark.case(54)
async def test_case_54_html_is_escaped_and_text_is_not(it: Installation) -> None:
    found = await sent(it, mail("escaping", {"v": "<&\"'`=>"}))
    escaped = "&lt;&amp;&quot;&#x27;&#x60;&#x3D;&gt;"
    assert found["subject"] == "<&\"'`=>"
    assert bodies(found) == {
        "text/plain": "<&\"'`=>|<&\"'`=>",
        "text/html": f"{escaped}|<&\"'`=>",
    }


@pytest.mark.case(55)
async def test_case_55_a_partial_is_put_in(it: Installation) -> None:
    found = await sent(it, mail("with footer", {"who": "me"}))
    assert bodies(found) == {"text/html": "x <i>me</i>"}


@pytest.mark.case(59)
async def test_case_59_a_partial_may_be_inline(it: Installation) -> None:
    assert bodies(await sent(it, mail("inline"))) == {"text/html": "I1"}


@pytest.mark.case(62)
@pytest.mark.parametrize("data", [None, {}, {"none": {}}])
async def test_case_62_what_is_missing_is_empty(
    it: Installation, data: dict[str, Any] | None
) -> None:
    found = await sent(it, mail("missing", data))
    assert found["subject"] == ("m[[object Object]]" if data else "m[]")
    assert bodies(found) == {"text/html": "a[]"}


@pytest.mark.case(67, 68)
@pytest.mark.parametrize("value", ['a"b', "a=b&c", "two\nlines", "\\u0041", "\U0001f600"])
async def test_cases_67_and_68_a_file_has_its_values_as_they_are(
    it: Installation, value: str
) -> None:
    found = await sent(it, mail("file", {"v": value}))
    [file] = found.iter_attachments()
    assert file.get_payload(decode=True).decode() == value
    assert file.get_filename() == value.replace("\n", " ") + ".txt"


@pytest.mark.case(80)
async def test_case_80_what_is_rendered_wins_and_attachments_stay(it: Installation) -> None:
    own = {**HELLO, "attachments": [{"filename": "own.txt", "content": "own"}]}
    found = await sent(it, mail("subject", {"n": 1}, message=own))
    assert found["subject"] == "S 1"
    assert bodies(found) == {"text/plain": "plain", "text/html": "<b>html</b>"}
    assert [file.get_filename() for file in found.iter_attachments()] == ["own.txt"]
    data = {"username": "u", "name": "n"}
    other = await sent(it, mail("following", data, message=own), "m2")
    assert [file.get_filename() for file in other.iter_attachments()] == ["u.jpg"]


@pytest.mark.case(83)
async def test_case_83_an_empty_part_is_none(it: Installation) -> None:
    found = await sent(it, mail("empty", message=HELLO))
    assert found["subject"] == "Hello"
    assert bodies(found) == {"text/plain": "x", "text/html": "<b>html</b>"}


async def test_a_part_that_comes_out_empty_wins(it: Installation) -> None:
    found = await sent(it, mail("comes out empty", message=HELLO))
    assert bodies(found) == {"text/plain": "plain"}


@pytest.mark.case(84)
async def test_case_84_what_a_template_lacks_is_the_messages(it: Installation) -> None:
    found = await sent(it, mail("text", {"n": 2}, message={"subject": "own"}))
    assert (found["subject"], bodies(found)) == ("own", {"text/plain": "T 2"})
    bare = await sent(it, mail("text", {"n": 3}), "m2")
    assert ("subject" in bare, bodies(bare)) == (False, {"text/plain": "T 3"})


async def test_amp_is_sent(it: Installation) -> None:
    found = await sent(it, mail("all"))
    assert list(bodies(found)) == ["text/plain", "text/x-amp-html", "text/html"]


async def test_a_template_is_called_by_its_name(it: Installation) -> None:
    assert bodies(await sent(it, mail("another"))) == {"text/plain": "by name"}


@pytest.mark.case(85)
async def test_case_85_without_a_collection_of_templates_none_is_rendered(tmp_path: Path) -> None:
    async with Installation(tmp_path, templates=False) as it:
        await known(it)
        for id, document in (("m1", mail("all")), ("m2", mail("all", message=HELLO))):
            delivery = (await it.write(document, id))["delivery"]
            assert (delivery["state"], delivery["error"]) == ("ERROR", NOT_SET)


@pytest.mark.case(124)
async def test_case_124_a_template_counts_as_it_is_when_a_mail_is_composed(
    it: Installation,
) -> None:
    await sent(it, mail("text", {"n": 1}))
    await it.http.put("/v1/templates/text", json={"text": "new {{n}}"})
    assert bodies(await sent(it, mail("text", {"n": 2}), "m2")) == {"text/plain": "new 2"}
    await it.http.delete("/v1/templates/text")
    gone = (await it.write(mail("text"), "m3"))["delivery"]
    assert gone["error"] == "Error: Tried to render non-existent template 'text'"
    await it.http.delete("/v1/templates/footer")
    gone = (await it.write(mail("with footer"), "m4"))["delivery"]
    assert gone["error"] == "Error: The partial footer could not be found"


async def test_what_another_process_changed_is_seen_within_a_second(tmp_path: Path) -> None:
    clock = HandClock()
    async with Installation(tmp_path, clock=clock) as it:
        await known(it)
        await sent(it, mail("text", {"n": 1}))
        other = new_store(tmp_path)
        await other.open()
        await other.templates.delete("text", lambda before: None)
        await other.close()
        clock.advance(1_000)
        gone = (await it.write(mail("text"), "m2"))["delivery"]
        assert gone["error"] == "Error: Tried to render non-existent template 'text'"


async def test_a_retry_renders_anew_what_it_sends(tmp_path: Path) -> None:
    clock = HandClock()
    bounds = Bounds(transient_attempts=3, retry_base_ms=1_000)
    async with Installation(tmp_path, clock=clock, bounds=bounds) as it:
        await known(it)
        it.box.rcpt[A] = ["450 4.2.1 later"]
        await it.http.put("/v1/mail/m1", json=mail("text", {"n": 1}))
        await it.reached("RETRY")
        await it.http.put("/v1/templates/text", json={"text": "new {{n}}"})
        await it.http.patch("/v1/mail/m1", json={"template": {"name": "text", "data": {"n": 2}}})
        clock.advance(60_000)
        it.engine.wake()
        await it.reached("SUCCESS")
        assert bodies(it.box.mails[-1]) == {"text/plain": "new 2"}
        timeline = (await it.http.get("/v1/mail/m1/timeline")).json()["attempts"]
        assert [attempt["revision"] for attempt in timeline] == [1, 2]


async def test_a_template_meets_its_users(it: Installation) -> None:
    await it.http.put("/v1/users/u1", json={"email": "u1@example.com"})
    document = {"toUids": ["u1"], "template": {"name": "text", "data": {"n": 1}}}
    await sent(it, document)
    [(_, recipients, found)] = it.box.taken
    assert (recipients, bodies(found)) == (["u1@example.com"], {"text/plain": "T 1"})


async def test_what_data_brings_reaches_no_header(it: Installation) -> None:
    broken = "x\r\nBcc: evil@example.com\r\n\r\nbody"
    found = await sent(it, mail("escaping", {"v": broken}))
    assert found["subject"] == "x Bcc: evil@example.com  body"
    file = await sent(it, mail("file", {"v": broken}), "m2")
    assert [recipients for _, recipients, _ in it.box.taken] == [[A], [A]]
    assert "bcc" not in found
    assert "bcc" not in file
    [attached] = file.iter_attachments()
    assert list(attached.keys()) == [
        *("Content-Type", "Content-Transfer-Encoding", "Content-Disposition")
    ]


async def test_a_templates_source_is_looked_at_as_any_documents(it: Installation) -> None:
    """Local files never; nothing of a template is trusted more than a mail's own."""
    files = [{"path": "{{v}}"}]
    await it.http.put("/v1/templates/leak", json={"text": "x", "attachments": files})
    delivery = (await it.write(mail("leak", {"v": "/etc/hostname"})))["delivery"]
    assert delivery["error"].startswith("Error: Attachment source is not allowed: ")
    assert it.box.dots == 0


async def test_a_file_that_is_no_file_is_told(it: Installation) -> None:
    files = [{"headers": "x", "content": "c"}]
    await it.http.put("/v1/templates/odd", json={"text": "x", "attachments": files})
    delivery = (await it.write(mail("odd")))["delivery"]
    assert delivery["error"] == (
        "ValidationError: Invalid message configuration: "
        "Field 'message.attachments.0.headers' must be a map"
    )


async def test_what_is_rendered_large_is_sent(it: Installation) -> None:
    await it.http.put("/v1/templates/long", json={"text": "{{#each n}}{{../line}}\n{{/each}}"})
    data = {"n": [0] * 5_000, "line": "x" * 100}
    found = await sent(it, mail("long", data))
    assert bodies(found)["text/plain"].count("x") == 500_000


async def test_while_the_store_is_out_of_reach_the_mail_waits(
    it: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    version, failed = it.store.templates.version, 0

    async def failing() -> int:
        nonlocal failed
        if failed < 2:
            failed += 1
            raise StoreUnavailable("the disk is full")
        return await version()

    monkeypatch.setattr(it.store.templates, "version", failing)
    await it.http.put("/v1/templates/text", json={"text": "again"})
    delivery = (await it.write(mail("text")))["delivery"]
    assert (delivery["state"], delivery["attempts"], failed) == ("SUCCESS", 1, 2)


async def test_a_list_shows_which_template_it_is(it: Installation) -> None:
    await it.write(mail("following", {"username": "ada", "name": "A"}))
    [line] = (await it.store.look.mails(_everything(), 10, 100)).lines
    assert (line.recipient, line.subject) == (A, "(template following)")
    found = (await it.http.get("/v1/mail", params={"q": "follow"})).json()["items"]
    assert [one["id"] for one in found] == ["m1"]


def _everything() -> Any:
    from franking.stores.base import Filter

    return Filter()


async def test_a_template_is_tried_out(it: Installation) -> None:
    answer = await it.http.post(
        "/v1/templates/following/render", json={"data": {"username": "ada", "name": "A&B"}}
    )
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "subject": "@ada is now following you!",
            "html": "Hi <code>@ada</code> (A&amp;B)",
            "text": "A&B & co",
            "amp": None,
            "attachments": [{"filename": "ada.jpg", "content": "A&B"}],
        },
    )
    assert it.box.dots == 0


async def test_an_unsaved_template_is_tried_out_with_the_partials_there_are(
    it: Installation,
) -> None:
    asked = {"data": {"who": "me"}, "document": {"html": "y {{> footer}}"}}
    answer = await it.http.post("/v1/templates/new/render", json=asked)
    assert answer.json()["html"] == "y <i>me</i>"
    assert answer.json()["subject"] is None
    assert (await it.http.get("/v1/templates/new")).status_code == 404


@pytest.mark.parametrize(
    ("id", "asked", "status", "reason", "words"),
    [
        ("nope", {}, 404, "unknown_template", "There is no template with id nope."),
        ("helper", {}, 422, "not_rendered", 'Error: Missing helper: "upper"'),
        ("brace", {}, 422, "not_rendered", "Error: Parse error on line 1:"),
        ("strict", {}, 422, "not_rendered", 'Error: "nope" not defined in [object Object] - 1:16'),
        ("footer", {}, 422, "not_rendered", "Tried to render non-existent template 'footer'"),
        ("text", {"data": "x"}, 422, "bad_field", "Field 'data' must be a map."),
        ("text", {"data": [1]}, 422, "bad_field", "Field 'data' must be a map."),
        ("text", {"document": "x"}, 422, "bad_field", "Field 'document' must be a map."),
        ("text", {"name": "x"}, 422, "bad_field", "Field 'name' is not known here."),
        ("text", {"document": {"html": 5}}, 422, "invalid_document", "Field 'html' must be"),
        ("text", {"document": {"html": "x" * 1_048_570}}, 413, "too_large", "1048576 bytes"),
    ],
)
async def test_what_cannot_be_tried_out_is_told(
    it: Installation, id: str, asked: dict[str, Any], status: int, reason: str, words: str
) -> None:
    answer = await it.http.post(f"/v1/templates/{id}/render", json=asked)
    assert (answer.status_code, answer.json()["reason"]) == (status, reason)
    assert words in answer.json()["detail"]


@pytest.mark.parametrize("asked", [{}, {"data": None}, {"data": {}, "document": None}, None])
async def test_nothing_need_be_given(it: Installation, asked: Any) -> None:
    answer = await it.http.post("/v1/templates/text/render", json=asked)
    if asked is None:
        answer = await it.http.post("/v1/templates/text/render")
    assert (answer.status_code, answer.json()["text"]) == (200, "T ")
