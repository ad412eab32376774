"""Header fields: folded, encoded, and never an opening for another field."""

from __future__ import annotations

import email
import email.policy
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from franking.compose.addresses import Address
from franking.compose.headers import address_header, encoded_words, one_line, text_header
from franking.compose.parameters import file_name_parameter, name_parameter
from franking.compose.recipients import Group

from .wire import PROPERTY, assert_fit, decoded

TEXT = st.one_of(
    st.text(max_size=300),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=1500),
    st.text(st.sampled_from(" \t\r\n\0ab=?_ü😀\u202e\ud800שл"), max_size=400),
)
HEADER_NAME = st.sampled_from(["Subject", "X-A", "X-" + "n" * 40, "X-" + "n" * 74])
# Line separators that only Python's str.splitlines knows: they confuse the oracle, not SMTP.
ORACLE_BREAKS = re.compile("[\x85\u2028\u2029]")


def value_of(field: bytes, name: str) -> str:
    """The value as the standard library reads it."""
    assert_fit(field + b"\r\n")
    mail = email.message_from_bytes(field + b"\r\n", policy=email.policy.default)
    assert mail.keys() == [name]
    # A value that begins on the second line keeps its fold's space in this parser.
    return str(mail[name]).removeprefix(" ")


@PROPERTY
@given(TEXT, HEADER_NAME)
def test_a_text_is_read_as_it_was_written(text: str, name: str) -> None:
    text = ORACLE_BREAKS.sub("", text)
    field = text_header(name, text)
    if not one_line(text):
        assert field == b""
        return
    assert value_of(field, name) == one_line(text)


@PROPERTY
@given(TEXT, HEADER_NAME)
def test_a_prepared_ascii_value_is_never_encoded(text: str, name: str) -> None:
    text = one_line(text.encode("ascii", "ignore").decode())
    if not text or max(map(len, text.split())) > 900 or "  " in text:
        return
    field = text_header(name, text, prepared=True)
    assert_fit(field + b"\r\n")
    assert field.decode().replace("\r\n", "") == f"{name}: {text}"


@PROPERTY
@given(TEXT)
def test_encoded_words_are_short_and_whole(text: str) -> None:
    text = one_line(text)
    if not text:
        return
    words = encoded_words(text)
    assert all(len(word) <= 75 for word in words)
    assert "".join(decoded(word) for word in words) == text


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("plain", b"X: plain\r\n"),
        ("a\r\nBcc: e@evil.example", b"X: a Bcc: e@evil.example\r\n"),
        ("a\rb\nc\0d\x7fe", b"X: a b c d e\r\n"),
        ("\r\n\r\n", b""),
        # mostly ASCII is shorter as Q, the rest as B
        ("Grüße aus Köln", b"X: =?utf-8?B?R3LDvMOfZSBhdXMgS8O2bG4=?=\r\n"),
        ("Results are up – again", b"X: =?utf-8?Q?Results_are_up_=E2=80=93_again?=\r\n"),
        ("=?utf-8?Q?hi?=", b"X: =?utf-8?B?PT91dGYtOD9RP2hpPz0=?=\r\n"),
        ("\ud800", b"X: =?utf-8?B?77+9?=\r\n"),
    ],
)  # fmt: skip
def test_a_value_is_one_field_whatever_it_holds(value: str, line: bytes) -> None:
    assert text_header("X", value) == line


def test_a_long_url_stays_whole() -> None:
    url = "<https://x.example/" + "u" * 800 + ">"
    field = text_header("List-Unsubscribe", f"<mailto:u@x.example>, {url}", prepared=True)
    assert url.encode() in field.split()


def test_lines_are_folded_at_78() -> None:
    field = text_header("Subject", "word " * 100)
    assert max(map(len, field.split(b"\r\n"))) <= 78


NAME = st.one_of(
    st.text(max_size=40),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=120),
    st.text(st.sampled_from(' "\\(),<>@:;.=?üñ😀ש\r\n\ud800a'), max_size=120),
)


@PROPERTY
@given(st.lists(NAME, min_size=1, max_size=6))
def test_display_names_are_read_as_they_were_written(names: list[str]) -> None:
    names = [ORACLE_BREAKS.sub("", name) for name in names]
    field = address_header(
        "To", [Address(name, f"u{at}@x.example") for at, name in enumerate(names)]
    )
    assert_fit(field + b"\r\n")
    mail = email.message_from_bytes(field + b"\r\n", policy=email.policy.compat32)
    assert mail.keys() == ["To"]
    read = email.utils.getaddresses([str(mail["To"]).replace("\r\n", "")])
    assert [address for _, address in read] == [f"u{at}@x.example" for at in range(len(names))]
    for (name, _), written in zip(read, names, strict=True):
        # decode_header drops the white space around an encoded word's neighbours
        assert decoded(name) == one_line(written)


def test_a_group_is_written_as_one() -> None:
    members = (Address("", "a@x.example"), Address("B", "b@x.example"))
    field = address_header("To", [Group("team", members), Address("", "c@x.example")])
    assert field == b"To: team: a@x.example, B <b@x.example>;, c@x.example\r\n"
    mail = email.message_from_bytes(field + b"\r\n", policy=email.policy.default)
    assert [group.display_name for group in mail["To"].groups] == ["team", None]
    assert [one.addr_spec for one in mail["To"].groups[0].addresses] == [
        "a@x.example",
        "b@x.example",
    ]


def test_an_empty_group_is_written() -> None:
    field = address_header("To", [Group("undisclosed", ())])
    mail = email.message_from_bytes(field + b"\r\n", policy=email.policy.default)
    assert [(group.display_name, group.addresses) for group in mail["To"].groups] == [
        ("undisclosed", ())
    ]


FILE_NAME = st.one_of(
    st.text(min_size=1, max_size=40),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=300),
    st.text(st.sampled_from("a.\"\\;='%* ü😀\r\n\0\ud800"), min_size=1, max_size=200),
).map(lambda name: f"f{name}.x")  # the oracle strips <> and white space around a name


@PROPERTY
@given(FILE_NAME)
def test_a_file_name_is_read_as_it_was_written(name: str) -> None:
    name = ORACLE_BREAKS.sub("", name)
    if not one_line(name):
        return
    head = f"Content-Disposition: attachment{file_name_parameter(name)}\r\n\r\n".encode("ascii")
    assert_fit(head)
    mail = email.message_from_bytes(head, policy=email.policy.compat32)
    assert mail.get_filename() == one_line(name)


@PROPERTY
@given(FILE_NAME)
def test_a_name_parameter_is_read_as_it_was_written(name: str) -> None:
    if not one_line(name):
        return
    head = f"Content-Type: a/b{name_parameter(name)}\r\n\r\n".encode("ascii")
    assert_fit(head)
    mail = email.message_from_bytes(head, policy=email.policy.compat32)
    assert mail.get_content_type() == "a/b"
    assert decoded(str(mail.get_param("name")).replace("\r\n", "")) == one_line(name)
