"""A mail's parts as the JSON of SendGrid's `POST /v3/mail/send`.

https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send; what is mapped to what is
the contract's (trigger-email, section 7). An address is written once, where it stands first, for
SendGrid refuses a personalization that repeats one in whatever case.

SendGrid asks for a `to`. Where a mail has none, or the one it has is on the suppression list, the
`cc` is put there; where there is only `bcc`, each of them gets a personalization of their own, so
that nobody sees another.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from franking.compose.addresses import Address
from franking.compose.envelope import Enclosure, Envelope, Letter

_UPPER = re.compile(r"(?<!^)(?=[A-Z])")


class Payload(msgspec.Struct, frozen=True):
    """The request's body, whom it is for, and whether it only tries (SendGrid's sandbox mode)."""

    body: bytes
    accepted: tuple[str, ...]
    sandbox: bool


def payload(envelope: Envelope, letter: Letter) -> Payload:
    """What goes to those of the letter who are still recipients of the envelope."""
    to, cc, bcc = _once(letter, frozenset(envelope.recipients))
    settings = _snaked(letter.options.get("mailSettings") or {})
    found = {
        "personalizations": _personalizations(to, cc, bcc, letter.options),
        "from": _party(letter.sender),
        "reply_to": _party(letter.reply_to[0]) if letter.reply_to else None,
        "subject": letter.subject,
        "content": [{"type": kind, "value": text} for kind, text in letter.texts],
        "attachments": [_attachment(one) for one in letter.enclosures],
        "headers": {**dict(letter.headers), "message-id": envelope.message_id},
        "categories": letter.categories,
        "template_id": letter.options.get("templateId"),
        "custom_args": letter.options.get("customArgs"),
        "ip_pool_name": letter.options.get("ipPoolName"),
        "mail_settings": settings,
    }
    return Payload(
        body=msgspec.json.encode({name: value for name, value in found.items() if value}),
        accepted=tuple(one.address.lower() for one in (*to, *cc, *bcc)),
        sandbox=_sandboxed(settings),
    )


def _once(letter: Letter, wanted: frozenset[str]) -> tuple[list[Address], ...]:
    """To, cc and bcc: who is wanted, and each only where they stand first."""
    seen: set[str] = set()
    lists = []
    for group in (letter.to, letter.cc, letter.bcc):
        kept = []
        for one in group:
            if one.address in wanted and one.address.lower() not in seen:
                seen.add(one.address.lower())
                kept.append(one)
        lists.append(kept)
    return tuple(lists)


def _personalizations(
    to: list[Address], cc: list[Address], bcc: list[Address], options: Mapping[str, Any]
) -> list[dict[str, Any]]:
    if not to:
        to, cc = cc, []
    groups = [{"to": to, "cc": cc, "bcc": bcc}] if to else [{"to": [one]} for one in bcc]
    found: list[dict[str, Any]] = []
    for group in groups:
        listed: dict[str, Any] = {name: _parties(ones) for name, ones in group.items() if ones}
        if data := options.get("dynamicTemplateData"):
            listed["dynamic_template_data"] = data
        found.append(listed)
    return found


def _parties(ones: Iterable[Address]) -> list[dict[str, str]]:
    return [_party(one) for one in ones]


def _party(one: Address) -> dict[str, str]:
    """A name that holds a comma or a semicolon must be quoted, or is taken for several.

    https://www.twilio.com/docs/sendgrid/api-reference/mail-send/limitations, and what SendGrid's
    own library does about it: https://github.com/sendgrid/sendgrid-python/issues/578
    """
    if not one.name:
        return {"email": one.address}
    split = "," in one.name or ";" in one.name
    escaped = one.name.replace("\\", "\\\\").replace('"', '\\"')
    return {"email": one.address, "name": f'"{escaped}"' if split else one.name}


def _attachment(one: Enclosure) -> dict[str, str]:
    found = {
        "content": binascii.b2a_base64(one.octets, newline=False).decode("ascii"),
        "filename": one.name,
        "type": one.kind,
        "disposition": "inline" if one.content_id else "attachment",
    }
    return {**found, "content_id": one.content_id} if one.content_id else found


def _snaked(value: Any) -> Any:
    """SendGrid's own library takes the names of settings in either spelling, and so do we."""
    if isinstance(value, dict):
        return {_UPPER.sub("_", name).lower(): _snaked(inner) for name, inner in value.items()}
    return value


def _sandboxed(settings: Mapping[str, Any]) -> bool:
    mode = settings.get("sandbox_mode")
    return isinstance(mode, dict) and mode.get("enable") is True
