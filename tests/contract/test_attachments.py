"""The contract's attachments, cases 35 to 50, through HTTP, a server of files and one of SMTP.

Section 9 differs from the extension in what a `path` and an `href` may be: its column is followed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from cli.processes import mailbox, serving
from eventually import eventually
from franking.app.attachments import fetching
from franking.compose.envelope import Unsendable
from franking.compose.links import Link
from franking.config import Settings
from franking.config.hosts import file_hosts
from franking.core.delivery import Bounds
from franking.transports.fetching import HttpFetcher, Limits
from franking.transports.names import Names
from installation import Installation
from transports.files import FILES, OTHER, Zone
from transports.receiver import SILENCE, Receiver, answer, receiving

HELLO = {"subject": "Hello", "text": "plain", "html": "<b>html</b>"}
MESSAGE = "ValidationError: Invalid message configuration: "
LIMITS = "ValidationError: Invalid email configuration: "
REFUSED = "Error: Attachment source is not allowed: "
PDF = answer("200 OK", b"%PDF-1.7", "Content-Type: application/pdf")


@pytest_asyncio.fixture
async def it(tmp_path: Path) -> AsyncIterator[Installation]:
    async with Installation(tmp_path) as installation:
        yield installation


def mail(*attachments: Any, **message: Any) -> dict[str, Any]:
    parts = HELLO | message | {"attachments": list(attachments)}
    return {"to": "a@example.com", "message": parts}


async def files(it: Installation) -> list[EmailMessage]:
    """The attachments of the one mail that arrived."""
    [sent] = it.box.mails
    return [part for part in sent.walk() if part.get_content_disposition() or part["X-Raw"]]


async def sent(it: Installation, *attachments: Any, **message: Any) -> list[EmailMessage]:
    delivery = (await it.write(mail(*attachments, **message)))["delivery"]
    assert (delivery["state"], delivery["error"]) == ("SUCCESS", None)
    return await files(it)


async def failed(it: Installation, *attachments: Any) -> dict[str, Any]:
    delivery: dict[str, Any] = (await it.write(mail(*attachments)))["delivery"]
    assert (delivery["state"], delivery["attempts"]) == ("ERROR", 1)
    assert it.box.dots == 0
    return delivery


def fetcher(*receivers: Receiver, private: Any = "allow", **limits: Any) -> HttpFetcher:
    """Fetches from these, under two names each."""
    setting = ",".join(f"{name}:{one.port}" for one in receivers for name in (FILES, OTHER))
    return HttpFetcher(file_hosts(setting), Names(private, lookup=Zone()), Limits(**limits))


@pytest.mark.parametrize(
    ("case", "attachments", "told"),
    [
        (35, {"a": 1}, "Field 'message.attachments' must be an array"),
        (36, "x", "Field 'message.attachments' must be an array"),
        (37, None, "Field 'message.attachments' must be an array"),
        (0, ["x"], "Field 'message.attachments.0' must be a map"),
        (39, [{"httpHeaders": "x"}], "Field 'message.attachments.0.httpHeaders' must be a map"),
        (40, [{"headers": "x"}], "Field 'message.attachments.0.headers' must be a map"),
        (41, [{"headers": {"a": 1}}], "Field 'message.attachments.0.headers.a' must be a string"),
        (42, [{"filename": 1}], "Field 'message.attachments.0.filename' must be a string"),
        *(
            (0, [{}, {key: 1}], f"Field 'message.attachments.1.{key}' must be a string")
            for key in ("path", "href", "contentType", "contentDisposition", "cid", "encoding")
        ),
        (0, [{"raw": {"path": "/x"}}], "Field 'message.attachments.0.raw' must be a string"),
        (
            0,
            [{"httpHeaders": {"Host": "x"}}],
            "Field 'message.attachments.0.httpHeaders.Host' is a header that must not be set",
        ),
        (
            0,
            [{"httpHeaders": {"X": "a\r\nHost: b"}}],
            "Field 'message.attachments.0.httpHeaders.X' must not contain line breaks or control"
            " characters",
        ),
        (
            0,
            [{"httpHeaders": {"X\r\nHost": "b"}}],
            "Field 'message.attachments.0.httpHeaders.X\\r\\nHost' is not a valid header name",
        ),
        (
            0,
            [{"httpHeaders": {f"X-{number}": "x" for number in range(51)}}],
            "Field 'message.attachments.0.httpHeaders' must not have more than 50 headers",
        ),
    ],
)
async def test_cases_35_to_42_are_refused_by_name(
    it: Installation, case: int, attachments: Any, told: str
) -> None:
    document = {"to": "a@example.com", "message": {**HELLO, "attachments": attachments}}
    strict = await it.http.post("/v1/mail", json=document)
    assert strict.status_code == 422
    assert strict.json()["detail"].removeprefix(MESSAGE).removeprefix(LIMITS) == told
    delivery = (await it.write(document))["delivery"]
    assert (delivery["state"], delivery["error"]) == ("ERROR", strict.json()["detail"])
    assert it.box.dots == 0


@pytest.mark.case(38)
@pytest.mark.parametrize("attachments", [[], None])
async def test_case_38_none_are_none(it: Installation, attachments: Any) -> None:
    message = HELLO if attachments is None else {**HELLO, "attachments": attachments}
    delivery = (await it.write({"to": "a@example.com", "message": message}))["delivery"]
    assert delivery["state"] == "SUCCESS"
    assert await files(it) == []


@pytest.mark.case(43)
async def test_case_43_a_file_arrives_in_base64(it: Installation) -> None:
    [file] = await sent(it, {"filename": "hello.txt", "content": "Hello world!"})
    assert (file.get_content_type(), file.get_filename()) == ("text/plain", "hello.txt")
    assert file["Content-Transfer-Encoding"] == "base64"
    assert str(file.get_payload()).strip() == "SGVsbG8gd29ybGQh"


@pytest.mark.case(44)
async def test_case_44_base64_is_decoded(it: Installation) -> None:
    [file] = await sent(it, {"filename": "b", "content": "SGVsbG8=", "encoding": "base64"})
    assert file.get_payload(decode=True) == b"Hello"


@pytest.mark.case(45)
@pytest.mark.parametrize("key", ["path", "href"])
async def test_case_45_a_data_uri_is_always_taken(it: Installation, key: str) -> None:
    [file] = await sent(it, {key: "data:text/plain;base64,SGVsbG8="})
    assert (file.get_content_type(), file.get_filename()) == ("text/plain", "attachment-1.txt")
    assert file.get_payload(decode=True) == b"Hello"


@pytest.mark.case(46)
async def test_case_46_an_inline_image_is_related_to_the_html(it: Installation) -> None:
    image = {"filename": "logo.png", "cid": "logo", "content": "iVBORw0=", "encoding": "base64"}
    [file] = await sent(it, image, html='<img src="cid:logo">')
    assert (file["Content-ID"], file.get_content_disposition()) == ("<logo>", "inline")
    [related] = [one for one in it.box.mails[0].walk() if one.get_content_subtype() == "related"]
    html, image_part = related.iter_parts()
    assert (html.get_content_type(), image_part["Content-ID"]) == ("text/html", "<logo>")


@pytest.mark.case(47)
async def test_case_47_raw_mime_goes_in_verbatim(it: Installation) -> None:
    raw = "Content-Type: text/x-raw; a=b\r\nX-Raw: yes\r\n\r\nverbatim\r\n.\r\n..x\r\n  end"
    [part] = await sent(it, {"raw": raw})
    assert part.get_content_type() == "text/x-raw"
    assert part["X-Raw"] == "yes"
    assert part.get_payload() == "verbatim\r\n.\r\n..x\r\n  end"


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ("X-Raw: yes\r\n\r\na\rb", "Error: Invalid raw attachment: it has a bare CR or a NUL"),
        ("X-Raw: yes\r\n\r\na\r\r\nb", "Error: Invalid raw attachment: it has a bare CR or a NUL"),
        ("X-Raw: yes\r\n\r\na\0b", "Error: Invalid raw attachment: it has a bare CR or a NUL"),
        ("X-Raw: yes\r\n\r\n" + "x" * 999, "Error: Invalid raw attachment: it has a line of more"),
    ],
)
async def test_raw_mime_that_could_break_out_is_refused(
    it: Installation, raw: str, told: str
) -> None:
    delivery = await failed(it, {"raw": raw})
    assert delivery["error"].startswith(told)
    assert (delivery["category"], delivery["outcome"]) == ("message_content", "not_sent")


@pytest.mark.parametrize("end", ["\n.\n", "\n.\r\n", "\r\n.\n"])
async def test_a_bare_lf_in_raw_mime_ends_no_mail(it: Installation, end: str) -> None:
    smuggled = f"X-Raw: yes\r\n\r\none{end}MAIL FROM:<evil@example.com>\nRCPT TO:<b@example.com>"
    [part] = await sent(it, {"raw": smuggled})
    assert (
        part.get_payload() == "one\r\n.\r\nMAIL FROM:<evil@example.com>\r\nRCPT TO:<b@example.com>"
    )
    [(_, recipients, _)] = it.box.taken
    assert recipients == ["a@example.com"]


async def test_raw_mime_counts_before_any_source(it: Installation) -> None:
    raw = {"raw": "X-Raw: yes\r\n\r\nx", "href": "http://evil.example/"}
    [part] = await sent(it, raw)
    assert part.get_payload() == "x"


@pytest.mark.parametrize("entry", [{"unknown": 1}, {}, {"contents": "typo"}, {"content": None}])
async def test_with_unknown_keys_only_it_is_an_empty_file(
    it: Installation, entry: dict[str, Any]
) -> None:
    [file] = await sent(it, entry)
    assert file.get_filename() == "attachment-1.bin"
    assert file.get_payload(decode=True) == b""


async def test_all_keys_together(it: Installation) -> None:
    [file] = await sent(
        it,
        {
            "filename": "grüße.csv",
            "content": "SGVsbG8=",
            "encoding": "base64",
            "contentType": "text/csv; charset=utf-8",
            "contentDisposition": "inline",
            "cid": "c@x",
            "headers": {"X-Own": "yes", "Content-Type": "text/html"},
            "httpHeaders": {"X": "unused"},
            "path": None,
            "href": None,
            "raw": None,
        },
    )
    assert (file.get_content_type(), file.get_filename()) == ("text/csv", "grüße.csv")
    assert (file.get_content_disposition(), file["Content-ID"]) == ("inline", "<c@x>")
    assert file["X-Own"] == "yes"
    assert file.get_payload(decode=True) == b"Hello"


@pytest.mark.parametrize(
    ("case", "source", "told"),
    [
        (48, "/nonexistent/file.pdf", "file://"),
        (49, "http://127.0.0.1:1/x", "http://127.0.0.1:1"),
        (50, "/etc/hostname", "file://"),
        *((0, path, "file://") for path in ("file:///etc/hostname", "\\\\host\\share", "C:\\x")),
        *((0, path, "file://") for path in ("../x", "hostname", "~/.ssh/id_rsa", "/proc/self/mem")),
        (0, "https://address.example/recipients?k=1", "https://address.example"),
        (0, "HTTPS://me:pw@Files.example/", "https://Files.example"),
    ],
)
@pytest.mark.parametrize("key", ["path", "href"])
async def test_cases_48_to_50_no_file_and_no_url_by_default(
    it: Installation, case: int, source: str, told: str, key: str
) -> None:
    delivery = await failed(it, {key: source, "content": "instead"})
    assert delivery["error"] == REFUSED + told
    assert (delivery["category"], delivery["cause"]) == ("message_content", "message_malformed")
    assert "blocked attachment" in delivery["message"]


@pytest.mark.case(49)
async def test_case_49_where_it_is_allowed_nobody_there_is_told(tmp_path: Path) -> None:
    allowed = HttpFetcher(file_hosts("127.0.0.1:1"), Names("allow"))
    async with Installation(tmp_path, fetcher=allowed) as it:
        delivery = await failed(it, {"href": "http://127.0.0.1:1/x"})
    assert delivery["error"] == "Error: connect ECONNREFUSED 127.0.0.1:1"
    assert (delivery["category"], delivery["cause"]) == ("service_unavailable", "connection_failed")
    assert delivery["message"].startswith("A file attached to this email couldn't be fetched")


async def test_a_file_is_fetched_with_the_documents_headers(tmp_path: Path) -> None:
    async with receiving(PDF) as there, Installation(tmp_path, fetcher=fetcher(there)) as it:
        url = there.url("/invoices/Nr%20%C3%A4.pdf?key=1#page").replace(there.host, FILES)
        headers = {"Authorization": "Bearer x"}
        [file] = await sent(it, {"href": url, "httpHeaders": headers, "content": "not this"})
    assert (file.get_content_type(), file.get_filename()) == ("application/pdf", "Nr ä.pdf")
    assert file.get_payload(decode=True) == b"%PDF-1.7"
    assert file.get_content_disposition() == "attachment"
    [heard] = there.heard
    assert heard.header("authorization") == "Bearer x"


@pytest.mark.parametrize(
    ("path", "fields", "kind", "name"),
    [
        ("/a.pdf", {"filename": "b.txt"}, "text/plain", "b.txt"),
        ("/a.pdf", {"contentType": "text/csv"}, "text/csv", "a.pdf"),
        ("/a.png", {}, "image/png", "a.png"),
        ("/download?file=a.png", {}, "application/pdf", "download.pdf"),
        ("/", {}, "application/pdf", "attachment-1.pdf"),
        ("", {}, "application/pdf", "attachment-1.pdf"),
        ("/x%2F..%5Cevil%0D%0AX: y.pdf", {}, "application/pdf", "evil X: y.pdf"),
        ("/a.eml", {"contentType": "message/rfc822"}, "message/rfc822", "a.eml"),
    ],
)
async def test_what_is_fetched_is_named_by_its_address(
    tmp_path: Path, path: str, fields: dict[str, str], kind: str, name: str
) -> None:
    async with receiving(PDF) as there, Installation(tmp_path, fetcher=fetcher(there)) as it:
        url = f"http://{FILES}:{there.port}{path}"
        [file] = (await sent(it, {"path": url, **fields}))[:1]
    assert (file.get_content_type(), file.get_filename()) == (kind, name)


async def test_an_image_and_an_event_are_fetched_too(tmp_path: Path) -> None:
    event = answer("200 OK", b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "Content-Type: text/calendar")
    async with receiving(event) as there, Installation(tmp_path, fetcher=fetcher(there)) as it:
        url = f"http://{FILES}:{there.port}"
        logo = {"path": f"{url}/logo.png", "cid": "logo"}
        await sent(it, logo, icalEvent={"method": "REQUEST", "href": f"{url}/e.ics"})
        [mail] = it.box.mails
    kinds = [part.get_content_type() for part in mail.walk()]
    assert {"text/calendar", "application/ics", "image/png", "multipart/related"} <= set(kinds)
    assert sorted(heard.path for heard in there.heard) == ["/e.ics", "/logo.png"]


@pytest.mark.parametrize(
    ("said", "error", "category"),
    [
        (answer("403 No"), "Error: Invalid status code 403", "message_content"),
        (answer("404 quota exceeded"), "Error: Invalid status code 404", "message_content"),
        (
            answer("302 Found", b"", "Location: file:///etc/hostname"),
            REFUSED + "file://",
            "message_content",
        ),
        (
            answer("302 Found", b"", "Location: http://169.254.169.254/latest/meta-data/"),
            REFUSED + "http://169.254.169.254",
            "message_content",
        ),
        (
            answer("200 OK", bytes(2000)),
            "Error: Attachment is too large: {} sent more than 1024 bytes",
            "message_too_large",
        ),
    ],
)
async def test_what_will_not_pass_is_final(
    tmp_path: Path, said: bytes, error: str, category: str
) -> None:
    bounds = Bounds(transient_attempts=3, retry_base_ms=1)
    async with receiving(said) as there:
        source = fetcher(there, octets=1024)
        async with Installation(tmp_path, fetcher=source, bounds=bounds) as it:
            delivery = await failed(it, {"href": f"http://{FILES}:{there.port}/x"})
        assert len(there.heard) == 1
    assert delivery["error"] == error.format(f"{FILES}:{there.port}")
    assert delivery["category"] == category


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (answer("503 No"), "Error: Invalid status code 503"),
        (answer("429 quota exceeded"), "Error: Invalid status code 429"),
        (answer("500 5.7.8 Authentication failed"), "Error: Invalid status code 500"),
        (SILENCE, "Error: Timeout: {} did not send the attachment within 0.2 s"),
    ],
)
async def test_what_may_pass_is_tried_again_within_bounds(
    tmp_path: Path, said: bytes, error: str
) -> None:
    bounds = Bounds(transient_attempts=3, retry_base_ms=1)
    async with receiving(said) as there:
        source = fetcher(there, seconds=0.2)
        async with Installation(tmp_path, fetcher=source, bounds=bounds) as it:
            document = mail({"href": f"http://{FILES}:{there.port}/x"})
            delivery = (await it.write(document))["delivery"]
            account = (await it.http.get("/v1/accounts/default")).json()
        assert len(there.heard) == 3
    assert (delivery["state"], delivery["attempts"], it.box.dots) == ("ERROR", 3, 0)
    assert delivery["error"] == error.format(f"{FILES}:{there.port}")
    assert (delivery["category"], delivery["outcome"]) == ("service_unavailable", "not_sent")
    # It is no trouble of the account's, whatever the host said.
    assert account["state"] == "ok"


async def test_a_host_that_is_well_again_serves_the_next_try(tmp_path: Path) -> None:
    bounds = Bounds(transient_attempts=3, retry_base_ms=1)
    async with (
        receiving(answer("503 No"), PDF) as there,
        Installation(tmp_path, fetcher=fetcher(there), bounds=bounds) as it,
    ):
        [file] = await sent(it, {"href": f"http://{FILES}:{there.port}/x.pdf"})
        timeline = (await it.http.get("/v1/mail/m1/timeline")).json()
    assert file.get_payload(decode=True) == b"%PDF-1.7"
    assert timeline["attempts"][0]["error"] == "Error: Invalid status code 503"


async def test_a_refusal_tells_the_operator_why_in_the_timeline(tmp_path: Path) -> None:
    async with receiving(PDF) as there:
        async with Installation(tmp_path, fetcher=fetcher(there, private="deny")) as it:
            delivery = await failed(it, {"href": f"http://{FILES}:{there.port}/x?token=hunter2"})
            timeline = (await it.http.get("/v1/mail/m1/timeline")).text
        assert there.connections == 0
    assert delivery["error"] == f"{REFUSED}http://{FILES}:{there.port}"
    assert "FRANKING_ATTACHMENT_PRIVATE_ADDRESSES" in timeline
    assert "hunter2" not in timeline


@pytest.mark.parametrize(
    ("private", "octets", "error"),
    [
        ("allow", "1024", None),
        ("deny", "1024", REFUSED + "http://127.0.0.1:{port}"),
        ("", "1024", REFUSED + "http://127.0.0.1:{port}"),  # is not set, and so closed
        ("allow", "10000", "Error: Attachment is too large: those of this email together have"),
    ],
)
async def test_serve_goes_by_the_settings(
    tmp_path: Path, private: str, octets: str, error: str | None
) -> None:
    size = min(int(octets), 1024)
    async with mailbox() as box, receiving(answer("200 OK", bytes(size))) as there:
        settings = {
            "attachment_hosts": f"127.0.0.1:{there.port}",
            "attachment_private_addresses": private,
            "attachment_max_bytes": octets,
            "attachment_max_mail_bytes": "1024",
            "transient_attempts": "1",
        }
        entries = [{"href": there.url(f"/{n}")} for n in range(1 if octets == "1024" else 2)]
        async with serving(tmp_path, box.port, **settings) as server:
            delivery = await through(server.url, mail(*entries))
    if error is None:
        assert delivery["state"] == "SUCCESS"
    else:
        assert delivery["error"].startswith(error.format(port=there.port))


async def test_the_time_is_a_setting() -> None:
    async with receiving(SILENCE) as there:
        listed = file_hosts(f"127.0.0.1:{there.port}")
        chosen = Settings(
            attachment_hosts=listed, attachment_private_addresses="allow", attachment_seconds=1
        )
        source = fetching(chosen)
        ending = await source.fetch([Link(there.url())], 1)
        await source.close()
    assert isinstance(ending, Unsendable)
    assert ending.error.endswith("did not send the attachment within 1 s")


async def through(url: str, document: dict[str, Any]) -> dict[str, Any]:
    """Write a document to a running `serve`; its delivery once that has ended."""
    async with httpx.AsyncClient(base_url=url) as http:
        await http.put("/v1/mail/m1", json=document)

        async def ended() -> dict[str, Any] | None:
            delivery: dict[str, Any] = (await http.get("/v1/mail/m1")).json()["delivery"]
            return delivery if delivery["state"] in ("SUCCESS", "ERROR") else None

        return await eventually(ended)


async def test_a_templates_attachment_is_fetched_by_its_rendered_address(tmp_path: Path) -> None:
    async with (
        receiving(PDF) as there,
        Installation(tmp_path, fetcher=fetcher(there), templates=True) as it,
    ):
        entry = {"filename": "{{name}}.pdf", "href": f"http://{FILES}:{there.port}/{{{{id}}}}"}
        template = {"subject": "s", "text": "t", "attachments": [entry]}
        stored = await it.http.put("/v1/templates/invoice", json=template)
        assert stored.status_code in (200, 201), stored.text
        data = {"name": "invoice", "data": {"name": "ada", "id": "7"}}
        delivery = (await it.write({"to": "a@example.com", "template": data}))["delivery"]
        assert (delivery["state"], delivery["error"]) == ("SUCCESS", None)
        [file] = await files(it)
    assert file.get_filename() == "ada.pdf"
    assert [heard.path for heard in there.heard] == ["/7"]
