"""What is said where an attachment could not be fetched: by us, and in nodemailer's words."""

from __future__ import annotations

from franking.core.rules.rule import Rule

_NODEMAILER = "https://nodemailer.com/message/attachments/"
_STATUS = "https://www.rfc-editor.org/rfc/rfc9110#section-15.6"


def _rule(
    name: str, literals: str, example: str, *, also: str = "", pattern: str | None = None
) -> Rule:
    return Rule(
        id=f"attachment.{name}",
        layer="text",
        cause="message_malformed",
        literals=tuple(literals.split("|")),
        also=tuple(also.split("|")) if also else (),
        pattern=pattern,
        temporary=False,
        source=_NODEMAILER,
        example=example,
    )


ATTACHMENTS: tuple[Rule, ...] = (
    _rule(
        "refused",
        "attachment source is not allowed",
        "Error: Attachment source is not allowed: https://files.example.com",
    ),
    _rule(
        "unreadable",
        "attachment from ",
        "Error: Attachment from files.example.com:443 can't be read: its Content-Encoding is br",
        also="can't be read",
    ),
    _rule("redirects", "maximum redirect count exceeded", "Error: Maximum redirect count exceeded"),
    Rule(
        id="attachment.status-passing",
        layer="text",
        cause="server_error",
        category="service_unavailable",
        literals=("invalid status code ",),
        pattern=r"invalid status code (?:408|425|429|5\d\d)\b",
        temporary=True,
        source=_STATUS,
        example="Error: Invalid status code 503",
    ),
    _rule("status", "invalid status code ", "Error: Invalid status code 403"),
    Rule(
        id="attachment.broken",
        layer="text",
        cause="connection_failed",
        literals=("before the whole attachment had come", "did not send the attachment within"),
        temporary=True,
        source=_STATUS,
        example="Error: Timeout: files.example.com:443 did not send the attachment within 20 s",
    ),
)
