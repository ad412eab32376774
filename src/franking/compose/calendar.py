"""A calendar event: as an alternative of the text, which readers act on, and as a file."""

from __future__ import annotations

import re
from typing import Any

from franking.compose.bodies import base64_lines
from franking.compose.envelope import Unsendable
from franking.compose.headers import one_line
from franking.compose.parameters import file_name_parameter, name_parameter
from franking.compose.parts import Part, text_part
from franking.compose.sources import read_source

DEFAULT_METHOD = "PUBLISH"
_METHOD = re.compile(r"[A-Z-]{1,40}")


def calendar_parts(event: Any) -> list[Part] | Unsendable:
    """The alternative and the file, or nothing; `event` as nodemailer's `icalEvent`."""
    if isinstance(event, str):
        event = {"content": event}
    if not isinstance(event, dict) or not event:
        return []
    source = read_source(event)
    if isinstance(source, Unsendable):
        return source
    method = str(event.get("method") or "").strip().upper()
    if not _METHOD.fullmatch(method):
        method = DEFAULT_METHOD
    text = source.octets.decode("utf-8", "replace")
    name = one_line(str(event.get("filename") or "")) or "invite.ics"
    head = (
        f"Content-Type: application/ics{name_parameter(name)}\r\n"
        "Content-Transfer-Encoding: base64\r\n"
        f"Content-Disposition: attachment{file_name_parameter(name)}\r\n"
    )
    return [
        text_part(f"text/calendar; method={method}", text),
        Part(head.encode("ascii"), base64_lines(source.octets)),
    ]
