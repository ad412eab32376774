"""What is filled into a document: its users' addresses, its template's parts."""

from __future__ import annotations

from typing import Any

import pytest

from franking.core.message import trouble
from franking.core.message.filling import addressed, rendered, uids, wanting

A, B, C = "a@x.org", "b@x.org", "c@x.org"
EMAILS = {"u1": B, "u2": C, "list": "d@x.org, E <e@x.org>"}
BLANK = (
    "ValidationError: Invalid message configuration: "
    "At least one of 'text' or 'html' must be provided in message"
)
NO_PARTS = dict.fromkeys(("subject", "text", "html", "amp"))


@pytest.mark.parametrize(
    ("document", "wanted"),
    [
        ({"to": A, "message": {}}, False),
        ({"to": A, "toUids": [], "ccUids": []}, False),
        ({"toUids": ["u"]}, True),
        ({"ccUids": ["u"]}, True),
        ({"bccUids": ["u"]}, True),
        ({"template": {"name": "t"}}, True),
    ],
)
def test_only_who_names_users_or_a_template_wants_something(
    document: dict[str, Any], wanted: bool
) -> None:
    assert wanting(document) is wanted


def test_each_user_is_asked_for_once() -> None:
    assert uids({"toUids": ["b", "a", "b"], "ccUids": [], "bccUids": ["c", "a"]}) == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("document", "filled"),
    [
        ({"to": A, "toUids": ["u1"]}, {"to": [A, B]}),
        ({"to": [A], "toUids": ["u2", "u1"]}, {"to": [A, C, B]}),
        ({"to": "", "toUids": ["u1"]}, {"to": [B]}),
        ({"to": [], "toUids": ["u1"]}, {"to": [B]}),
        ({"toUids": ["none", "u1", "u1"]}, {"to": [B, B]}),
        ({"cc": A, "ccUids": ["u1"], "bccUids": ["u2"]}, {"cc": [A, B], "bcc": [C]}),
        ({"toUids": ["list"]}, {"to": ["d@x.org, E <e@x.org>"]}),
        ({"to": A, "toUids": ["none"]}, {"to": A}),
        ({"to": A, "toUids": [], "x": 1}, {"to": A, "x": 1}),
    ],
)
def test_addresses_of_users_come_after_the_documents_own(
    document: dict[str, Any], filled: dict[str, Any]
) -> None:
    before = repr(document)
    assert addressed(document, EMAILS) == filled
    assert repr(document) == before


@pytest.mark.parametrize(
    "document",
    [{"toUids": ["none"]}, {"to": "", "cc": [], "toUids": ["none"], "bccUids": ["gone"]}],
)
def test_where_nobody_is_left_nobody_is_written_to(document: dict[str, Any]) -> None:
    assert addressed(document, EMAILS) is None


def of(message: Any, parts: dict[str, str | None], files: Any = None) -> dict[str, Any]:
    document = {"to": A, "template": {"name": "t"}, "message": message}
    if message is None:
        del document["message"]
    return rendered(document, {**NO_PARTS, **parts}, files)


@pytest.mark.parametrize(
    ("message", "parts", "filled"),
    [
        (None, {"subject": "S", "html": "H"}, {"subject": "S", "html": "H"}),
        # 80: what is rendered wins; what is not leaves what was there.
        (
            {"subject": "s", "text": "t", "html": "h", "amp": "a", "x": 1},
            {"subject": "S", "text": "T"},
            {"subject": "S", "text": "T", "html": "h", "amp": "a", "x": 1},
        ),
        # 83: what comes out empty wins too.
        ({"subject": "s", "text": "t"}, {"text": "", "html": "H"}, None),
        # 84
        ({"subject": "s", "text": "t"}, {}, {"subject": "s", "text": "t"}),
        # A template may have no subject.
        (None, {"text": "T"}, {"subject": "", "text": "T"}),
        (None, {"amp": "A"}, {"subject": "", "amp": "A"}),
    ],
)
def test_what_is_rendered_takes_its_place(
    message: Any, parts: dict[str, str | None], filled: dict[str, Any] | None
) -> None:
    found = of(message, parts)
    wanted = {"subject": "s", "text": "", "html": "H"} if filled is None else filled
    assert found == {"to": A, "message": wanted}


@pytest.mark.parametrize(
    ("own", "files", "kept"),
    [
        ([{"filename": "a"}], None, [{"filename": "a"}]),
        ([{"filename": "a"}], (), [{"filename": "a"}]),
        ([{"filename": "a"}], ({"filename": "b"}, {"path": "data:,"}), None),
        (None, ({"filename": "b", "z": 1}, {"z": 1}, {}), [{"filename": "b"}]),
        ([{"z": 1}, {"content": "x", "z": 1}], None, [{"content": "x"}]),
        ([], None, []),
    ],
)
def test_attachments_are_a_templates_or_else_the_messages(own: Any, files: Any, kept: Any) -> None:
    message = {"subject": "s", "text": "t"} | ({} if own is None else {"attachments": own})
    wanted = [{"filename": "b"}, {"path": "data:,"}] if kept is None else kept
    assert of(message, {}, files)["message"]["attachments"] == wanted


def test_without_attachments_there_is_no_field_of_them() -> None:
    assert "attachments" not in of({"subject": "s", "text": "t"}, {})["message"]


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        (None, {}),
        ({}, {}),
        (None, {"subject": "S"}),
        ({"subject": "s", "text": "t"}, {"text": ""}),
        (None, {"html": "", "text": ""}),
        (None, {"amp": "A"}),
    ],
)
def test_a_blank_mail_is_told(message: Any, parts: dict[str, str | None]) -> None:
    assert trouble(of(message, parts)) == BLANK


def test_what_sendgrid_renders_itself_may_be_blank() -> None:
    document = {"to": A, "template": {"name": "t"}, "sendGrid": {"templateId": "d-1"}}
    assert trouble(rendered(document, NO_PARTS, None)) is None


@pytest.mark.parametrize(
    ("filled", "words"),
    [
        (
            addressed({"toUids": ["u"]}, {"u": "a@x.org\r\nRCPT TO:<e@x.org>"}),
            "'to.0' must not con",
        ),
        (addressed({"cc": A, "ccUids": ["u"]}, {"u": "a@x.org\x00"}), "'cc.1' must not contain"),
        (addressed({"toUids": ["u"]}, {"u": ", ".join([A] * 1001)}), "more than 1000 recipients"),
    ],
)
def test_what_a_user_has_may_not_break_out(filled: Any, words: str) -> None:
    assert words in str(trouble({**filled, "message": {"subject": "s", "text": "t"}}))


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ({"headers": {"X\r\nBcc": "e@x.org"}}, "is not a valid header name"),
        ({"headers": {"X": 5}}, "'message.attachments.0.headers.X' must be a string"),
        ({"filename": 5}, "'message.attachments.0.filename' must be a string"),
        ({"cid": ["x"]}, "'message.attachments.0.cid' must be a string"),
    ],
)
def test_what_a_template_has_may_not_break_out(file: dict[str, Any], words: str) -> None:
    assert words in str(trouble(of(None, {"text": "t"}, (file,))))
