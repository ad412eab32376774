"""HTTPS to Salesforce through aiohttp: an answer, or why there is none, in plain words.

What is posted is posted once. TLS is checked, no redirect is followed, no cookie kept, no proxy of
the environment used, nothing decompressed, and no more than ANSWER_OCTETS of an answer is read.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

import aiohttp
import msgspec

ANSWER_OCTETS = 65_536
# Bursts of events find their connections open; longer, and Salesforce may close one as we use it.
IDLE_SECONDS = 15.0


class Answer(msgspec.Struct, frozen=True):
    """What Salesforce answered; `body` is empty where it is too long or encoded."""

    status: int
    body: bytes
    retry_after: str | None = None
    limit_info: str | None = None


class Unanswered(msgspec.Struct, frozen=True):
    """There was no answer, and why; `lasting`: it will be so until somebody mends it."""

    error: str
    lasting: bool = False


class Wire:
    """The connections, `connections` at the most, made when the first is needed."""

    def __init__(
        self, *, connections: int, connect_seconds: float, tls: ssl.SSLContext | None
    ) -> None:
        self._connections = connections
        self._connect_seconds = connect_seconds
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer | Unanswered:
        """Post once; the caller bounds the time of it all."""
        try:
            async with self._opened().post(
                url, headers=headers, data=body, allow_redirects=False
            ) as response:
                return Answer(
                    response.status,
                    await _body(response),
                    response.headers.get("Retry-After"),
                    response.headers.get("Sforce-Limit-Info"),
                )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return self._unanswered(urlsplit(url).netloc, error)

    async def close(self) -> None:
        """Hang up, on those that are being called too."""
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._connections,
                    keepalive_timeout=IDLE_SECONDS,
                    ssl=self._tls or True,
                ),
                headers={"Accept": "application/json", "Accept-Encoding": "identity"},
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                skip_auto_headers=("User-Agent",),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_seconds),
            )
        return self._session

    def _unanswered(self, place: str, error: Exception) -> Unanswered:
        match error:
            case aiohttp.ClientConnectorCertificateError():
                words = _words(error.certificate_error)
                return Unanswered(f"TLS with {place} failed: {words}.", lasting=True)
            case aiohttp.ClientConnectorDNSError(os_error=reason):
                unknown = getattr(reason, "errno", None) == socket.EAI_NONAME
                return Unanswered(f"{place} was not found: {_words(reason)}.", lasting=unknown)
            case aiohttp.ClientConnectorError():
                return Unanswered(f"No connection to {place}: {_words(error.os_error)}.")
            case TimeoutError():
                seconds = f"{self._connect_seconds:g} s"
                return Unanswered(f"No connection to {place} came about within {seconds}.")
        return Unanswered(f"The connection to {place} broke before an answer came.")


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """All of it, so that the connection can be kept; nothing of what is too long or encoded."""
    read = bytearray()
    while chunk := await response.content.read(ANSWER_OCTETS + 1 - len(read)):
        read += chunk
        if len(read) > ANSWER_OCTETS:
            response.close()
            return b""
    return b"" if "Content-Encoding" in response.headers else bytes(read)


def _words(error: Exception) -> str:
    """The system's or the TLS library's own, without what Python says around them."""
    match error:
        case ssl.SSLCertVerificationError():
            return error.verify_message
        case ssl.SSLError(reason=str(reason)):
            return reason.lower().replace("_", " ")
        case socket.gaierror():
            return error.strerror or type(error).__name__
        case OSError(errno=int(number)):
            return os.strerror(number)
    return type(error).__name__
