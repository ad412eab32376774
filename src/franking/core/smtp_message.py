"""From the message of Skyring's old smtp transport (nodemailer's shape) to a mail document.

`{from, to, cc, bcc, replyTo, subject, text, html, …}` becomes `{from, to, …, message: {…}}`; what
the document has no field for lands in `message`, where it is checked as anybody's; nodemailer asks
for no subject. An address is
text, or `{name, address}`, or a list of these (https://nodemailer.com/message/addresses).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_AROUND = ("from", "to", "cc", "bcc", "replyTo")


def document(message: Mapping[str, Any]) -> dict[str, Any]:
    """The mail document; what is wrong with it is told when it is submitted."""
    around = {name: _addresses(message[name]) for name in _AROUND if name in message}
    content = {name: value for name, value in message.items() if name not in _AROUND}
    return {**around, "message": {"subject": "", **content}}


def _addresses(value: Any) -> Any:
    return [_address(one) for one in value] if isinstance(value, list) else _address(value)


def _address(value: Any) -> Any:
    if isinstance(value, Mapping) and isinstance(value.get("address"), str):
        name = value.get("name")
        return f"{_quoted(name)} <{value['address']}>" if name else value["address"]
    return value


def _quoted(name: Any) -> str:
    """A display name as a quoted string (RFC 5322, section 3.2.4)."""
    escaped = str(name).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
