"""A calendar event: as an alternative of the text, which readers act on, and as a file."""

from __future__ import annotations

import re
from typing import Any

from franking.compose.bodies import base64_lines
from franking.compose.envelope import Enclosure, Unsendable
from franking.compose.headers import one_line
from franking.compose.links import NOTHING, Fetched
from franking.compose.parameters import file_name_parameter, name_parameter
from franking.compose.parts import Part, text_part
from franking.compose.sources import read_source

DEFAULT_METHOD = "PUBLISH"
FILE_TYPE = "application/ics"
_METHOD = re.compile(r"[A-Z-]{1,40}")


def calendar_parts(event: Any, fetched: Fetched = NOTHING) -> list[Part] | Unsendable:
    """The alternative and the file, or nothing; `event` as nodemailer's `icalEvent`."""
    if event is None or (event := _event(event)) is None:
        return []
    source = read_source(event, fetched)
    if isinstance(source, Unsendable):
        return source
    method = str(event.get("method") or "").strip().upper()
    if not _METHOD.fullmatch(method):
        method = DEFAULT_METHOD
    text = source.octets.decode("utf-8", "replace")
    name = _name(event)
    head = (
        f"Content-Type: {FILE_TYPE}{name_parameter(name)}\r\n"
        "Content-Transfer-Encoding: base64\r\n"
        f"Content-Disposition: attachment{file_name_parameter(name)}\r\n"
    )
    return [
        text_part(f"text/calendar; method={method}", text),
        Part(head.encode("ascii"), base64_lines(source.octets)),
    ]


def event_file(event: Any, fetched: Fetched = NOTHING) -> Enclosure | Unsendable | None:
    """The file alone, for a letter; None where there is no event."""
    event = _event(event)
    if event is None:
        return None
    source = read_source(event, fetched)
    if isinstance(source, Unsendable):
        return source
    return Enclosure(source.octets, _name(event), FILE_TYPE)


def _event(event: Any) -> dict[str, Any] | None:
    if isinstance(event, str):
        return {"content": event}
    return event if isinstance(event, dict) and event else None


def _name(event: dict[str, Any]) -> str:
    return one_line(str(event.get("filename") or "")) or "invite.ics"
