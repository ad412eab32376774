"""A template's document as the fields of a form, and back.

What a person left as it was is no change of the document, even where a form can't hold it as it is
(line ends). What the document has beside these fields stays. The sample data is kept with it, in a
field `sample`, which no mail looks at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from franking.apis import bodies
from franking.apis.problems import Problem
from franking.core.depth import MAX_DEPTH
from franking.core.template import PARTS
from franking.web.asked import Fields

SAMPLE = "sample"
TEXTS = ("name", *PARTS)
# Fields that hold JSON, each with its label.
JSONS = {"attachments": "Attachments", SAMPLE: "Sample data"}
NEXT = "Correct it, then try again."

_BYTE = re.compile(r" \(byte (\d+)\)")


def shown(document: Mapping[str, Any]) -> dict[str, str]:
    """The fields' texts; empty for what is absent."""
    texts = {name: _typed_as(document.get(name)) for name in TEXTS}
    return texts | {name: _written(document.get(name)) for name in JSONS}


def typed(fields: Fields, before: Mapping[str, Any]) -> dict[str, Any]:
    """The document with what was typed in place of what it was. Raises `Problem`."""
    document = dict(before)
    was = shown(before)
    for name in (*TEXTS, *JSONS):
        text = fields.text(name)
        if name not in fields or text == was[name]:
            continue
        value = _json(name, text) if name in JSONS else text
        if name == "name":
            value = text.strip()
        _put(document, name, value)
    if fields.ticked("partial") != (before.get("partial") is True):
        _put(document, "partial", fields.ticked("partial"))
    _shallow(document)
    return document


def sample(document: Mapping[str, Any]) -> dict[str, Any]:
    """The sample data of a document; none where it has none. Raises `Problem`."""
    found = document.get(SAMPLE)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise _wrong(SAMPLE, f"{JSONS[SAMPLE]} must be a JSON object, in braces.")
    return found


def _typed_as(value: Any) -> str:
    """A text as a field gives it back."""
    if not isinstance(value, str):
        return ""
    return value.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")


def _written(value: Any) -> str:
    if value is None:
        return ""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _put(document: dict[str, Any], name: str, value: Any) -> None:
    """An emptied field is taken out."""
    if value in ("", None, False):
        document.pop(name, None)
    else:
        document[name] = value


def _json(name: str, text: str) -> Any:
    if not text.strip():
        return None
    encoded = text.encode()
    try:
        value = msgspec.json.decode(encoded)
    except RecursionError:
        raise _too_deep() from None
    except msgspec.DecodeError as error:
        words = str(error).removeprefix("JSON is malformed: ")
        words = _BYTE.sub(lambda found: f", on line {_line(encoded, int(found[1]))}", words)
        raise _wrong(name, f"{JSONS[name]} is not JSON: {words}.") from None
    return sample({SAMPLE: value}) if name == SAMPLE else value


def _line(encoded: bytes, at: int) -> int:
    return encoded.count(b"\n", 0, at) + 1


def _shallow(document: dict[str, Any]) -> None:
    try:
        bodies.one(None, msgspec.json.encode(document))
    except (Problem, RecursionError):
        raise _too_deep() from None


def _too_deep() -> Problem:
    detail = f"The JSON is nested more than {MAX_DEPTH} levels deep."
    return Problem(422, "too_deep", detail, NEXT)


def _wrong(name: str, detail: str) -> Problem:
    return Problem(422, "bad_field", detail, NEXT, name)
