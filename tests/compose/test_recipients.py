"""Address fields: what is read, what is dropped and what is refused."""

from __future__ import annotations

from email.headerregistry import Address as OracleAddress
from email.utils import formataddr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from franking.compose.addresses import Address, Misfit, bare_address
from franking.compose.envelope import Unsendable
from franking.compose.recipients import Group, Parties, flat, read_addresses, read_parties

from .wire import PROPERTY

A, B = Address("", "a@x.example"), Address("", "b@y.example")


def read(value: object) -> list[Address]:
    found = read_addresses("to", value)
    assert not isinstance(found, Unsendable), found
    return list(flat(found))


def parties(**document: object) -> Parties | Unsendable:
    return read_parties(document, "Default <default@example.com>", "reply@example.com")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a@x.example", [A]),
        ("  a@x.example ", [A]),
        ("<a@x.example>", [A]),
        ("Ann <a@x.example>", [Address("Ann", "a@x.example")]),
        ("Ann<a@x.example>", [Address("Ann", "a@x.example")]),
        ('"Doe, Ann" <a@x.example>', [Address("Doe, Ann", "a@x.example")]),
        (r'"Ann \"A\" \\ Doe" <a@x.example>', [Address(r'Ann "A" \ Doe', "a@x.example")]),
        ("a@x.example (Ann Doe)", [Address("Ann Doe", "a@x.example")]),
        ("Ann (sales (EU)) <a@x.example>", [Address("Ann", "a@x.example")]),
        ("a@x.example <a@x.example>", [Address("a@x.example", "a@x.example")]),
        ("a@x.example, b@y.example", [A, B]),
        ("a@x.example; b@y.example", [A, B]),
        ("team: a@x.example, b@y.example;", [A, B]),
        ("team: a@x.example; b@y.example", [A, B]),
        ("empty:;", []),
        # the contract's case 4: the address is found among the words
        (
            "Friendly Firebaser test@example.com",
            [Address("Friendly Firebaser", "test@example.com")],
        ),
        # an @ inside quotes never makes an address: the mail would go astray
        ('"a@evil.example" b@y.example', [Address("a@evil.example", "b@y.example")]),
        ('"a@evil.example"@y.example', [Address("", '"a@evil.example"@y.example')]),
        ('"a@evil.example"', []),
        # no address at all is dropped
        ("not-an-email", []),
        ("Ann <>", []),
        ("", []),
        (",,;", []),
        ("bob, a@x.example", [A]),
        # domains in other scripts; an emoji, which only the older IDNA takes
        ("a@Exämple.DE", [Address("", "a@xn--exmple-cua.de")]),
        ("a@例え。テスト", [Address("", "a@xn--r8jz45g.xn--zckzah")]),
        ("a@i❤.ws", [Address("", "a@xn--i-7iq.ws")]),
        ("A.B@Example.COM", [Address("", "A.B@example.com")]),
        ("jörg@x.example", [Address("", "jörg@x.example")]),
        ("a@[192.0.2.1]", [Address("", "a@[192.0.2.1]")]),
        ("<a@[IPv6:2001:db8::1]>", [Address("", "a@[IPv6:2001:db8::1]")]),
        # handed out by Japanese carriers, against the grammar
        ("a..b.@docomo.ne.jp", [Address("", "a..b.@docomo.ne.jp")]),
    ],
)
def test_a_field_is_read_as_nodemailer_reads_it(text: str, expected: list[Address]) -> None:
    assert read(text) == expected
    assert read([text]) == expected


def test_a_group_keeps_its_name_for_the_header() -> None:
    assert read_addresses("to", "team: a@x.example, b@y.example;") == (Group("team", (A, B)),)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a@", "nothing stands after the @"),
        ("@b.example", "nothing stands before the @"),
        ("a@b..example", "not a valid name"),
        ("a@.example", "not a valid name"),
        ("a@example.", "not a valid name"),
        ("a@-b.example", "not a valid name"),
        ("<a@exa mple>", "not a valid name"),
        ("<a b@c.example>", "a space"),
        ('"a b"@c.example', "a space"),
        ("Ann <ann.example>", "no @"),
        ("a@b@c.example", "must be quoted"),
        ("<@relay.example:a@b.example>", "must be quoted"),
        ("mail <mailto:a@b.example>", "must be quoted"),
        ("x" * 65 + "@b.example", "longer than 64"),
        ("ü" * 33 + "@b.example", "longer than 64"),
        ("a@" + "b" * 64 + ".example", "not a valid name"),
        ("a@" + "b." * 130 + "example", "longer than 255"),
        ("a" * 64 + "@" + "b." * 100, "not a valid name"),
        ("a" * 64 + "@" + "b." * 95 + "c", "longer than 254"),
        ("a@" + "ü" * 300 + ".example", "internationalised"),
        ("a@x\u200b.exa\u2028mple", "control"),
        ("a\u200b@x.example", "unprintable"),
        ("a\ud800@x.example", "unprintable"),
        ("a@x.example b@y.example", "two addresses"),
        ("<a@x.example> <b@y.example>", "two addresses"),
        ("a@x.example\r\nBcc: e@evil.example", "line break"),
        ("a@x.example\n", "line break"),
        ("a@x.example\r", "line break"),
        ("Ann\r\n <a@x.example>", "line break"),
        ('"Ann\nB" <a@x.example>', "line break"),
        ("a\0@x.example", "line break"),
        ("a@x.example\x85", "line break"),
    ],
)
@pytest.mark.parametrize("field", ["to", "cc", "bcc", "from", "replyTo"])
def test_what_no_server_would_take_is_refused_by_its_field(
    field: str, text: str, reason: str
) -> None:
    found = parties(**{"to": "a@x.example", field: text})
    assert isinstance(found, Unsendable)
    assert found.error.startswith(f"Error: Invalid address in field '{field}': ")
    assert reason in found.error
    assert found.error.isprintable()
    assert len(found.error) < 250


@pytest.mark.parametrize(
    "document", [{}, {"to": ""}, {"to": []}, {"to": [""]}, {"to": "not-an-email"}, {"cc": "x:;"}]
)
def test_no_recipient_has_the_contracts_text(document: dict[str, object]) -> None:
    assert parties(**document) == Unsendable("Error: No recipients defined")


@pytest.mark.parametrize("value", [5, {"a": 1}, ["a@x.example", 5], [None], True])
def test_a_field_of_another_type_is_refused(value: object) -> None:
    found = read_addresses("to", value)
    assert isinstance(found, Unsendable)
    assert "'to'" in found.error


def test_recipients_are_to_cc_bcc_without_repeats() -> None:
    found = parties(
        to=["c@x.example", "A <a@x.example>"],
        cc="b@x.example, a@X.example",
        bcc=["d@x.example", "c@x.example"],
    )
    assert isinstance(found, Parties)
    assert found.recipients == ("c@x.example", "a@x.example", "b@x.example", "d@x.example")
    assert not found.smtputf8


@pytest.mark.parametrize("field", ["to", "cc", "bcc", "from", "replyTo"])
def test_a_local_part_beyond_ascii_asks_for_smtputf8(field: str) -> None:
    found = parties(**{"to": "a@x.example", field: "jörg@x.example"})
    assert isinstance(found, Parties)
    assert found.smtputf8


def test_from_and_reply_to_have_defaults() -> None:
    found = parties(to="a@x.example")
    assert isinstance(found, Parties)
    assert found.sender == (Address("Default", "default@example.com"),)
    assert found.reply_to == (Address("", "reply@example.com"),)


def test_a_from_without_an_address_is_refused() -> None:
    found = parties(**{"to": "a@x.example", "from": "nobody"})
    assert isinstance(found, Unsendable)
    assert "'from'" in found.error


ATOM = st.from_regex(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,10}(\.[a-z0-9]{1,10})?", fullmatch=True)
DOMAIN = st.from_regex(r"[a-z0-9]{1,10}(-[a-z0-9]{1,5})?(\.[a-z]{2,6}){1,3}", fullmatch=True)
NAME = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=0, max_size=30).map(
    lambda name: " ".join(name.split())
)


@PROPERTY
@given(st.lists(st.tuples(NAME, ATOM, DOMAIN), min_size=1, max_size=5))
def test_what_the_standard_library_writes_is_read_back(
    mailboxes: list[tuple[str, str, str]],
) -> None:
    text = ", ".join(formataddr((name, f"{local}@{domain}")) for name, local, domain in mailboxes)
    # formataddr leaves a blank name out
    expected = [Address(name, f"{local}@{domain}") for name, local, domain in mailboxes]
    assert read(text) == expected


@PROPERTY
@given(st.text(max_size=60), st.sampled_from(["", "@", "<a@b.example>", '"', "(", ":", ";", ","]))
def test_any_text_is_either_read_or_refused(text: str, sign: str) -> None:
    found = read_addresses("to", text + sign + text[::-1])
    if isinstance(found, Unsendable):
        assert found.error.isprintable()
        return
    for address in flat(found):
        if address.address.isascii():
            assert OracleAddress(addr_spec=address.address).addr_spec
        assert bare_address(address.address) == address.address


@PROPERTY
@given(st.text(max_size=40), st.text(max_size=40))
def test_an_address_never_breaks_out_of_its_line(local: str, domain: str) -> None:
    found = bare_address(f"{local}@{domain}")
    if isinstance(found, Misfit):
        return
    assert found.isprintable()
    assert " " not in found
    assert found.rpartition("@")[2].isascii()
    assert not set("<>") & set(found.rpartition("@")[2])


@pytest.mark.timeout(5)
@pytest.mark.parametrize("piece", ['"', "(", "<", "\\", "a@b,", ":", '"\\', "<<", "a@", "()", '<"'])
def test_a_hostile_field_is_read_in_linear_time(piece: str) -> None:
    read_addresses("to", piece * 20_000)
    read_addresses("to", "<" + piece * 20_000 + "@")
