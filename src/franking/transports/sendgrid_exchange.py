"""Requests to SendGrid over kept connections, each sent once: an answer, or why there is none.

No redirect is followed, no cookie kept, no proxy of the environment used; the certificate is
checked. Of an answer no more is read than is kept, and its head alone counts as one.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable

import aiohttp
import msgspec
from msgspec.structs import replace
from yarl import URL

from franking import __version__
from franking.core.fault import Failure
from franking.transports import smtp_failures as say
from franking.transports.quoting import printable
from franking.transports.sendgrid_settings import SendGridSettings
from franking.transports.smtp_dial import tls_context
from franking.transports.smtp_settings import TlsOptions

# What closes idle connections on SendGrid's side does so after a minute or more: one that it
# closes just as we use it would be a doubt for nothing.
IDLE_SECONDS = 15.0
ANSWER_OCTETS = 65_536
PROVIDER = "sendgrid"


class Answer(msgspec.Struct, frozen=True):
    """What SendGrid answered; `reset` is when its rate limit ends (X-RateLimit-Reset)."""

    status: int
    reason: str
    body: bytes = b""
    message_id: str | None = None
    retry_after: str | None = None
    reset: str | None = None


class Exchange:
    """At most `connections` at a time. `tls` is for a server that the system does not know."""

    def __init__(
        self, settings: SendGridSettings, connections: int, tls: ssl.SSLContext | None = None
    ) -> None:
        self._base = URL(settings.base)
        self._key = settings.key
        self._total_seconds = settings.total_seconds
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=connections,
                keepalive_timeout=IDLE_SECONDS,
                ssl=tls or tls_context(TlsOptions()),
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            read_bufsize=ANSWER_OCTETS,
            headers={
                "Authorization": f"Bearer {settings.key}",
                "User-Agent": f"franking/{__version__}",
                "Accept": "application/json",
            },
            skip_auto_headers=("Accept-Encoding",),
            timeout=aiohttp.ClientTimeout(
                total=settings.total_seconds, connect=settings.connect_seconds
            ),
        )

    async def post(
        self, path: str, pieces: AsyncIterator[bytes], octets: int, headed: Callable[[], None]
    ) -> Answer | Failure:
        """Send a JSON body of so many octets; `headed` is called as soon as an answer begins."""
        headers = {"Content-Type": "application/json", "Content-Length": str(octets)}
        return await self._asked("POST", path, headers, pieces, headed)

    async def get(self, path: str) -> Answer | Failure:
        """Ask for something."""
        return await self._asked("GET", path, {}, None, lambda: None)

    async def close(self) -> None:
        """Hang up."""
        await self._session.close()

    async def _asked(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        pieces: AsyncIterator[bytes] | None,
        headed: Callable[[], None],
    ) -> Answer | Failure:
        kept: list[Answer] = []
        try:
            async with self._session.request(
                method, self._base.join(URL(path)), headers=headers, data=pieces,
                allow_redirects=False,
            ) as response:  # fmt: skip
                headed()
                kept.append(_head(response, self._key))
                kept[0] = replace(kept[0], body=await self._read(response))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return kept[0] if kept else replace(self._failed(error), provider=PROVIDER)
        return kept[0]

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        """The body without the key, should anybody repeat it; who says more is hung up on."""
        read = bytearray()
        while (room := ANSWER_OCTETS - len(read)) > 0:
            chunk = await response.content.read(room)
            if not chunk:
                return bytes(read).replace(self._key.encode(), b"...")
            read += chunk
        response.close()
        return bytes(read).replace(self._key.encode(), b"...")

    def _failed(self, error: Exception) -> Failure:
        """In nodemailer's words, as everywhere; `step` says how far it came."""
        host, port = self._base.host or "", self._base.port or 443
        match error:
            case aiohttp.ClientConnectorDNSError():
                return say.unresolved(host)
            case aiohttp.ClientConnectorCertificateError():
                return say.no_tls(error.certificate_error)
            case aiohttp.ClientConnectorSSLError():
                return say.no_tls(error.os_error)
            case aiohttp.ClientConnectorError():
                return say.unreachable(error.os_error, host, port)
            case aiohttp.ConnectionTimeoutError():
                return say.timed_out("connect")
            case TimeoutError():
                return say.timed_out("mail")
            case aiohttp.ClientResponseError():
                words = printable(error.message or "", 200)
                return say.without_reply("mail", "protocol", f"No answer in HTTP: {words}")
        return say.closed("mail", error)


def _head(response: aiohttp.ClientResponse, key: str) -> Answer:
    headers = response.headers
    return Answer(
        status=response.status,
        reason=printable((response.reason or "").replace(key, "..."), 100),
        message_id=printable(headers.get("X-Message-Id", ""), 255) or None,
        retry_after=headers.get("Retry-After"),
        reset=headers.get("X-RateLimit-Reset"),
    )
