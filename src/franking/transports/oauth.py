"""Access tokens for XOAUTH2, fetched with a refresh token (RFC 6749, section 6) and kept.

No secret is ever put into a failure or a log: only the `error` and `error_description` of the
answer are told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec

from franking.core.fault import Failure
from franking.transports.smtp_settings import OAuthClient

MARGIN_SECONDS = 60
FETCH_SECONDS = 30
ANSWER_OCTETS = 65_536


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
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=FETCH_SECONDS)) as session,
            session.post(client.token_url, data=form, allow_redirects=False) as response,
        ):
            body = await response.content.read(ANSWER_OCTETS)
            return _read(response.status, response.headers, body)
    except TimeoutError:
        return _failure("the token server did not answer in time")
    except aiohttp.ClientError as error:
        return _failure(f"the token server could not be reached: {type(error).__name__}")


def _read(status: int, headers: Mapping[str, str], body: bytes) -> _Granted | Failure:
    try:
        if status == 200:
            return msgspec.json.decode(body, type=_Granted)
        denied = msgspec.json.decode(body, type=_Denied)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _failure(f"the token server answered {status} without a token")
    words = f": {denied.error_description}" if denied.error_description else ""
    return _failure(f"{denied.error}{words}")


def _failure(text: str) -> Failure:
    return Failure(step="login", text=text, error=f"Error: {text}", kind="oauth")
