"""Transfer encodings: what is decoded is what was written, and every line is fit to be sent."""

from __future__ import annotations

import base64
import quopri
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from franking.compose.bodies import base64_lines, encode_text

from .wire import PROPERTY

TEXT = st.one_of(
    st.text(max_size=300),
    st.text(st.sampled_from("ab =.\t\n\r\0é"), max_size=500),
    st.text(st.sampled_from("abcdefgh =\t\n"), max_size=2000),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=3000),
    st.lists(st.sampled_from(["x" * 70, "=", "é", " ", "\t", "\n", "wort "])).map("".join),
)


@PROPERTY
@given(TEXT)
def test_a_text_is_decoded_as_it_was_written(text: str) -> None:
    encoding, octets = encode_text(text)
    decoded = {
        "7bit": lambda octets: octets,
        "quoted-printable": quopri.decodestring,
        "base64": base64.b64decode,
    }[encoding](octets)
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    assert decoded.decode() == lines.encode("utf-16", "surrogatepass").decode(
        "utf-16", "replace"
    ).replace("\n", "\r\n")
    assert octets.isascii()
    assert not set(octets) & (set(range(32)) - {9, 10, 13})
    assert b"\n" not in octets.replace(b"\r\n", b"")
    assert b"\r" not in octets.replace(b"\r\n", b"")
    limit = 990 if encoding == "7bit" else 76
    assert max(map(len, octets.split(b"\r\n"))) <= limit
    if encoding == "quoted-printable":
        assert not any(line.endswith((b" ", b"\t")) for line in octets.split(b"\r\n"))


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("plain\n", "7bit"),
        ("x" * 990, "7bit"),
        ("x" * 991, "quoted-printable"),
        ("Grüße an alle, die das hier lesen", "quoted-printable"),
        ("Grüße", "base64"),
        ("Привет, как дела?", "base64"),
        ("a form feed \f in a long line of text", "quoted-printable"),
        ("nul \0 in a line of text", "quoted-printable"),
    ],
)
def test_the_shortest_encoding_is_chosen(text: str, encoding: str) -> None:
    assert encode_text(text)[0] == encoding


@pytest.mark.parametrize("lead", range(66, 80))
@pytest.mark.parametrize("sign", ["=", "é", "😀", "==", " ", "x"])
def test_a_soft_break_never_splits_a_quoted_octet(lead: int, sign: str) -> None:
    text = ("x" * lead + sign) * 4 + "\0"
    encoding, octets = encode_text(text)
    assert encoding == "quoted-printable"
    lines = octets.split(b"\r\n")
    assert all(line.endswith(b"=") for line in lines[:-1])
    assert all(73 < len(line) <= 76 for line in lines[:-1])
    assert len(lines[-1]) <= 76
    assert quopri.decodestring(octets).decode() == text
    # The oracle would put a split one together again; RFC 2045, section 6.7 (1), would not.
    assert not any(re.search(rb"=[0-9A-F]?=$", line) for line in lines)


@PROPERTY
@given(st.binary(max_size=500))
def test_base64_is_in_lines_of_76(octets: bytes) -> None:
    text = base64_lines(octets)
    assert base64.b64decode(text, validate=False) == octets
    assert text.replace(b"\r\n", b"\n") == base64.encodebytes(octets).rstrip(b"\n")
