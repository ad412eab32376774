"""The contract's cases for documents, through HTTP and a real SMTP server.

The numbers are those of the Trigger Email contract, section 10; where section 9 differs on
purpose, its right column is what must happen.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from installation import Installation

A = "a@example.com"
HELLO = {"subject": "Hello", "text": "plain", "html": "<b>html</b>"}
LEAD = "ValidationError: Invalid email configuration: "
MESSAGE = "ValidationError: Invalid message configuration: "
TEMPLATE = "ValidationError: Invalid template configuration: "
NOBODY = LEAD + "Email must have at least one recipient"
BLANK = MESSAGE + "At least one of 'text' or 'html' must be provided in message"
NOTHING = LEAD + (
    "Email configuration must include either a 'message', 'template', or 'sendGrid' object"
)
NO_FILES = MESSAGE + "Field 'message.attachments' must be an array"
FILE = MESSAGE + "Field 'message.attachments.0"
NOT_ADDRESSES = LEAD + "Field 'to' must be either a string or an array of strings"


@pytest_asyncio.fixture
async def it(tmp_path: Path) -> AsyncIterator[Installation]:
    async with Installation(tmp_path) as installation:
        yield installation


def mail(**fields: Any) -> dict[str, Any]:
    return {"to": A, "message": HELLO, **fields}


def attached(**attachment: Any) -> dict[str, Any]:
    return mail(message={**HELLO, "attachments": [attachment]})


REFUSED = [
    (9, mail(toUids="u1"), LEAD + "Field 'toUids' must be an array"),
    (10, mail(toUids=[""]), LEAD + "Field 'toUids.0' cannot be empty"),
    (13, {"message": HELLO}, NOBODY),
    (14, mail(to=""), NOBODY),
    (15, mail(to=[], cc=[], bcc=[]), NOBODY),
    (18, mail(to=123), NOT_ADDRESSES),
    (19, mail(to=["a", 5]), NOT_ADDRESSES),
    (20, mail(to=None), NOT_ADDRESSES),
    (23, mail(message={"text": "t"}), MESSAGE + "Field 'message.subject' must be a string"),
    (25, mail(message={"subject": "s"}), BLANK),
    (
        27,
        mail(message={"subject": "s", "text": 5}),
        f"{MESSAGE}Field 'message.text' must be a string",
    ),
    (28, mail(message={}), BLANK),
    (29, mail(message=None), LEAD + "Field 'message' must be a map"),
    (30, mail(message="hi"), MESSAGE + "Field 'message' must be a map"),
    (31, mail(message=["x"]), MESSAGE + "Field 'message' must be a map"),
    (32, {"to": A}, NOTHING),
    (33, mail(**{"from": 3}), LEAD + "Field 'from' must be a string"),
    (34, mail(categories="x"), LEAD + "Field 'categories' must be an array"),
    (35, mail(message={**HELLO, "attachments": {"a": 1}}), NO_FILES),
    (36, mail(message={**HELLO, "attachments": "x"}), NO_FILES),
    (39, attached(httpHeaders="x"), f"{FILE}.httpHeaders' must be a map"),
    (40, attached(headers="x"), f"{FILE}.headers' must be a map"),
    (41, attached(headers={"a": 1}), f"{FILE}.headers.a' must be a string"),
    (42, attached(filename=1), f"{FILE}.filename' must be a string"),
    (72, mail(template={"name": ""}), TEMPLATE + "Field 'template.name' cannot be empty"),
    (73, mail(template={"name": 7}), TEMPLATE + "Field 'template.name' must be a string"),
    (75, mail(template="x"), TEMPLATE + "Field 'template' must be a map"),
    (
        76,
        mail(template={"name": "n", "data": "x"}),
        f"{TEMPLATE}Field 'template.data' must be a map",
    ),
    (79, mail(template=None), TEMPLATE + "Field 'template' must be a map"),
]


@pytest.mark.parametrize(("case", "document", "error"), REFUSED, ids=[f"{c[0]}" for c in REFUSED])
async def test_a_document_written_with_trouble_is_told_at_once(
    it: Installation, case: int, document: dict[str, Any], error: str
) -> None:
    delivery = (await it.write(document))["delivery"]
    assert delivery["state"] == "ERROR"
    assert delivery["error"] == error
    assert delivery["attempts"] == 0
    assert it.box.dots == 0


@pytest.mark.parametrize(("case", "document", "error"), REFUSED, ids=[f"{c[0]}" for c in REFUSED])
async def test_the_strict_door_refuses_it_with_the_same_text(
    it: Installation, case: int, document: dict[str, Any], error: str
) -> None:
    answer = await it.http.post("/v1/mail", json=document)
    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["detail"] == error
    assert (await it.http.get("/v1/mail")).json()["items"] == []


FAILED = [
    (17, mail(to="not-an-email"), "Error: No recipients defined"),
    (48, attached(path="/nonexistent/file.pdf"), "Error: Attachment source is not allowed: "),
    (49, attached(href="http://127.0.0.1:1/x"), "Error: Attachment source is not allowed: http"),
    (50, attached(path="/etc/hostname"), "Error: Attachment source is not allowed: "),
    (
        86,
        {"to": A, "sendGrid": {"templateId": "d-1"}},
        "Error: sendGrid fields need the SendGrid transport.",
    ),
    (0, mail(to="a@"), "Error: Invalid address in field 'to'"),
    (0, mail(cc="a@b..c"), "Error: Invalid address in field 'cc'"),
    (0, mail(bcc="x" * 65 + "@example.com"), "Error: Invalid address in field 'bcc'"),
]


@pytest.mark.parametrize(("case", "document", "error"), FAILED, ids=[str(c[1]) for c in FAILED])
async def test_what_cannot_be_composed_ends_in_error(
    it: Installation, case: int, document: dict[str, Any], error: str
) -> None:
    delivery = (await it.write(document))["delivery"]
    assert (delivery["state"], delivery["attempts"]) == ("ERROR", 1)
    assert delivery["error"].startswith(error)
    assert it.box.dots == 0


@pytest.mark.case(1)
async def test_case_1_a_plain_mail_is_sent(it: Installation) -> None:
    delivery = (await it.write(mail()))["delivery"]
    assert delivery["state"] == "SUCCESS"
    assert delivery["attempts"] == 1
    assert delivery["error"] is None
    assert delivery["leaseExpireTime"] is None
    assert delivery["endTime"] >= delivery["startTime"]
    info = delivery["info"]
    assert (info["accepted"], info["rejected"], info["pending"]) == ([A], [], [])
    assert info["response"] == "250 Accepted"
    [sent] = it.box.mails
    assert sent.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in sent.iter_parts()] == ["text/plain", "text/html"]
    assert sent["reply-to"] == "reply@example.com"
    assert sent["message-id"] == info["messageId"]


@pytest.mark.case(2)
async def test_case_2_recipients_keep_their_order_and_bcc_stays_hidden(it: Installation) -> None:
    everybody = ["a@x.org", "b@x.org", "c@x.org", "d@x.org"]
    document = mail(to=everybody[:2], cc=[everybody[2]], bcc=everybody[3])
    delivery = (await it.write(document))["delivery"]
    assert delivery["info"]["accepted"] == everybody
    [(_, recipients, sent)] = it.box.taken
    assert recipients == everybody
    assert "bcc" not in sent


@pytest.mark.case(3)
async def test_case_3_from_and_reply_to_are_used(it: Installation) -> None:
    await it.write(mail(**{"from": "F <f@example.com>", "replyTo": "r@example.com"}))
    [(sender, _, sent)] = it.box.taken
    assert (sender, sent["from"], sent["reply-to"]) == (
        "f@example.com",
        "F <f@example.com>",
        "r@example.com",
    )


@pytest.mark.case(4)
async def test_case_4_a_malformed_from_passes_the_door(it: Installation) -> None:
    document = mail(**{"from": "Friendly Firebaser test@example.com"})
    assert (await it.http.post("/v1/mail", json=document)).status_code == 201


@pytest.mark.case(5)
async def test_case_5_headers_go_along(it: Installation) -> None:
    unsubscribe = "<mailto:u@example.com>"
    await it.write(mail(headers={"X-Custom-Header": "V", "List-Unsubscribe": unsubscribe}))
    [sent] = it.box.mails
    assert (sent["x-custom-header"], sent["list-unsubscribe"]) == ("V", unsubscribe)


@pytest.mark.case(11, 26, 38)
@pytest.mark.parametrize(
    "document",
    [
        mail(toUids=[]),  # 11
        mail(message={"subject": "s", "text": None, "html": "<p>h"}),  # 26
        mail(message={**HELLO, "attachments": []}),  # 38
        mail(message={"subject": "", "text": "t"}),  # an empty subject is valid
    ],
)
async def test_what_is_empty_is_absent(it: Installation, document: dict[str, Any]) -> None:
    assert (await it.write(document))["delivery"]["state"] == "SUCCESS"


@pytest.mark.case(26)
async def test_case_26_a_text_that_is_null_is_none(it: Installation) -> None:
    await it.write(mail(message={"subject": "s", "text": None, "html": "<p>h"}))
    [sent] = it.box.mails
    assert (sent.get_content_type(), sent.get_content().rstrip()) == ("text/html", "<p>h")


@pytest.mark.case(43, 44)
async def test_cases_43_and_44_attachments_arrive_as_they_were(it: Installation) -> None:
    files = [
        {"filename": "hello.txt", "content": "Hello world!"},
        {"filename": "b.bin", "content": "SGVsbG8=", "encoding": "base64"},
    ]
    await it.write(mail(message={**HELLO, "attachments": files}))
    [sent] = it.box.mails
    first, second = sent.iter_attachments()
    assert (first.get_content_type(), first.get_filename()) == ("text/plain", "hello.txt")
    assert first.get_payload(decode=True) == b"Hello world!"
    assert second.get_payload(decode=True) == b"Hello"


@pytest.mark.case(47)
async def test_case_47_a_raw_part_goes_in_verbatim(it: Installation) -> None:
    raw = "Content-Type: text/x-raw\r\n\r\nverbatim\r\n"
    await it.write(attached(raw=raw))
    [sent] = it.box.mails
    assert "verbatim" in [str(p.get_payload()).strip() for p in sent.walk()]


async def test_header_injection_reaches_no_header(it: Installation) -> None:
    subject = {"subject": "hello\r\nBcc: evil@example.com", "text": "t"}
    await it.write(mail(message=subject, headers={"X-A": "v\r\nBcc: evil@example.com"}))
    [(_, recipients, sent)] = it.box.taken
    assert recipients == [A]
    assert "bcc" not in sent
    assert sent["subject"] == "hello Bcc: evil@example.com"


@pytest.mark.parametrize("field", ["to", "cc", "bcc", "from", "replyTo"])
async def test_a_line_break_in_an_address_is_refused_by_name(it: Installation, field: str) -> None:
    document = mail(**{field: "a@example.com\r\nRCPT TO:<evil@example.com>"})
    answer = await it.http.post("/v1/mail", json=document)
    assert answer.status_code == 422
    assert field in answer.json()["detail"]
