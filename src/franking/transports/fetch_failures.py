"""What is told when an attachment could not be fetched, in Node's words where it has some.

Policy. What the document asks for and can't have is its own trouble, and final: a status of 4xx, a
file that is too large, more redirects than are followed. What may pass by itself is temporary: a
host that is not reached, does not answer in time, breaks off, or answers 5xx (and 408, 425, 429).
No text has more of an address than its host and port, for the rest may be a secret.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl

import aiohttp

from franking.compose.envelope import Unsendable
from franking.compose.links import unfit
from franking.transports.fetch_body import TooLarge, Unreadable
from franking.transports.pinned import Lost
from franking.transports.quoting import printable

PASSING = (408, 425, 429)
WORDS_CHARACTERS = 200
MEBIBYTE = 1024 * 1024

_LOOKUPS = {
    socket.EAI_NONAME: "ENOTFOUND",
    socket.EAI_AGAIN: "EAI_AGAIN",
    socket.EAI_FAIL: "EAI_FAIL",
}


class Unfetched(Exception):
    """An attachment that did not come; `unreached` where its host kept us waiting for nothing."""

    def __init__(self, ending: Unsendable, *, unreached: bool = False) -> None:
        super().__init__(ending.error)
        self.ending = ending
        self.unreached = unreached


def status(code: int) -> Unfetched:
    """The server answered, and not with the file."""
    error = f"Error: Invalid status code {code}"
    if code in PASSING or 500 <= code <= 599:
        return Unfetched(_passing(error, "server_error"))
    return Unfetched(unfit(error))


def redirects() -> Unfetched:
    return Unfetched(unfit("Error: Maximum redirect count exceeded"))


def too_large(place: str, error: TooLarge) -> Unfetched:
    limit = _size(error.limit)
    told = f"{place} sent more than {limit}"
    if error.whole:
        told = f"those of this email together have more than {limit}"
    cause = "message_too_large"
    return Unfetched(Unsendable(f"Error: Attachment is too large: {told}", cause, cause))


def too_many(most: int) -> Unsendable:
    return unfit(f"Error: More than {most} attachments of this email have to be fetched")


def unreadable(place: str, error: Unreadable) -> Unfetched:
    return Unfetched(unfit(f"Error: Attachment from {place} can't be read: {error}"))


def late(place: str, seconds: float) -> Unfetched:
    """Not all of it came within its time."""
    error = f"Error: Timeout: {place} did not send the attachment within {seconds:g} s"
    return Unfetched(_passing(error, "connection_failed"))


def crowded(place: str) -> Unsendable:
    error = f"Error: Timeout: too many attachments from {place} are being fetched"
    return _passing(error, "connection_failed")


def stopping(place: str) -> Unsendable:
    return _passing(f"Error: {place} was not asked: franking is stopping", "connection_failed")


def broken(place: str, error: Exception) -> Unfetched:
    """There was no answer, or not all of one."""
    unreached = isinstance(error, aiohttp.ConnectionTimeoutError)
    return Unfetched(
        _passing(f"Error: {_told(place, error)}", "connection_failed"), unreached=unreached
    )


def _passing(error: str, cause: str) -> Unsendable:
    return Unsendable(error, "service_unavailable", cause, temporary=True)


def _told(place: str, error: Exception) -> str:
    match error:
        case aiohttp.ConnectionTimeoutError():
            return f"connect ETIMEDOUT {place}"
        case aiohttp.ClientConnectorDNSError():
            why = _LOOKUPS.get(error.os_error.errno or 0, "ENOTFOUND")
            return f"getaddrinfo {why} {place.rpartition(':')[0]}"
        case aiohttp.ClientConnectorCertificateError():
            return f"TLS with {place} failed: {_words(error.certificate_error)}"
        case aiohttp.ClientConnectorSSLError():
            return f"TLS with {place} failed: {_words(error.os_error)}"
        case aiohttp.ClientConnectorError():
            return f"connect {_code(error.os_error)} {place}"
        case Lost(error=OSError() as why):
            return f"the connection to {place} broke: {_words(why)}"
        case aiohttp.ClientResponseError() | aiohttp.InvalidURL():
            return f"{place} did not answer in HTTP"
        case aiohttp.ClientPayloadError():
            return f"the connection to {place} ended before the whole attachment had come"
    return f"{place} closed the connection without an answer"


def _code(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, "failed")


def _words(error: Exception) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            found = error.verify_message
        case ssl.SSLError(reason=str(reason)):
            found = reason.lower().replace("_", " ")
        case OSError(errno=int(number)):
            found = os.strerror(number)
        case _:
            found = str(error)
    return printable(found or type(error).__name__, WORDS_CHARACTERS)


def _size(octets: int) -> str:
    if octets % MEBIBYTE == 0:
        return f"{octets // MEBIBYTE} MB"
    return f"{octets} bytes"
