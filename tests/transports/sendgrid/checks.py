"""What SendGrid refuses of a mail, in its own words.

https://www.twilio.com/docs/sendgrid/api-reference/mail-send/errors (the messages, and the fields
that they are told of), …/mail-send/limitations, and the schema of `POST /v3/mail/send` in
https://github.com/twilio/sendgrid-oai (spec/json/tsg_mail_v3.json).
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from typing import Any

Refused = tuple[str, str | None]

MOST_RECIPIENTS = 1000
ADDRESS = re.compile(r"[!-?A-~]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
RESERVED = frozenset(
    (
        *("x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "to", "from"),
        *("content-transfer-encoding", "subject", "reply-to", "cc", "bcc"),
    )
)
KNOWN = frozenset(
    (
        *("personalizations", "from", "reply_to", "reply_to_list", "subject", "content", "asm"),
        *("attachments", "template_id", "headers", "categories", "custom_args", "send_at"),
        *("batch_id", "ip_pool_name", "mail_settings", "tracking_settings", "sections"),
    )
)
SETTINGS = frozenset(
    (
        *("bcc", "bypass_list_management", "bypass_spam_management", "bypass_bounce_management"),
        *("bypass_unsubscribe_management", "footer", "sandbox_mode", "spam_check"),
    )
)
TO = (
    "The to array is required for all personalization objects, and must have at least one email "
    "object with a valid email address."
)
FROM = (
    "The from object must be provided for every email send. It is an object that requires the "
    "email parameter, but may also contain a name parameter. e.g. "
    '{"email" : "example@example.com"} or {"email" : "example@example.com", "name" : "Example '
    'Recipient"}.'
)
CONTENT_VALUE = "The content value must be a string at least one character in length."
SUBJECT = (
    "The subject is required. You can get around this requirement if you use a template with a "
    "subject defined or if every personalization has a subject defined."
)
ORDER = (
    "Following RFC 1341, section 7.2, if either text/html or text/plain are to be sent in your "
    "email: text/plain needs to be first, followed by text/html, followed by any other content."
)


def refusals(mail: Any, templates: set[str], pools: set[str]) -> list[Refused]:
    """Every (message, field) that the mail is refused with; none where it is taken."""
    if not isinstance(mail, dict) or set(mail) - KNOWN or not _only_json_types(mail):
        return [("Bad Request", None)]
    return [
        *_recipients(mail.get("personalizations")),
        *_sender(mail),
        *_content(mail),
        *(one for at, file in enumerate(mail.get("attachments", ())) for one in _file(at, file)),
        *_headers(mail.get("headers", {})),
        *_extras(mail, templates, pools),
    ]


def _only_json_types(mail: dict[str, Any]) -> bool:
    """What is of the wrong type altogether is answered with "Bad Request" and no more."""
    lists = ("personalizations", "content", "attachments", "categories")
    maps = ("from", "reply_to", "headers", "custom_args", "mail_settings")
    return all(isinstance(mail.get(name, []), list) for name in lists) and all(
        isinstance(mail.get(name, {}), dict) for name in maps
    )


def _recipients(groups: Any) -> Iterator[Refused]:
    if not groups:
        yield "You must have at least one personalization.", "personalizations"
        return
    total = 0
    for at, group in enumerate(groups):
        seen: set[str] = set()
        if not group.get("to"):
            yield TO, f"personalizations.{at}.to"
        for name in ("to", "cc", "bcc"):
            for number, party in enumerate(group.get(name, ())):
                total += 1
                field = f"personalizations.{at}.{name}.{number}"
                yield from _party(party, field)
                email = str(party.get("email")).lower()
                if email in seen:
                    yield _repeated(email, at, name), f"personalizations.{at}"
                seen.add(email)
    if total > MOST_RECIPIENTS:
        told = "There is a limit of 1000 total recipients (to + cc + bcc) per request."
        yield told, "personalizations"


def _repeated(email: str, at: int, name: str) -> str:
    return (
        "Each email address in the personalization block should be unique between to, cc, and bcc."
        f" We found the first duplicate instance of [{email}] in the personalizations.{at}.{name}"
        " field."
    )


def _party(party: Any, field: str) -> Iterator[Refused]:
    email, name = party.get("email"), party.get("name", "")
    if not isinstance(email, str) or not ADDRESS.fullmatch(email):
        yield "Does not contain a valid address.", f"{field}.email"
    if not isinstance(name, str) or set(party) - {"email", "name"}:
        yield "Bad Request", None
    elif (";" in name or "," in name) and not (name.startswith('"') and name.endswith('"')):
        yield "The name may not include either the ; or , characters.", f"{field}.name"


def _sender(mail: dict[str, Any]) -> Iterator[Refused]:
    if not mail.get("from"):
        yield FROM, "from"
    else:
        yield from _party(mail["from"], "from")
    if "reply_to" in mail:
        yield from _party(mail["reply_to"], "reply_to")


def _content(mail: dict[str, Any]) -> Iterator[Refused]:
    parts = mail.get("content", [])
    if "template_id" not in mail:
        if not parts:
            told = "Unless a valid template_id is provided, the content parameter is required."
            yield f"{told} There must be at least one defined content block.", "content"
        if not mail.get("subject"):
            yield SUBJECT, "subject"
    for at, part in enumerate(parts):
        if not isinstance(part.get("value"), str) or not part["value"]:
            yield CONTENT_VALUE, f"content.{at}.value"
        if not isinstance(part.get("type"), str) or re.search(r"[;\r\n]", part["type"]):
            yield "Cannot contain ';', or CRLF characters.", f"content.{at}.type"
    kinds = [part.get("type") for part in parts]
    ranks = [_RANKS.get(kind, 3) for kind in kinds]
    if ranks != sorted(ranks) or len(set(kinds)) != len(kinds):
        yield ORDER, "content"


# AMP stands between, as SendGrid's own library puts it (sendgrid-python, helpers/mail/mail.py).
_RANKS = {"text/plain": 0, "text/x-amp-html": 1, "text/html": 2}


def _file(at: int, file: dict[str, Any]) -> Iterator[Refused]:
    field, content = f"attachments.{at}", file.get("content")
    if not isinstance(content, str) or not content:
        told = "The attachment content must be a string at least one character in length."
        yield told, f"{field}.content"
    elif not _is_base64(content):
        yield "The attachment content must be base64 encoded.", f"{field}.content"
    if not file.get("filename"):
        yield "filename is required.", f"{field}.filename"
    elif re.search(r"[\r\n]", file["filename"]):
        told = "The filename of your attachment can't contain CRLF characters."
        yield told, f"{field}.filename"
    if not file.get("type") or re.search(r"[;\r\n]", file["type"]):
        yield "The type can't contain ';', or CRLF characters.", f"{field}.type"
    if file.get("disposition") not in (None, "inline", "attachment"):
        told = 'The disposition of your attachment can be either "inline" or "attachment".'
        yield told, f"{field}.disposition"
    if file.get("disposition") == "inline" and not file.get("content_id"):
        yield "The content ID of your attachment must be a string.", f"{field}.content_id"


def _is_base64(content: str) -> bool:
    try:
        binascii.a2b_base64(content, strict_mode=True)
    except (binascii.Error, ValueError):
        return False
    return len(content) % 4 == 0


def _headers(headers: dict[str, Any]) -> Iterator[Refused]:
    seen: set[str] = set()
    for name, value in headers.items():
        if not isinstance(value, str):
            yield "All values of the headers object must be strings.", f"headers.{name}"
        if not name.isascii() or " " in name:
            told = "Header keys can't contain non-ASCII characters or empty spaces."
            yield told, f"headers.{name}"
        if name.lower() in RESERVED:
            yield "Header can't be one of the reserved keys.", f"headers.{name}"
        if name.lower() in seen:
            yield "The headers can't contain duplicate keys.", f"headers.{name}"
        seen.add(name.lower())


def _extras(mail: dict[str, Any], templates: set[str], pools: set[str]) -> Iterator[Refused]:
    template = mail.get("template_id")
    if template is not None and template not in templates:
        told = "The template_id must be a valid template id for your account. You provided"
        yield f"{told} '{template}'.", "template_id"
    given = mail.get("categories", [])
    if len(given) > 10:
        told = "There is a limit of 10 categories for each email that is sent."
        yield f"{told} You provided {len(given)} categories.", "categories"
    if len(set(given)) != len(given):
        yield "The categories must be a unique list.", "categories"
    if any(len(one) > 255 or not one.isascii() for one in given):
        yield "Each category must not be longer than 255 characters.", "categories"
    given_args = mail.get("custom_args")
    if given_args is not None and not given_args:
        yield "custom_args can't be empty.", "custom_args"
    if any(not isinstance(value, str) for value in (given_args or {}).values()):
        yield "All values of custom arguments object must be strings", "custom_args"
    pool = mail.get("ip_pool_name")
    if pool is not None and pool not in pools:
        told = "The IP Pool name must be a valid pool name for your account. You provided"
        yield f"{told} {pool}.", "ip_pool_name"
    for name, value in mail.get("mail_settings", {}).items():
        if name not in SETTINGS or not isinstance(value, dict):
            yield "Bad Request", None
        elif not isinstance(value.get("enable", False), bool):
            yield f"The {name} enable param should be a boolean value.", f"mail_settings.{name}"
