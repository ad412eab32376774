"""Puts what went wrong in SMTP into a `Failure`, in nodemailer's words.

`delivery.error` is read by applications that know nodemailer's texts (contract trigger-email,
section 4), so the sentences here are its own; the peer's words follow them verbatim.
Source: https://github.com/nodemailer/nodemailer/blob/master/lib/smtp-connection/index.js
"""

from __future__ import annotations

import errno
import os
import ssl

from franking.core.fault import Failure, Kind, Step
from franking.transports.smtp_replies import Reply

ALL_REFUSED = "Can't send mail - all recipients were rejected"
MAIL_REFUSED = "Mail command failed"
RCPT_REFUSED = "Recipient command failed"
DATA_REFUSED = "Data command failed"
MESSAGE_REFUSED = "Message failed"
LOGIN_REFUSED = "Invalid login"
TLS_REFUSED = "Error upgrading connection with STARTTLS"
DOUBTED = "Error: Connection lost before the server confirmed the message."

# What a timeout is called depends on what was waited for.
TIMEOUTS: dict[Step, str] = {
    "connect": "Connection timeout",
    "greeting": "Greeting never received",
}


def from_reply(step: Step, lead: str, reply: Reply) -> Failure:
    """The server refused in words."""
    return Failure(
        step=step,
        text=reply.text,
        error=f"Error: {lead}: {reply.text}",
        reply_code=reply.code,
        enhanced=reply.enhanced,
    )


def unwelcome(step: Step, lead: str, reply: Reply) -> Failure:
    """The server refused before any mail; here nodemailer tells the reply twice."""
    return from_reply(step, f"{lead}. response={reply.text}", reply)


def without_reply(step: Step, kind: Kind, text: str) -> Failure:
    """The network failed, or the server said what is no reply."""
    return Failure(step=step, text=text, error=f"Error: {text}", kind=kind)


def timed_out(step: Step) -> Failure:
    """Nothing came within the limit of RFC 5321, section 4.5.3.2."""
    return without_reply(step, "timeout", TIMEOUTS.get(step, "Timeout"))


def closed(step: Step, error: BaseException | None = None) -> Failure:
    """The server hung up, with or without an error of the network's."""
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) and error.errno:
        return without_reply(step, "closed", f"read {_errno_name(error)}")
    return without_reply(step, "closed", "Connection closed unexpectedly")


def doubted(failure: Failure) -> Failure:
    """The same failure after the dot: whether the server has the mail is unknown."""
    return Failure(step="data", text=failure.text, error=DOUBTED, kind=failure.kind or "protocol")


def too_large(octets: int, limit: int) -> Failure:
    """The server's SIZE (RFC 1870) is less than the mail: it would say 552 5.3.4, so we do."""
    return Failure(
        step="mail",
        text=f"552 5.3.4 Message size {octets} exceeds the server's limit of {limit}",
        error=f"Error: Message size larger than allowed {limit}",
        enhanced="5.3.4",
    )


def no_smtputf8() -> Failure:
    """An address needs SMTPUTF8 and the server has none (RFC 6531, section 3.5: X.6.7)."""
    return Failure(
        step="mail",
        text="553 5.6.7 The server takes no internationalized addresses (no SMTPUTF8)",
        error="Error: Internationalized mailbox name not allowed",
        enhanced="5.6.7",
    )


def unreachable(error: OSError, host: str, port: int) -> Failure:
    """No connection: Node's words for the network's error."""
    name = _errno_name(error)
    kind: Kind = "refused" if name == "ECONNREFUSED" else "network"
    return without_reply("connect", kind, f"connect {name} {host}:{port}")


def unresolved(host: str) -> Failure:
    """The host's name has no address."""
    return without_reply("connect", "dns", f"getaddrinfo ENOTFOUND {host}")


def no_tls(error: Exception) -> Failure:
    """The handshake failed: the certificate's trouble in OpenSSL's words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        text = error.verify_message
    elif isinstance(error, ssl.SSLError):
        text = error.reason or str(error)
    else:
        text = str(error) or "Client network socket disconnected before TLS was established"
    return without_reply("tls", "tls", text)


def _errno_name(error: OSError) -> str:
    if error.errno is None:
        return type(error).__name__
    return errno.errorcode.get(error.errno, os.strerror(error.errno))
