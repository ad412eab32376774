"""What is asked of a new timer: every text of the contract, as franking has it (section 3)."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from franking.core import times
from franking.core.timer import TRANSPORTS, Callback
from franking.core.timer.request import (
    FIELD_CHARACTERS,
    MOST_TIMEOUT_MS,
    Asked,
    BadTimer,
    asked,
    checked_id,
)

NOW = 1_795_269_900_000
CALLBACK = '{"transport":"http","method":"post","uri":"http://a.example/"}'
NEEDED = "timeout is required and must be a positive number"
TOO_LONG = "timeout must be less than or equal to 2147483647 milliseconds"
WHOLE = "timeout must be a whole number of milliseconds"
NO_DATA = "data is required and must be a string or object. Got {}"
NO_CALLBACK = "callback is required and must be an object"
NO_TIME = "dueAt must be an RFC 3339 time with a zone"
NOT_CREATED = "created must be a time in milliseconds since 1970"
NO_MAIL = "data is required and must be an object for the transport {}"


def read(body: str | bytes) -> Asked:
    """The request in a body, as the doors hand it in: each field as the JSON that it had."""
    return asked(msgspec.json.decode(body, type=dict[str, msgspec.Raw]))


def with_(**fields: str) -> str:
    """A body of JSON texts by their names, with a time-out and a callback where none is given."""
    given = {"callback": CALLBACK, **fields}
    if not {"timeout", "dueAt"} & given.keys():
        given["timeout"] = "1000"
    return "{" + ",".join(f'"{name}":{json}' for name, json in given.items() if json) + "}"


def calling(**fields: Any) -> str:
    """A callback with these fields; None leaves one out."""
    wanted = {"transport": "http", "method": "post", "uri": "http://a.example/", **fields}
    return msgspec.json.encode({n: v for n, v in wanted.items() if v is not None}).decode()


def refused(body: str | bytes) -> str:
    with pytest.raises(BadTimer) as caught:
        read(body)
    return str(caught.value)


@pytest.mark.parametrize(
    ("timeout", "text"),
    [
        ("", NEEDED),  # case 4
        ("0", NEEDED),  # case 6
        ("-1", NEEDED),  # case 7
        ("null", NEEDED),  # case 8
        ('"abc"', NEEDED),  # case 9
        ("true", NEEDED),  # Skyring takes it
        ("[5]", NEEDED),  # Skyring takes it
        ("{}", NEEDED),
        ('""', NEEDED),
        ('"0"', NEEDED),
        ('"-5"', NEEDED),
        ('" 5"', NEEDED),
        ('"5.0"', NEEDED),
        ('"1e3"', NEEDED),
        ('"٣"', NEEDED),  # a digit, but none of JSON's
        ("-0.0", NEEDED),
        ("1.5", WHOLE),  # Skyring takes it
        ("0.5", WHOLE),
        ("-1.5", WHOLE),
        ("2147483648", TOO_LONG),
        ('"2147483648"', TOO_LONG),
        ("2147483648.0", TOO_LONG),
        ("1e300", TOO_LONG),
        ("1" + 50 * "0", TOO_LONG),
        ('"' + 17 * "9" + '"', NEEDED),
        ('"' + 100_000 * "9" + '"', NEEDED),
        ("1" + 100_000 * "0", "the body is not JSON: "),
        ("1e400", "the body is not JSON: "),
    ],
)
def test_a_timeout_that_is_refused(timeout: str, text: str) -> None:
    assert refused(with_(timeout=timeout)).startswith(text)


@pytest.mark.parametrize(
    ("timeout", "timeout_ms"),
    [
        ("1", 1),
        ("1000", 1000),  # case 2
        ('"100"', 100),
        ('"0100"', 100),
        ("100.0", 100),
        ("1e3", 1000),
        ("2147483647", MOST_TIMEOUT_MS),
        ('"2147483647"', MOST_TIMEOUT_MS),
    ],
)
def test_a_timeout_that_is_taken(timeout: str, timeout_ms: int) -> None:
    assert read(with_(timeout=timeout)).timeout_ms == timeout_ms


def test_the_longest_timeout_is_told_with_the_way_out() -> None:
    assert refused(with_(timeout="2147483648")) == f"{TOO_LONG}; use dueAt for a later time"


@pytest.mark.parametrize(
    ("created", "due"),
    [
        ("", NOW + 5_000),
        ("null", NOW + 5_000),
        (str(NOW), NOW + 5_000),
        (str(NOW - 4_000), NOW + 1_000),  # case 37
        (f'"{NOW - 4_000}"', NOW + 1_000),
        (str(NOW - 60_000), NOW - 55_000),  # past: at once
        ("0", 5_000),
        (str(NOW + 4_000), NOW + 9_000),  # future: longer
        (str(times.LATEST), times.LATEST),
    ],
)
def test_a_countdown_began_when_it_was_created(created: str, due: int) -> None:
    assert read(with_(timeout="5000", created=created)).due(NOW) == due


@pytest.mark.parametrize(
    "created", ["-1", "true", "[]", "{}", '"soon"', '""', "1e300", str(times.LATEST + 1)]
)
def test_a_created_that_is_refused(created: str) -> None:
    assert refused(with_(created=created)) == NOT_CREATED


def test_a_created_is_whole() -> None:
    assert refused(with_(created="1.5")) == "created must be a whole number of milliseconds"


@pytest.mark.parametrize(
    ("due_at", "due"),
    [
        ('"2026-11-21T14:05:00Z"', 1_795_269_900_000),
        ('"2026-11-21T15:05:00.5+01:00"', 1_795_269_900_500),
        ('"1970-01-01T00:00:00Z"', 0),  # long past: at once
        ('"9999-12-31T23:59:59.999Z"', times.LATEST),  # no limit of 24.8 days
    ],
)
def test_a_due_time_instead_of_a_timeout(due_at: str, due: int) -> None:
    found = read(with_(dueAt=due_at))
    assert (found.timeout_ms, found.due_at, found.due(NOW)) == (None, due, due)


@pytest.mark.parametrize(
    "due_at",
    ["null", "5", "true", "[]", "{}", '""', '"soon"', '"2026-11-21T14:05:00"', '"2026-11-21"'],
)
def test_a_due_time_that_is_refused(due_at: str) -> None:
    assert refused(with_(dueAt=due_at)) == NO_TIME


@pytest.mark.parametrize("timeout", ["1000", "null", '"abc"'])
def test_timeout_and_due_time_exclude_each_other(timeout: str) -> None:
    body = with_(timeout=timeout, dueAt='"2026-11-21T14:05:00Z"')
    assert refused(body) == "timeout and dueAt exclude each other"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ("false", "Boolean"),  # case 19
        ("true", "Boolean"),
        ("5", "Number"),  # case 20
        ("-5", "Number"),
        ("[1]", "Array"),  # case 21
    ],
)
def test_data_that_is_refused(data: str, kind: str) -> None:
    assert refused(with_(data=data)) == NO_DATA.format(kind)


@pytest.mark.parametrize("data", ["", "null"])
def test_no_data_is_none(data: str) -> None:  # case 3
    assert read(with_(data=data)).data is None


@pytest.mark.parametrize(
    "data",
    [
        '"hello"',  # case 2
        '""',
        "{}",  # case 23
        '"{\\"a\\":1}"',  # case 38
        '{ "b" : 1.50,\n"a": [ 1e2, 12345678901234567890 ] }',  # case 39
        '{"a":1,"a":2}',
        '"\\u00e9 \\ud83d\\ude00 é \\/ \\u0000"',
    ],
)
def test_data_is_kept_byte_for_byte(data: str) -> None:
    found = read(with_(data=f" {data} ")).data
    assert found is not None
    assert bytes(found).decode() == data


@pytest.mark.parametrize(
    "data", [b'"\xff"', b'{"a":"\xff"}', b'{"\xff":1}', b'"\xed\xa0\x80"', b'"\\ud800"']
)
def test_data_that_could_not_be_handed_over_is_refused(data: bytes) -> None:
    fields = {"timeout": b"1000", "callback": CALLBACK.encode(), "data": data}
    with pytest.raises(BadTimer, match="the body is not JSON"):
        asked(fields)


@pytest.mark.parametrize(
    ("callback", "text"),
    [
        ("", NO_CALLBACK),  # case 11
        ("1", NO_CALLBACK),  # case 12
        ("null", NO_CALLBACK),
        ("[]", NO_CALLBACK),
        ('"http"', NO_CALLBACK),
        ("true", NO_CALLBACK),
        (calling(uri=None), "callback.uri is required and must be a string. Got Undefined"),  # 13
        (
            calling(transport=None),  # case 14
            "callback.transport is required and must be a string. Got Undefined",
        ),
        (calling(method=None), "callback.method is required and must be a string. Got Undefined"),
        (calling(transport={}), "callback.transport is required and must be a string. Got Object"),
        (calling(uri=5), "callback.uri is required and must be a string. Got Number"),
        (calling(method=[]), "callback.method is required and must be a string. Got Array"),
        (calling(method=True), "callback.method is required and must be a string. Got Boolean"),
        (
            '{"transport":null,"method":"post","uri":"x"}',
            "callback.transport is required and must be a string. Got Null",
        ),
        ("{}", "callback.transport is required"),  # Skyring's order: transport, uri, method
        ('{"transport":"http"}', "callback.uri is required"),
        (calling(transport="carrier pigeon"), "Unknown transport carrier pigeon"),  # case 27
        (calling(transport="HTTP"), "Unknown transport HTTP"),
        (calling(transport=""), "Unknown transport "),
        (calling(transport="x" * 999), "Unknown transport " + "x" * 100),
        (calling(uri="x" * (FIELD_CHARACTERS + 1)), "callback.uri must have 4096 characters"),
        (calling(method="x" * (FIELD_CHARACTERS + 1)), "callback.method must have 4096 characters"),
    ],
)
def test_a_callback_that_is_refused(callback: str, text: str) -> None:
    assert refused(with_(callback=callback)).startswith(text)


@pytest.mark.parametrize("field", ["\xff", "uri"])
def test_a_callback_that_is_no_utf_8_is_refused(field: str) -> None:
    callback = calling().encode()[:-1] + b',"%b":"\xff"}' % field.encode("latin-1")
    with pytest.raises(BadTimer, match="the body is not JSON"):
        asked({"timeout": b"1000", "callback": callback})


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_callback_is_taken_as_it_is(transport: str) -> None:
    callback = calling(transport=transport, method="FAKE", uri="x", more=1)  # case 42
    found = read(with_(callback=callback, data='{"to":"a@b.example"}', more="[]"))
    assert found.callback == Callback(transport, "FAKE", "x")


@pytest.mark.parametrize("transport", ["mail", "smtp"])
@pytest.mark.parametrize(
    "data",
    ["", "null", '"x"', '""', '"[]"', '"5"', '"null"', '"{"', '"\\"\\\\ud800\\""', '"[[[["'],
)
def test_a_mail_has_a_document(transport: str, data: str) -> None:
    body = with_(data=data, callback=calling(transport=transport))
    assert refused(body) == NO_MAIL.format(transport)


@pytest.mark.parametrize("transport", ["mail", "smtp"])
@pytest.mark.parametrize("data", ["{}", '"{}"', '"{\\"text\\":\\"x\\"}"', '" { } "'])
def test_a_mails_document_may_be_the_text_of_one(transport: str, data: str) -> None:
    found = read(with_(data=data, callback=calling(transport=transport))).data
    assert found is not None
    assert bytes(found).decode() == data


DEEP = 100_000


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(
    "data",
    [
        '{"a":' * DEEP + "1" + "}" * DEEP,
        '"' + "[" * DEEP + '"',
        '"' + '{\\"a\\":' * DEEP + "1" + "}" * DEEP + '"',
    ],
    ids=["objects", "text of lists", "text of objects"],
)
def test_deep_data_is_taken_or_refused_in_words(transport: str, data: str) -> None:
    fields = {"timeout": b"1", "callback": calling(transport=transport).encode()}
    is_text = data.startswith('"')
    if is_text and transport in ("http", "tcp"):
        assert asked({**fields, "data": data.encode()}).data is not None
    else:
        with pytest.raises(BadTimer):
            asked({**fields, "data": data.encode()})


@pytest.mark.parametrize("id", ["a", "é", "a b", "a/b", "..", "__a__", "日本", "x" * 255])
def test_any_printable_text_is_an_id(id: str) -> None:
    assert checked_id(id) == id


@pytest.mark.parametrize(
    ("id", "text"),
    [
        ("", "1 to 255 characters"),
        ("x" * 256, "1 to 255 characters"),
        ("a\x00", "no control characters"),
        ("a\nb", "no control characters"),
        ("\x7f", "no control characters"),
        ("\ud800", "no control characters"),
    ],
)
def test_an_id_that_is_refused(id: str, text: str) -> None:
    with pytest.raises(BadTimer, match=re.escape(text)):
        checked_id(id)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "timeout": JSON,
        "dueAt": JSON,
        "created": JSON,
        "data": JSON,
        "callback": JSON
        | st.fixed_dictionaries(
            {"transport": st.sampled_from(TRANSPORTS) | JSON, "method": JSON, "uri": JSON}
        ),
    },
)


@given(body=BODIES)
def test_whatever_is_asked_is_a_timer_or_refused_in_words(body: dict[str, Any]) -> None:
    fields = {name: msgspec.json.encode(value) for name, value in body.items()}
    try:
        found = asked(fields)
    except BadTimer as refusal:
        assert str(refusal)  # noqa: PT017
    else:
        assert times.EARLIEST <= found.due(NOW) <= times.LATEST
        assert found.data is None or bytes(found.data) == fields["data"]
