"""Access tokens for XOAUTH2, fetched with a refresh token (RFC 6749, section 6) and kept.

No secret is ever put into a failure or a log: only the `error` and `error_description` of the
answer are told. Of an answer no more is read than a token needs, and nothing is unpacked.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from franking.core.depth import UNREADABLE
from franking.core.fault import Failure
from franking.transports.quoting import printable
from franking.transports.smtp_settings import OAuthClient

if TYPE_CHECKING:
    import aiohttp

MARGIN_SECONDS = 60
FETCH_SECONDS = 30
ANSWER_OCTETS = 65_536
WORDS_CHARACTERS = 1_000


class Tokens:
    """The access tokens of one account; those who ask at once share one fetch."""

    def __init__(self, client: OAuthClient) -> None:
        self._client = client
        self._token: str | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._fetching = asyncio.Lock()

    async def access_token(self) -> str | Failure:
        """The token kept, or a new one; a Failure of kind `oauth` where there is none."""
        async with self._fetching:
            if self._token is not None:
                return self._token
            answer = await _fetch(self._client)
            if isinstance(answer, Failure):
                return answer
            self._keep(answer)
            return answer.access_token

    def forget(self) -> None:
        """The server refused the token: fetch a new one next time."""
        self._token = None
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None

    def _keep(self, answer: _Granted) -> None:
        self.forget()
        seconds = answer.expires_in - MARGIN_SECONDS
        if seconds > 0:
            self._token = answer.access_token
            self._expiry = asyncio.get_running_loop().call_later(seconds, self.forget)


class _Granted(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: float = 3600


class _Denied(msgspec.Struct, frozen=True):
    error: str
    error_description: str | None = None


async def _fetch(client: OAuthClient) -> _Granted | Failure:
    # Imported late: only accounts with OAuth2 pay the quarter of a second that it takes.
    import aiohttp

    form = {
        "grant_type": "refresh_token",
        "client_id": client.client_id,
        "client_secret": client.client_secret,
        "refresh_token": client.refresh_token,
    }
    try:
        async with (
            aiohttp.ClientSession(
                auto_decompress=False,
                headers={"Accept-Encoding": "identity"},
                timeout=aiohttp.ClientTimeout(total=FETCH_SECONDS),
            ) as session,
            session.post(client.token_url, data=form, allow_redirects=False) as response,
        ):
            return _read(response.status, await _body(response.content))
    except TimeoutError:
        return _failure("the token server did not answer in time")
    except aiohttp.ClientError as error:
        return _failure(f"the token server could not be reached: {type(error).__name__}")


async def _body(content: aiohttp.StreamReader) -> bytes:
    """What comes up to the limit; it may come in pieces."""
    read = bytearray()
    while (room := ANSWER_OCTETS - len(read)) and (piece := await content.read(room)):
        read += piece
    return bytes(read)


def _read(status: int, body: bytes) -> _Granted | Failure:
    try:
        if status == 200:
            return msgspec.json.decode(body, type=_Granted)
        denied = msgspec.json.decode(body, type=_Denied)
    except UNREADABLE:
        return _failure(f"the token server answered {status} without a token")
    words = f": {denied.error_description}" if denied.error_description else ""
    return _failure(printable(f"{denied.error}{words}", WORDS_CHARACTERS))


def _failure(text: str) -> Failure:
    return Failure(step="login", text=text, error=f"Error: {text}", kind="oauth")
