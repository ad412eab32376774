"""The mail document's checks: the contract's texts to the letter, and franking's own rules."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from franking.core import message
from franking.core.message import (
    HEAD_CHARACTERS,
    Options,
    Setup,
    head_texts,
    options,
    search_text,
    trouble,
    unsupported,
)

EMAIL = "ValidationError: Invalid email configuration: "
MESSAGE = "ValidationError: Invalid message configuration: "
TEMPLATE = "ValidationError: Invalid template configuration: "
SEND_GRID = "ValidationError: Invalid sendGrid configuration: "
NO_RECIPIENT = EMAIL + "Email must have at least one recipient"
NO_CONTENT = MESSAGE + "At least one of 'text' or 'html' must be provided in message"
NOTHING = (
    EMAIL + "Email configuration must include either a 'message', 'template', or 'sendGrid' object"
)
NOT_ATTACHMENTS = MESSAGE + "Field 'message.attachments' must be an array"
LONG = "Email must not have more than 256000 characters of addresses"
HELLO = {"subject": "Hello", "text": "plain"}
DROPPED = object()


def document(**fields: Any) -> dict[str, Any]:
    """A valid document with some fields changed, or dropped."""
    changed = {"to": "a@example.com", "message": HELLO, **fields}
    return {name: value for name, value in changed.items() if value is not DROPPED}


def attached(*attachments: Any) -> dict[str, Any]:
    return document(message={**HELLO, "attachments": [*attachments]})


@pytest.mark.parametrize(
    "valid",
    [
        pytest.param(document(message={**HELLO, "html": "<b>html</b>"}), id="1"),
        pytest.param(document(to=["a", "b"], cc=["c"], bcc="d"), id="2"),
        pytest.param(document(**{"from": "F <f@example.com>", "replyTo": "r@example.com"}), id="3"),
        pytest.param(document(**{"from": "Friendly Firebaser test@example.com"}), id="4"),
        pytest.param(
            document(headers={"X-Custom-Header": "V", "List-Unsubscribe": "<mailto:u@e.com>"}),
            id="5",
        ),
        pytest.param(document(to=DROPPED, toUids=["missing"]), id="7"),
        pytest.param(document(toUids=[]), id="11"),
        pytest.param(document(to="not-an-email"), id="17"),  # compose says what is wrong with it
        pytest.param(document(to=[""]), id="an empty address is no empty list"),
        pytest.param(document(message={"subject": "", "text": "t"}), id="an empty subject"),
        pytest.param(document(message={"subject": "s", "text": None, "html": "<b>"}), id="26"),
        pytest.param(attached(), id="38"),
        pytest.param(attached({"filename": "hello.txt", "content": "Hello world!"}), id="43"),
        pytest.param(attached({"content": "SGVsbG8=", "encoding": "base64"}), id="44"),
        pytest.param(attached({"raw": "Content-Type: text/plain\r\n\r\nHi"}), id="47"),
        pytest.param(attached({"unknown": 1}, {}), id="unknown keys of an attachment"),
        pytest.param(attached({"filename": None, "headers": None, "cid": None}), id="nulls"),
        pytest.param(document(template={"name": "t", "data": {}}), id="80"),
        pytest.param(document(message={}, template={"name": "t"}), id="a template fills it"),
        pytest.param(document(message={"subject": "s"}, template={"name": "t"}), id="no content"),
        pytest.param(document(message=DROPPED, template={"name": "t"}), id="85"),
        pytest.param(
            document(
                message=DROPPED, sendGrid={"templateId": "d-1", "dynamicTemplateData": {"a": 1}}
            ),
            id="86",
        ),
        pytest.param(document(message=DROPPED, sendGrid={"mailSettings": {}}), id="92"),
        pytest.param(document(unknown=1, attachments="x"), id="unknown keys"),
    ],
)
def test_nothing_is_wrong_with(valid: dict[str, Any]) -> None:
    assert trouble(valid) is None


@pytest.mark.parametrize(
    ("bad", "text"),
    [
        pytest.param(
            document(to=DROPPED, toUids="u1"), EMAIL + "Field 'toUids' must be an array", id="9"
        ),
        pytest.param(document(toUids=[""]), EMAIL + "Field 'toUids.0' cannot be empty", id="10"),
        pytest.param(
            document(bccUids=["u", 1]), EMAIL + "Field 'bccUids.1' must be a string", id="uid"
        ),
        pytest.param(document(to=DROPPED), NO_RECIPIENT, id="13"),
        pytest.param(document(to=""), NO_RECIPIENT, id="14"),
        pytest.param(document(to=[], cc=[], bcc=[]), NO_RECIPIENT, id="15"),
        *(
            pytest.param(
                document(**{field: value}),
                f"{EMAIL}Field '{field}' must be either a string or an array of strings",
                id=case,
            )
            for field, value, case in [
                ("to", 123, "18"),
                ("to", ["a", 5], "19"),
                ("to", None, "20"),
                ("cc", 1, "cc"),
                ("bcc", {}, "bcc"),
            ]
        ),
        pytest.param(
            document(message={"text": "t"}),
            MESSAGE + "Field 'message.subject' must be a string",
            id="23",
        ),
        pytest.param(document(message={"subject": "s"}), NO_CONTENT, id="25"),
        pytest.param(document(message={"subject": "s", "text": "", "html": None}), NO_CONTENT),
        pytest.param(
            document(message={"subject": "s", "text": 5}),
            MESSAGE + "Field 'message.text' must be a string",
            id="27",
        ),
        pytest.param(document(message={}), NO_CONTENT, id="28"),  # section 9: no blank mail
        pytest.param(document(message={}, to=[]), NO_RECIPIENT, id="28, told second"),
        pytest.param(document(message=None), EMAIL + "Field 'message' must be a map", id="29"),
        pytest.param(document(message="hi"), MESSAGE + "Field 'message' must be a map", id="30"),
        pytest.param(document(message=["x"]), MESSAGE + "Field 'message' must be a map", id="31"),
        pytest.param(document(message=[]), EMAIL + "Field 'message' must be a map"),
        pytest.param(document(message=5), EMAIL + "Field 'message' must be a map"),
        pytest.param(document(message=DROPPED), NOTHING, id="32"),
        pytest.param({}, f"{NO_RECIPIENT}. {NOTHING.removeprefix(EMAIL)}", id="nothing at all"),
        pytest.param(document(**{"from": 3}), EMAIL + "Field 'from' must be a string", id="33"),
        pytest.param(document(replyTo=None), EMAIL + "Field 'replyTo' must be a string"),
        pytest.param(
            document(categories="x"), EMAIL + "Field 'categories' must be an array", id="34"
        ),
        pytest.param(
            document(message={**HELLO, "attachments": {"a": 1}}), NOT_ATTACHMENTS, id="35"
        ),
        pytest.param(document(message={**HELLO, "attachments": "x"}), NOT_ATTACHMENTS, id="36"),
        pytest.param(document(message={**HELLO, "attachments": None}), NOT_ATTACHMENTS, id="37"),
        *(
            pytest.param(attached({}, value), f"{MESSAGE}Field 'message.attachments.1{rest}", id=i)
            for value, rest, i in [
                ({"httpHeaders": "x"}, ".httpHeaders' must be a map", "39"),
                ({"headers": "x"}, ".headers' must be a map", "40"),
                ({"headers": {"a": 1}}, ".headers.a' must be a string", "41"),
                ({"filename": 1}, ".filename' must be a string", "42"),
                ("x", "' must be a map", "an attachment that is none"),
            ]
        ),
        pytest.param(
            document(template={"name": ""}),
            TEMPLATE + "Field 'template.name' cannot be empty",
            id="72",
        ),
        *(
            pytest.param(document(template=value), f"{TEMPLATE}Field '{rest}", id=i)
            for value, rest, i in [
                ({"name": 7}, "template.name' must be a string", "73"),
                ({}, "template.name' must be a string", "74"),
                ("x", "template' must be a map", "75"),
                ({"name": "n", "data": "x"}, "template.data' must be a map", "76"),
                ({"name": "n", "data": None}, "template.data' must be a map", "77"),
                ({"name": "n", "data": [1]}, "template.data' must be a map", "78"),
                (None, "template' must be a map", "79"),
            ]
        ),
        *(
            pytest.param(document(sendGrid=value), f"{SEND_GRID}Field '{rest}", id=i)
            for value, rest, i in [
                (
                    {"dynamicTemplateData": {}},
                    "templateId' is required when 'dynamicTemplateData' is provided",
                    "88",
                ),
                ({"customArgs": {"a": 1}}, "sendGrid.customArgs.a' must be a string", "89"),
                ({"ipPoolName": 1}, "sendGrid.ipPoolName' must be a string", "90"),
                ("x", "sendGrid' must be a map", "91"),
                (None, "sendGrid' must be a map", "sendGrid null"),
            ]
        ),
    ],
)
def test_the_contracts_text(bad: dict[str, Any], text: str) -> None:
    assert trouble(bad) == text


def test_the_first_block_that_fails_is_told() -> None:
    bad: dict[str, Any] = {"sendGrid": 1, "template": 1, "message": {"text": 1}, "to": 1}
    firsts = [SEND_GRID, TEMPLATE, MESSAGE, EMAIL]
    for field, first in zip(["sendGrid", "template", "message", "to"], firsts, strict=True):
        assert (trouble(bad) or "").startswith(first)
        del bad[field]


def test_several_issues_of_one_block_are_told_together() -> None:
    message = {"subject": 1, "text": 2, "attachments": [{"cid": 3}]}
    assert trouble(document(message=message)) == (
        MESSAGE + "Field 'message.subject' must be a string. "
        "Field 'message.text' must be a string. "
        "Field 'message.attachments.0.cid' must be a string"
    )


def test_a_wrong_type_leaves_the_rules_over_the_whole_unasked() -> None:
    assert trouble({"from": 1}) == EMAIL + "Field 'from' must be a string"
    empty = "Field 'toUids.0' cannot be empty"
    assert trouble({"toUids": [""]}) == f"{EMAIL}{empty}. {NOTHING.removeprefix(EMAIL)}"


@pytest.mark.parametrize(
    ("field", "value", "rest"),
    [
        ("account", "", "must be a printable string of 1 to 255 characters"),
        ("account", 7, "must be a printable string of 1 to 255 characters"),
        ("account", "a\nb", "must be a printable string of 1 to 255 characters"),
        ("sendAt", "tomorrow", "must be an RFC 3339 time with a zone, as in 2026-11-21T14:05:00Z"),
        ("sendAt", 1, "must be an RFC 3339 time with a zone, as in 2026-11-21T14:05:00Z"),
        ("sendBefore", "2026-11-21T14:05:00", "must be an RFC 3339 time with a zone"),
        ("priority", 3, "must be a whole number from -2 to 2"),
        ("priority", -3, "must be a whole number from -2 to 2"),
        ("priority", True, "must be a whole number from -2 to 2"),
        ("priority", 1.5, "must be a whole number from -2 to 2"),
        ("touchpointId", "x" * 256, "must be a printable string of 1 to 255 characters"),
        ("cadenceMemberId", [], "must be a printable string of 1 to 255 characters"),
        ("emailMessageId", "", "must be a printable string of 1 to 255 characters"),
        ("onUnknown", "guess", "must be 'ask' or 'resend'"),
        ("onUnknown", [], "must be 'ask' or 'resend'"),
        ("headers", "x", "must be a map"),
        ("to", "a@example.com\r\nRCPT TO:<b@example.com>", "must not contain line breaks"),
        ("cc", "a@example.com\n", "must not contain line breaks"),
        ("from", "a\0b@example.com", "must not contain line breaks or control characters"),
        ("replyTo", "a\x85@example.com", "must not contain line breaks or control characters"),
        ("bcc", "a\ud800@example.com", "must not contain line breaks or control characters"),
    ],
)
def test_frankings_own_text(field: str, value: Any, rest: str) -> None:
    told = trouble(document(**{field: value}))
    assert told is not None
    assert told.startswith(f"{EMAIL}Field '{field}' {rest}")


@pytest.mark.parametrize(
    ("bad", "text"),
    [
        (document(to=["a", "b\nc"]), "Field 'to.1' must not contain line breaks"),
        (document(headers={"X A": "b"}), "Field 'headers.X A' is not a valid header name"),
        (document(headers={"": "b"}), "Field 'headers.' is not a valid header name"),
        (document(headers={"A:": "b"}), "Field 'headers.A:' is not a valid header name"),
        (document(headers={"Ä": "b"}), r"Field 'headers.\xc4' is not a valid header name"),
        (
            document(headers={"X\r\nBcc": "b"}),
            r"Field 'headers.X\r\nBcc' is not a valid header name",
        ),
        (document(headers={"X" * 77: "b"}), f"Field 'headers.{'X' * 76}' is not a valid header"),
        (
            attached({"headers": {"X\nY": "b"}}),
            r"Field 'message.attachments.0.headers.X\nY' is not a valid header name",
        ),
        (document(message={**HELLO, "amp": 1}), "Field 'message.amp' must be a string"),
        (document(message={**HELLO, "messageId": 1}), "Field 'message.messageId' must be a string"),
        (
            document(message={**HELLO, "messageId": "<a\r\nb>"}),
            "Field 'message.messageId' must not contain line breaks",
        ),
        (
            document(message={**HELLO, "icalEvent": ["BEGIN"]}),
            "Field 'message.icalEvent' must be a string or a map",
        ),
        (document(to=["a@example.com"] * 1001), "Email must not have more than 1000 recipients"),
        (document(cc=", ".join(["a@b.c"] * 1000)), "Email must not have more than 1000 recipients"),
        *((document(**{field: "," * 256_001}), LONG) for field in ("to", "cc", "from", "replyTo")),
        (document(to="," * 128_000, bcc=["," * 127_999, ",", "x"]), LONG),
        (
            document(sendAt="2026-11-21T14:05:00Z", sendBefore="2026-11-21T14:05:00Z"),
            "Field 'sendBefore' must be later than 'sendAt'",
        ),
        (
            document(priority=9, onUnknown=1),
            "Field 'priority' must be a whole number from -2 to 2. Field 'onUnknown' must be",
        ),
    ],
)
def test_what_could_break_out_or_never_end_is_refused(bad: dict[str, Any], text: str) -> None:
    assert (trouble(bad) or "").startswith(EMAIL + text)


@pytest.mark.parametrize(
    ("crowd", "told"),
    [
        *(
            (document(**{field: [""] * 1001}), "1000 recipients")
            for field in ("to", "cc", "bcc", "toUids", "ccUids", "bccUids")
        ),
        (document(to=[5] * 1001), "1000 recipients"),
        (attached(*[{}] * 1001), "1000 attachments"),
        (attached(*[5] * 1001), "1000 attachments"),
    ],
)
def test_of_a_crowd_none_is_looked_at(crowd: dict[str, Any], told: str) -> None:
    assert trouble(crowd) == f"{EMAIL}Email must not have more than {told}"


def test_so_many_are_no_crowd() -> None:
    assert trouble(attached(*[{}] * 1000)) is None
    assert trouble(document(to=["a@example.com"] * 1000)) is None


def test_addresses_have_just_so_many_characters() -> None:
    assert trouble(document(to=["," * 128_000, "x"], cc="," * 127_999)) is None


@pytest.mark.parametrize(
    "harmless",
    [
        document(
            headers={"X-Long": "a\r\n b", "X-Many": ["a", "b"], "X-Number": 5, "X-None": None}
        ),
        document(headers={"X-Prepared": {"prepared": True, "value": "a"}}),
        document(headers=None),
        document(message={"subject": "two\r\nlines", "text": "t"}),  # folded by compose
        document(to=["a@example.com"] * 1000),
        document(to=", ".join(['"Doe, Jane" <j@example.com>'] * 600)),  # commas, but 600 people
        document(to=", ".join(['"j@example.com" <j@example.com>'] * 600)),
        document(to="Jane\t\u200dDoe <j@example.com>"),
        document(account=None, sendAt=None, sendBefore=None, priority=None, onUnknown=None),
        document(message={**HELLO, "messageId": "<a@b>", "amp": None, "icalEvent": "BEGIN"}),
        document(message={**HELLO, "icalEvent": {"method": "REQUEST", "content": "BEGIN"}}),
    ],
)
def test_what_is_only_untidy_is_taken(harmless: dict[str, Any]) -> None:
    assert trouble(harmless) is None


@pytest.mark.parametrize("other", [None, [], "x", 5, [{"to": "a"}]])
def test_a_document_that_is_none(other: Any) -> None:
    assert trouble(other) == EMAIL + "The document must be a map"


def test_the_text_is_bounded() -> None:
    told = trouble(attached(*[{"cid": 1}] * 1_000))
    assert told is not None
    assert len(told) == message.TROUBLE_CHARACTERS


@pytest.mark.parametrize(
    ("asks", "text"),
    [
        (document(), None),
        (document(toUids=[]), None),
        (document(toUids=["u"]), "Error: Must specify a users collection to send using uids."),
        (document(ccUids=["u"]), "Error: Must specify a users collection to send using uids."),
        (document(bccUids=["u"]), "Error: Must specify a users collection to send using uids."),
        (
            document(template={"name": "t"}),
            "Error: Must specify a templates collection to send using a template.",
        ),
        (document(sendGrid={}), "Error: sendGrid fields need the SendGrid transport."),
    ],
)
def test_what_is_not_set_up_is_said(asks: dict[str, Any], text: str | None) -> None:
    assert unsupported(asks) == text
    assert unsupported(asks, Setup(users=True, templates=True, send_grid=True)) is None


@pytest.mark.parametrize("left_out", ["users", "templates", "send_grid"])
def test_each_is_set_up_by_itself(left_out: str) -> None:
    asks = {
        "users": document(ccUids=["u"]),
        "templates": document(template={"name": "t"}),
        "send_grid": document(sendGrid={}),
    }
    setup = Setup(**{name: name != left_out for name in asks})
    refused = [name for name, asked in asks.items() if unsupported(asked, setup) is not None]
    assert refused == [left_out]


def test_options_are_read() -> None:
    asked = document(
        account="jane",
        sendAt="2026-11-21T14:05:00Z",
        sendBefore="2026-11-21T14:05:01Z",
        priority=-2,
        touchpointId="t",
        cadenceMemberId="c",
        emailMessageId="e",
        onUnknown="resend",
    )
    start = 1_795_269_900_000
    assert options(asked) == Options("jane", start, start + 1000, -2, "t", "c", "e", "resend")


def test_options_that_are_absent_null_or_wrong_have_their_defaults() -> None:
    assert options(document()) == Options()
    assert options(document(account=None, priority=None)) == Options()
    assert options(document(account="", sendAt=3, priority=7, onUnknown="x")) == Options()
    assert options(document(account=5, priority=1)) == Options(priority=1)


@pytest.mark.parametrize(
    ("searched", "text"),
    [
        (document(), "a@example.com hello"),
        (document(to=["A@x.com", 1], cc="C ", bcc=["D\r\nE"]), "a@x.com c d e hello"),
        (document(to=None, message="x"), ""),
        (document(message={"subject": 1}), "a@example.com"),
        (document(message={}, template={"name": "Tea"}), "a@example.com (template tea)"),
    ],
)
def test_what_the_search_looks_in(searched: dict[str, Any], text: str) -> None:
    assert search_text(searched) == text


def test_the_search_text_is_bounded_and_keeps_the_subject() -> None:
    text = search_text(document(to=["a" * 2000], message={"subject": "b" * 2000}))
    assert len(text) <= 2000
    assert text.endswith("b")


@pytest.mark.parametrize(
    ("shown", "head"),
    [
        (document(), ("a@example.com", "Hello")),
        (
            document(to=["A@x.com", 1, "", " ", "Zoë <b@y.com>"]),
            ("A@x.com, Zoë <b@y.com>", "Hello"),
        ),
        (document(to=[], cc="c@x.com", bcc="d@x.com"), ("c@x.com", "Hello")),
        (document(to=None, cc=[None, "\r\n"], bcc=["d@x.com"]), ("d@x.com", "Hello")),
        (document(to={"to": 1}, cc=5), (None, "Hello")),
        (document(to="", message="x"), (None, None)),
        (document(message={"subject": 1}), ("a@example.com", None)),
        (document(message={"subject": " \t\r\n"}), ("a@example.com", None)),
        (document(message={"subject": "a\r\nBcc: b\x00c\x1b[31m\x7f\x85d"}), "a Bcc: b c [31m d"),
        (document(message={"subject": "a\u2028b\u2029c\ud800d\tend\n"}), "a b c d end"),
        (document(message={"subject": "👨\u200d👩 <script>\u202e"}), "👨\u200d👩 <script>\u202e"),
        (document(message={"subject": "\n" * 5000 + "late"}), "late"),
        (document(message={}, template={"name": "following"}), "(template following)"),
        (document(message={"subject": ""}, template={"name": "a\nb"}), "(template a b)"),
        (document(message={"subject": "own"}, template={"name": "x"}), "own"),
        (document(message=None, template={"name": 5}), ("a@example.com", None)),
        (document(message=None, template="x"), ("a@example.com", None)),
    ],
)
def test_what_a_list_shows_of_a_mail(shown: dict[str, Any], head: Any) -> None:
    assert head_texts(shown) == (("a@example.com", head) if isinstance(head, str) else head)


@pytest.mark.parametrize("long", ["x" * 10_000_000, "x " * 5_000_000, "é" * 200 + "y", "x\n" * 999])
def test_what_a_list_shows_is_short(long: str) -> None:
    recipient, subject = head_texts(document(to=[long] * 3, message={"subject": long}))
    assert recipient is not None
    assert subject is not None
    assert max(len(recipient), len(subject)) <= HEAD_CHARACTERS
    assert min(len(recipient), len(subject)) >= HEAD_CHARACTERS - 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = [
    *("to", "cc", "bcc", "toUids", "ccUids", "bccUids", "from", "replyTo", "headers", "message"),
    *("template", "sendGrid", "categories", "account", "sendAt", "sendBefore", "priority"),
    *("touchpointId", "cadenceMemberId", "emailMessageId", "onUnknown"),
]
INNER = [
    *("subject", "text", "html", "attachments", "amp", "messageId", "icalEvent", "name", "data"),
    *("templateId", "dynamicTemplateData", "mailSettings", "customArgs", "ipPoolName"),
]
maps = st.dictionaries(st.sampled_from(INNER), json_values)


@given(json_values | st.dictionaries(st.sampled_from(FIELDS), json_values | maps))
def test_any_json_whatever_is_told_or_taken(anything: Any) -> None:
    told = trouble(anything)
    assert told is None or (told.startswith("ValidationError: ") and "\n" not in told[:20])
    if isinstance(anything, dict):
        assert (unsupported(anything) or "Error: ").startswith("Error: ")
        assert isinstance(options(anything), Options)
        assert search_text(anything) == search_text(anything).lower()
        for text in head_texts(anything):
            assert text is None or (0 < len(text) <= HEAD_CHARACTERS and text == text.strip())
            assert text is None or not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", text)


addresses = st.emails() | st.lists(st.emails(), min_size=1, max_size=3)
printable = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=255).filter(
    str.isprintable
)
contents = st.fixed_dictionaries(
    {"subject": st.text(), "text": st.text(min_size=1)}, optional={"html": st.text() | st.none()}
)


@given(
    st.fixed_dictionaries(
        {"to": addresses, "message": contents},
        optional={
            "cc": addresses,
            "from": st.emails(),
            "account": printable,
            "priority": st.integers(-2, 2),
            "headers": st.dictionaries(st.from_regex(r"\A[!-9;-~]{1,76}\Z"), st.text()),
        },
    )
)
def test_valid_documents_are_taken(valid: dict[str, Any]) -> None:
    assert trouble(valid) is None
