"""Carries requests to a running `serve` over HTTP.

Every request may be repeated (those that write have an Idempotency-Key, or an id), so a
connection that fails is tried again a few times: a `serve` that is restarted is not noticed.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from yarl import URL

from franking.cli.door import Door, Response
from franking.cli.exits import Code, Ended
from franking.config import Secret

CONNECT_SECONDS = 5
ANSWER_SECONDS = 120
PAUSE_SECONDS = 0.2
FIRST_TRIES = 10
# A server that has answered before may be restarting, and finish what it transmits first.
LATER_TRIES = 200


@asynccontextmanager
async def connected(
    url: str, place: str, key: Secret | None = None, certificate: Path | None = None
) -> AsyncIterator[Door]:
    """The door to the server at `url`, where `key` is shown.

    With `certificate`, HTTPS takes that very one, whatever names it has, and none else.
    """
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS, sock_connect=CONNECT_SECONDS)
    headers = {} if key is None else {"authorization": f"Bearer {key.value}"}
    connector = aiohttp.TCPConnector(ssl=True if certificate is None else _pinned(certificate))
    async with aiohttp.ClientSession(
        timeout=timeout, headers=headers, connector=connector
    ) as session:
        yield Door(_Carrier(session, url), place, sends=True)


def _pinned(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(certificate)
    except OSError as error:
        words = f"FRANKING_TLS_CERTIFICATE can't be read: {error.strerror}."
        raise Ended(Code.SETTING_REFUSED, words) from None
    return context


class _Carrier:
    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url
        self._tries = FIRST_TRIES

    async def __call__(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> Response:
        for tries in range(1, self._tries + 1):
            try:
                answer = await self._once(method, path, headers, body)
                self._tries = LATER_TRIES
                return answer
            except (aiohttp.ClientError, TimeoutError) as error:
                if tries == self._tries or isinstance(error, aiohttp.InvalidURL):
                    words = f"The server at {self._url} can't be reached: {error or 'time-out'}."
                    raise Ended(Code.SERVER_UNREACHABLE, words) from error
            await asyncio.sleep(PAUSE_SECONDS)
        raise AssertionError

    async def _once(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> Response:
        url = URL(self._url + path, encoded=True)
        async with self._session.request(
            method, url, headers=headers, data=body or None, allow_redirects=False
        ) as answer:
            return Response(answer.status, await answer.read())
