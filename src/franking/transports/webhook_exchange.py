"""One HTTP exchange through aiohttp: an answer, or why there is none, in plain words.

What is sent is sent once. No redirect is followed, no cookie kept, no proxy of the environment
used, nothing decompressed; of an answer no more is read than is kept.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Mapping

import aiohttp
import msgspec

from franking.transports.names import Names, PrivateAddress
from franking.transports.pinned import Lost, Pinned, once
from franking.transports.quoting import printable
from franking.transports.webhook_answer import Answer
from franking.transports.webhook_request import Target

# Some receivers close a connection that was idle for 5 s (Node) or less; one that they close just
# as we use it would be a call that failed for nothing.
IDLE_SECONDS = 2.0
ANSWER_OCTETS = 16_384
WORDS_CHARACTERS = 200


class Unanswered(msgspec.Struct, frozen=True):
    """There was no answer: why, and whether another try may help."""

    error: str
    again: bool = True


class Exchange:
    """Connections to receivers, at most `connections`, `each` of them to one host."""

    def __init__(
        self,
        names: Names,
        *,
        connections: int,
        each: int,
        connect_seconds: float,
        total_seconds: float,
        tls: ssl.SSLContext | None,
    ) -> None:
        self._names = names
        self._connect_seconds = connect_seconds
        self._total_seconds = total_seconds
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=connections,
                limit_per_host=each,
                keepalive_timeout=IDLE_SECONDS,
                resolver=Pinned(names),
                ssl=tls or True,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            middlewares=(once,),
            read_bufsize=ANSWER_OCTETS,
            skip_auto_headers=("Accept-Encoding", "Content-Type", "User-Agent"),
            timeout=aiohttp.ClientTimeout(total=None, connect=connect_seconds),
        )

    async def send(
        self, target: Target, headers: Mapping[str, str], body: bytes
    ) -> Answer | Unanswered:
        """Call once, within the total time; an answer counts from its head on."""
        kept: list[Answer] = []
        try:
            self._names.check(target.host)
            async with asyncio.timeout(self._total_seconds):
                await self._converse(target, headers, body, kept)
        except (aiohttp.ClientError, TimeoutError, OSError, PrivateAddress) as error:
            return kept[0] if kept else self._unanswered(target.place, error)
        return kept[0]

    async def close(self) -> None:
        """Hang up, on those who are being called too."""
        await self._session.close()

    async def _converse(
        self, target: Target, headers: Mapping[str, str], body: bytes, kept: list[Answer]
    ) -> None:
        """Puts the answer into `kept` as soon as its head is there, and again with its body."""
        async with self._session.request(
            target.method, target.url, headers=headers, data=body or None, allow_redirects=False
        ) as response:
            answer = Answer(
                response.status, response.reason or "", response.headers.get("Retry-After")
            )
            kept.append(answer)
            read = bytearray()
            try:
                await _read(response, read)
            finally:
                plain = "Content-Encoding" not in response.headers
                kept[0] = msgspec.structs.replace(answer, body=bytes(read) if plain else b"")

    def _unanswered(self, place: str, error: Exception) -> Unanswered:
        match error:
            case PrivateAddress():
                return Unanswered(str(error), again=False)
            case aiohttp.InvalidURL():
                return Unanswered(f"{place} is not an address that can be called", again=False)
            case aiohttp.ConnectionTimeoutError():
                seconds = f"{self._connect_seconds:g} s"
                return Unanswered(f"no connection to {place} came about within {seconds}")
            case TimeoutError():
                return Unanswered(f"{place} did not answer within {self._total_seconds:g} s")
        return Unanswered(_told(place, error))


async def _read(response: aiohttp.ClientResponse, read: bytearray) -> None:
    """Up to the end, so that the connection can be kept; who says more is hung up on."""
    while (room := ANSWER_OCTETS - len(read)) and (chunk := await response.content.read(room)):
        read += chunk


def _told(place: str, error: Exception) -> str:
    match error:
        case aiohttp.ClientConnectorDNSError():
            return f"{place} was not found: {_words(error.os_error)}"
        case aiohttp.ClientConnectorCertificateError():
            return f"TLS with {place} failed: {_words(error.certificate_error)}"
        case aiohttp.ClientConnectorSSLError():
            return f"TLS with {place} failed: {_words(error.os_error)}"
        case aiohttp.ClientConnectorError():
            return f"no connection to {place}: {_words(error.os_error)}"
        case Lost(error=OSError() as broken):
            return f"the connection to {place} broke: {_words(broken)}"
        case aiohttp.ClientResponseError():
            return f"{place} did not answer in HTTP: {_words(error)}"
    return f"{place} closed the connection without an answer"


def _words(error: Exception) -> str:
    """The system's or the TLS library's own, without what Python says around them."""
    match error:
        case ssl.SSLCertVerificationError():
            found = error.verify_message
        case ssl.SSLError(reason=str(reason)):
            found = reason.lower().replace("_", " ")
        case socket.gaierror():
            found = error.strerror or ""
        case OSError(errno=int(number)):
            found = os.strerror(number)
        case _:
            found = getattr(error, "message", "") or str(error)
    return printable(found or type(error).__name__, WORDS_CHARACTERS)
