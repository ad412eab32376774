"""Bodies that are not what they seem, and what JSON may do behind the door that took it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from attacks.besieged import Besieged
from attacks.test_json import FIELDS, MAIL, MAILED, MEBI, REFUSED, TAKEN, lists, told
from cli.processes import franking
from eventually import until


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Besieged]:
    with Besieged(tmp_path_factory.mktemp("bodies"), transient_attempts="1") as it:
        yield it


def test_a_mail_in_a_string_is_as_deep_as_a_mail(it: Besieged) -> None:
    for levels, status in ((99, 201), (100, 400), (950, 400), (100_000, 400)):
        mail = f'{{{FIELDS.decode()},"x":{lists(levels).decode()}}}'
        body = b'{"timeout":1,%b,"data":%b}' % (MAILED, json.dumps(mail).encode())
        assert it.http.post("/timer", content=body).status_code == status, levels


BODIES: dict[str, tuple[bytes, dict[str, str]]] = {
    "packed": (gzip.compress(MAIL), {"content-encoding": "gzip"}),
    "a bomb": (gzip.compress(bytes(100 * MEBI)), {"content-encoding": "gzip"}),
    "said to be packed": (b'{"to":', {"content-encoding": "deflate, gzip, br"}),
    "UTF-16": (MAIL.decode().encode("utf-16"), {}),
    "UTF-16 without a mark": (MAIL.decode().encode("utf-16-le"), {}),
    "UTF-32": (MAIL.decode().encode("utf-32"), {}),
    "a mark before it": (b"\xef\xbb\xbf" + MAIL, {}),
    "said to be UTF-16": (MAIL, {"content-type": "application/json; charset=utf-16"}),
    "a form": (b"to=a", {"content-type": "application/x-www-form-urlencoded"}),
    "too large": (b'{"x":"' + b"x" * 11 * MEBI + b'"}', {}),
    "blanks": (b" " * 5 * MEBI, {}),
    "nothing": (b"", {}),
}


WRITES = (
    ("POST", "/v1/mail"),
    ("PUT", "/v1/mail/body"),
    ("PUT", "/v1/templates/body"),
    ("POST", "/timer"),
    ("POST", "/cadence/touchpoints"),
)


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_is_no_json_is_refused(it: Besieged, name: str) -> None:
    body, headers = BODIES[name]
    for method, path in WRITES:
        answer = it.http.request(method, path, content=body, headers=headers)
        assert told(answer), (method, path)


def test_no_data_changes_what_the_next_template_sees(it: Besieged) -> None:
    text = "{{x}}{{y.x}}{{constructor.name}}{{__proto__.x}}{{toString}}{{#each y}}{{@key}}{{/each}}"
    it.http.put("/v1/templates/p", json={"text": text})
    inner = b'{"__proto__":{"x":"P"},"constructor":{"prototype":{"x":"P"}}}'
    body = b'{"data":{"y":{},"__proto__":%b,"constructor":%b}}' % (inner, inner)
    for content in (body, b'{"data":{"y":%b}}' % inner, b'{"data":{"y":{}}}'):
        rendered = it.http.post("/v1/templates/p/render", content=content)
        assert rendered.status_code == 200, rendered.text
        assert "P" not in rendered.json()["text"]
    assert rendered.json()["text"] == ""


def test_an_import_takes_what_can_be_taken(it: Besieged, tmp_path: Path) -> None:
    """Line by line: what is refused is told by its line, and stops no other."""
    values = [*REFUSED.values(), *TAKEN.values()]
    lines = [b"{%b,%b:%b}" % (FIELDS, b'"x"', value) for value in values]
    (tmp_path / "mails.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    ended = it.run(franking(tmp_path, "import", "mails.jsonl", url=it.url))
    assert f"{len(lines)} rows, {len(TAKEN)} accepted, {len(REFUSED)} refused" in ended.err
    refused = (tmp_path / "mails.jsonl.refused.csv").read_text().splitlines()
    assert len(refused) == len(REFUSED) + 1


NAME = "K" * 500_000
MESSAGE = {"subject": "s", "text": "t"}
# What an error names, as long as can be.
NAMED: dict[str, dict[str, Any]] = {
    "a template's name": {"template": {"name": NAME}},
    "a partial": {"template": {"name": "partial"}},
    "a helper": {"template": {"name": "helper"}},
    "a value that is not there": {"template": {"name": "missing"}},
    "a state": {"message": MESSAGE, "delivery": {"state": NAME}},
    "a field": {"message": {**MESSAGE, "attachments": [{"headers": {NAME: 1}}]}},
    "many fields": {"message": MESSAGE, "toUids": [""] * 10_000},
    "an address": {"message": MESSAGE, "cc": f"{NAME}@example.com"},
    "a source": {"message": {**MESSAGE, "attachments": [{"path": f"http://{NAME}"}]}},
    "a Message-ID": {"message": {**MESSAGE, "messageId": NAME}},
}


@pytest.mark.parametrize("name", NAMED)
def test_no_error_is_as_long_as_what_it_names(it: Besieged, name: str) -> None:
    """It stands in the mail's row, in each attempt and in every event that is told of it."""
    file = {"filename": "{{" + NAME + "}}", "content": "x"}
    for id, template in {
        "partial": {"text": "{{> " + NAME + " }}"},
        "helper": {"text": "{{" + NAME + " 1}}"},
        "missing": {"text": "x", "attachments": [file]},
    }.items():
        it.http.put(f"/v1/templates/{id}", json=template)
    it.http.put(f"/v1/mail/{name}", json={"to": "a@example.com", **NAMED[name]})
    ended = until(lambda: failed(it, name))
    assert len(ended["error"]) <= 2_000
    assert len(it.http.get(f"/v1/mail/{name}/timeline").content) < 10_000


def failed(it: Besieged, id: str) -> dict[str, Any] | None:
    found: dict[str, Any] = it.http.get(f"/v1/mail/{id}").json()["delivery"]
    return found if found["state"] == "ERROR" else None
