"""No line gets into a header or an envelope that its field was not for, whatever way it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from installation import Installation

GOOD = "ada@example.com"
EVIL = "evil@evil.example"
# What breaks a line for somebody: the wire's own, its halves, and what other software takes for it.
BREAKS = {
    "CRLF": "\r\n",
    "bare LF": "\n",
    "bare CR": "\r",
    "folded": "\r\n ",
    "doubled": "\r\n\r\n",
    "NUL": "\x00\r\n",
    "vertical tab": "\x0b",
    "form feed": "\x0c",
    "next line": "\x85",
    "line separator": "\u2028",
    "paragraph separator": "\u2029",
    "half a character": "\u560d\u560a",
    "percent-encoded": "%0d%0a",
    "a word that decodes to it": "=?utf-8?q?=0D=0A?=",
}
# These break no line for anybody; behind them an address in an address field is just another one.
UNBROKEN = ("half a character", "percent-encoded", "a word that decodes to it")
ADDRESSES = ("to", "a second recipient", "cc", "bcc")
LINES = ("Bcc: evil@evil.example", "X-Evil: yes", "RCPT TO:<evil@evil.example>", ".", "QUIT")

Hostile = Callable[[str], dict[str, Any]]


def plain(**fields: Any) -> dict[str, Any]:
    message = {"subject": "Hello", "text": "Hi", **fields.pop("message", {})}
    return {"to": GOOD, "message": message, **fields}


FIELDS: dict[str, Hostile] = {
    "to": lambda x: plain(to=f"ada@example.com{x}"),
    "a name in to": lambda x: plain(to=f'"Ada{x}" <ada@example.com>'),
    "a second recipient": lambda x: plain(to=[GOOD, f"b@example.com{x}"]),
    "cc": lambda x: plain(cc=f"c@example.com{x}"),
    "bcc": lambda x: plain(bcc=f"d@example.com{x}"),
    "from": lambda x: plain(**{"from": f"Me{x} <me@example.com>"}),
    "an address in from": lambda x: plain(**{"from": f"me@example.com{x}"}),
    "replyTo": lambda x: plain(replyTo=f"r@example.com{x}"),
    "subject": lambda x: plain(message={"subject": f"Hello{x}"}),
    "a header's value": lambda x: plain(headers={"X-Note": f"note{x}"}),
    "a header's name": lambda x: plain(headers={f"X-Note{x}": "note"}),
    "List-Unsubscribe": lambda x: plain(headers={"List-Unsubscribe": f"<https://e.example/{x}>"}),
    "messageId": lambda x: plain(message={"messageId": f"<a{x}@example.com>"}),
    "filename": lambda x: plain(message={"attachments": [{"filename": f"a{x}", "content": "x"}]}),
    "cid": lambda x: plain(message={"attachments": [{"cid": f"a{x}", "content": "x"}]}),
    "contentType": lambda x: plain(
        message={"attachments": [{"contentType": f"text/plain{x}", "content": "x"}]}
    ),
    "contentDisposition": lambda x: plain(
        message={"attachments": [{"contentDisposition": f"inline{x}", "content": "x"}]}
    ),
    "an attachment's header": lambda x: plain(
        message={"attachments": [{"headers": {"X-A": f"a{x}"}, "content": "x"}]}
    ),
    "raw": lambda x: plain(message={"attachments": [{"raw": f"X-A: a{x}\r\n\r\nbody"}]}),
    "text": lambda x: plain(message={"text": f"Hi{x}"}),
    "html": lambda x: plain(message={"html": f"<p>Hi{x}</p>"}),
    "a template's data": lambda x: {"to": GOOD, "template": {"name": "t", "data": {"x": x}}},
}


@pytest_asyncio.fixture
async def it(tmp_path: Path) -> AsyncIterator[Installation]:
    async with Installation(tmp_path) as installation:
        template = {
            "subject": "Hello {{x}}",
            "text": "{{x}}",
            "html": "<p>{{{x}}}</p>",
            "attachments": [
                {"filename": "{{x}}.txt", "content": "{{x}}", "headers": {"X-A": "{{x}}"}}
            ],
        }
        answer = await installation.http.put("/v1/templates/t", json=template)
        assert answer.status_code in (200, 201), answer.text
        yield installation


@pytest.mark.parametrize("field", FIELDS)
async def test_no_field_breaks_out_of_its_place(it: Installation, field: str) -> None:
    """All breaks of a field in one installation: what is refused is told, what is sent is whole."""
    for name, given in BREAKS.items():
        it.box.taken.clear()
        written = (
            it.write(FIELDS[field](f"{given}{line}{given}"), f"{name}-{number}".replace(" ", "-"))
            for number, line in enumerate(LINES)
        )
        for ended in await asyncio.gather(*written):
            assert ended["delivery"]["state"] in ("SUCCESS", "ERROR"), (name, ended)
        for _, recipients, mail in it.box.taken:
            named = field in ADDRESSES and name in UNBROKEN
            assert EVIL not in recipients or named, name
            assert all(map(whole, recipients)), (name, recipients)
            assert mail["Bcc"] is None, (name, mail)
            assert mail["X-Evil"] is None, (name, mail)
            assert mail["MIME-Version"] == "1.0", (name, mail)
            assert [*mail.defects] == [], (name, mail.defects)


@pytest.mark.parametrize("name", BREAKS)
async def test_no_users_record_breaks_out_of_the_envelope(it: Installation, name: str) -> None:
    for number, line in enumerate(LINES):
        record = {"email": f"ada@example.com{BREAKS[name]}{line}"}
        answer = await it.http.put("/v1/users/u1", json=record)
        assert answer.status_code in (200, 201, 422), answer.text
        it.box.taken.clear()
        await it.write({"toUids": ["u1"], "message": {"subject": "s", "text": "t"}}, f"m{number}")
        for _, recipients, mail in it.box.taken:
            assert EVIL not in recipients or name in UNBROKEN
            assert all(map(whole, recipients))
            assert mail["X-Evil"] is None
            assert mail["Bcc"] is None


SMUGGLED = (
    "\n.\nMAIL FROM:<evil@evil.example>\nRCPT TO:<victim@example.com>\nDATA\nX\n.\n",
    "\r.\rMAIL FROM:<evil@evil.example>\r",
    "\n.\r\nMAIL FROM:<evil@evil.example>\r\n",
    "\r\n.\nMAIL FROM:<evil@evil.example>\r\n",
    "\r\n.\r\nMAIL FROM:<evil@evil.example>\r\nRCPT TO:<v@example.com>\r\nDATA\r\nx\r\n.\r\n",
    ".\r\n..\r\n...\r\n.",
    "\r\n.",
    "\r\r\n.\r\r\n",
)


@pytest.mark.parametrize("text", SMUGGLED)
async def test_no_second_mail_is_smuggled_in_a_body(it: Installation, text: str) -> None:
    """https://sec-consult.com/blog/detail/smtp-smuggling-spoofing-e-mails-worldwide/"""
    raw = {"raw": f"Content-Type: text/plain\r\n\r\n{text}"}
    for number, message in enumerate(({"text": text}, {"html": text}, {"attachments": [raw]})):
        await it.write(plain(message=message), f"m{number}")
    assert {sender for sender, _, _ in it.box.taken} <= {"default@example.com"}
    assert all(recipients == [GOOD] for _, recipients, _ in it.box.taken)
    assert 2 <= len(it.box.taken) <= 3


@pytest.mark.parametrize(
    "to",
    [
        "ada@example.com, evil@evil.example",
        "ada@example.com;evil@evil.example",
        '"ada@example.com" <evil@evil.example>',
        "ada@example.com <evil@evil.example>",
        "ada@example.com(evil@evil.example)",
        "<ada@example.com>, <evil@evil.example>",
        "group: evil@evil.example;",
        '"a\\" <evil@evil.example>, \\"" <ada@example.com>',
        "=?utf-8?q?evil=40evil.example?= <ada@example.com>",
        "@evil.example:ada@example.com",
        "ada@example.com\u200b",
        "ada@[127.0.0.1]",
        "ada%evil.example@example.com",
        "evil.example!ada@example.com",
        "<>",
        "postmaster",
        "ada@example.com> SIZE=1 <x",
        "ada@example.com> NOTIFY=NEVER",
        "a" * 400 + "@example.com",
        "ada@" + "a." * 200 + "example.com",
        "ada@exa mple.com",
        "ada@-example.com",
        ",,,,,",
        "(((((((((((((((((((((",
        '"' * 999,
    ],
)
async def test_an_odd_address_is_read_as_addresses_or_refused(it: Installation, to: str) -> None:
    """What goes into the envelope is always one address of one line, without parameters."""
    ended = await it.write(plain(to=to))
    assert ended["delivery"]["state"] in ("SUCCESS", "ERROR")
    for _, recipients, _ in it.box.taken:
        assert all(map(whole, recipients))


def whole(address: str) -> bool:
    """One address of one line, without parameters."""
    return address.isprintable() and not set(address) & {" ", "<", ">"}
