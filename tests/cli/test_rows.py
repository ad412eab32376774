"""Files of mails: what each row becomes, and what is told of rows and files that can't be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from franking.cli.importing import rows as reading
from franking.cli.importing.batches import batches
from franking.cli.importing.rows import ROW_BYTES_MAX, UnusableFile, rows


def written(folder: Path, text: str | bytes, name: str = "mails.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("columns", "cells", "document"),
    [
        ("to,subject,text", "a@b,s,t", {"to": "a@b", "message": {"subject": "s", "text": "t"}}),
        ("to,html", "a@b,<p>", {"to": "a@b", "message": {"html": "<p>"}}),
        (
            "cc,bcc,from,replyTo",
            'a,"b, c",d,e',
            {"cc": "a", "bcc": "b, c", "from": "d", "replyTo": "e", "message": {}},
        ),
        ("to,text", "a@b,", {"to": "a@b", "message": {}}),  # an empty cell is absent,
        ("to,subject", "a@b,", {"to": "a@b", "message": {"subject": ""}}),  # but for a subject
        ("to,cc", "a@b", {"to": "a@b", "message": {}}),  # a row may be short
        (
            "headers.X-A,headers.x-b",
            "1,",
            {"headers": {"X-A": "1"}, "message": {}},
        ),
        ("priority,account", "-2,sales", {"priority": -2, "account": "sales", "message": {}}),
        ("priority", "high", {"priority": "high", "message": {}}),  # for the mail's own check
        (
            "sendAt,sendBefore,touchpointId,cadenceMemberId,emailMessageId,onUnknown",
            "1,2,3,4,5,ask",
            {
                "sendAt": "1",
                "sendBefore": "2",
                "touchpointId": "3",
                "cadenceMemberId": "4",
                "emailMessageId": "5",
                "onUnknown": "ask",
                "message": {},
            },
        ),
        (" to , text ", "a@b,Grüße", {"to": "a@b", "message": {"text": "Grüße"}}),
        ("text", '"two\r\nlines"', {"message": {"text": "two\r\nlines"}}),
    ],
)
def test_a_row_of_cells_is_a_document(
    columns: str, cells: str, document: dict[str, Any], tmp_path: Path
) -> None:
    [row] = rows(written(tmp_path, f"{columns}\r\n{cells}\r\n"))
    assert (row.document, row.why) == (document, "")


def test_a_row_is_named_by_its_first_line(tmp_path: Path) -> None:
    text = 'to,text\na,"two\nlines"\n\n,\nb,c\n'
    assert [row.line for row in rows(written(tmp_path, text))] == [2, 6]


@pytest.mark.parametrize("text", ["to,text\na,b\nc,d", "to,text\r\na,b\r\nc,d\r\n"])
def test_a_row_tells_where_it_ends(text: str, tmp_path: Path) -> None:
    for content in (text.encode(), b"\xef\xbb\xbf" + text.encode()):
        found = list(rows(written(tmp_path, content)))
        assert [row.document for row in found] == [
            {"to": "a", "message": {"text": "b"}},
            {"to": "c", "message": {"text": "d"}},
        ]
        assert found[-1].end == len(content)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"to,text\na,b,c\n", "It has 3 cells, and there are 2 columns"),
        (b"to,text\n\xff,b\n", "Column 'to' is not UTF-8"),
        (b'to,text\na,"b"c\n', "No CSV: "),
    ],
)
def test_a_row_of_cells_that_is_no_mail_is_told_and_the_next_is_read(
    text: bytes, why: str, tmp_path: Path
) -> None:
    bad, good = rows(written(tmp_path, text + b"a,b\n"))
    assert bad.document is None
    assert bad.why.startswith(why)
    assert bad.line == 2
    assert good.document is not None


def test_a_quote_that_never_ends_is_told_by_the_line_where_it_opens(tmp_path: Path) -> None:
    [bad] = rows(written(tmp_path, 'to,text\na,"b\nc,d\n'))
    assert (bad.line, bad.why) == (2, "No CSV: unexpected end of data")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"to": ', "No JSON: "),
        ("[1]", "No JSON object"),
        ("nonsense", "No JSON: "),
        ('{"a": "\udcff"}', "No JSON: "),
        ("[" * 100_000, "No JSON: "),
        ('{"delivery": {"state": "SUCCESS"}}', "Field 'delivery' can't be imported"),
    ],
)
def test_a_line_that_is_no_document_is_told_and_the_next_is_read(
    text: str, why: str, tmp_path: Path
) -> None:
    content = text.encode("utf-8", "surrogateescape") + b'\n\n{"to": "a"}\n'
    bad, good = rows(written(tmp_path, content, "mails.jsonl"))
    assert bad.document is None
    assert bad.why.startswith(why)
    assert (good.line, good.document) == (3, {"to": "a"})


def test_a_line_that_is_too_long_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ROW_BYTES_MAX >= 10 * 1024 * 1024
    monkeypatch.setattr(reading, "ROW_BYTES_MAX", 20)
    text = '{"to": "%s"}\n{"to": "b"}' % ("a" * 90)
    bad, good = rows(written(tmp_path, text, "mails.jsonl"))
    assert bad.why == "Longer than 20 bytes"
    assert (good.line, good.end, good.document) == (2, len(text), {"to": "b"})


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("a.csv", '{"to"\n"a"', "csv"),
        ("a.jsonl", '{"to": "a"}', "json"),
        ("a.NDJSON", '{"to": "a"}', "json"),
        ("a.txt", ' {"to": "a"}', "json"),
        ("a", "to\na", "csv"),
    ],
)
def test_the_kind_of_a_file_is_told_by_its_name_then_by_its_content(
    name: str, text: str, kind: str, tmp_path: Path
) -> None:
    path = written(tmp_path, text, name)
    if name == "a.csv":
        with pytest.raises(UnusableFile):
            list(rows(path))
        return
    [row] = rows(path)
    assert row.document == ({"to": "a"} if kind == "json" else {"to": "a", "message": {}})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"", "the first row must name the columns"),
        (b"\n", "the first row must name the columns"),
        (
            b"to,colour\n",
            "the column 'colour' is not known; columns are to, cc, bcc, from, replyTo",
        ),
        (b"to;text\n", "the column 'to;text' is not known"),
        (b"to,headers.\n", "the column 'headers.' is not known"),
        (b"to,To\n", "the column 'To' is not known"),
        (b"to,to\n", "the column 'to' is there twice"),
        (b"to," * 201, "more than 200 columns"),
        ("to\n".encode("utf-16"), "is UTF-16; save it as UTF-8"),
    ],
)
def test_a_file_that_is_wrong_as_a_whole_is_refused(text: bytes, told: str, tmp_path: Path) -> None:
    with pytest.raises(UnusableFile) as caught:
        list(rows(written(tmp_path, text)))
    assert told in str(caught.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableFile, match=r"none\.csv can't be read: No such file"):
        list(rows(tmp_path / "none.csv"))


def test_rows_are_batched_by_count_and_by_size_always_alike(tmp_path: Path) -> None:
    lines = [f"u{n}@example.com,{'x' * (12_000 if n > 700 else 1)}" for n in range(1300)]
    path = written(tmp_path, "\n".join(["to,text", *lines]))
    found = list(batches(path, "f" * 64))
    assert [(batch.first, batch.last) for batch in found[:2]] == [(1, 500), (501, 1000)]
    assert [len(batch.rows) for batch in found] == [500, 500, 300]
    assert (found[-1].last, found[-1].end) == (1300, path.stat().st_size)
    assert len({batch.key for batch in found}) == len(found)
    assert found == list(batches(path, "f" * 64))


def test_a_batch_ends_early_where_its_rows_are_large(tmp_path: Path) -> None:
    path = written(tmp_path, "to,text\n" + "\n".join([f"a,{'x' * 300_000}"] * 30))
    found = list(batches(path, "f" * 64))
    assert [batch.first for batch in found] == [1, 14, 27]
    assert sum(len(batch.rows) for batch in found) == 30
