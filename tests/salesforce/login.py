"""The token endpoint: each grant is checked, and refused in Salesforce's words."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec
from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from franking.clock import Clock
from salesforce.troubles import Trouble

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CLIENT_ID = "3MVG9IHf89I1t8hrvswazsWedXWY0iqK20PSFaInvUgLFB6vrcb9bbWFTSIHpO8G2jxBLJA6uZGyPFC5Aejq"
CLIENT_SECRET = "4A9F0C1E7B6D5A3C2E1F0B9A8D7C6E5F4A3B2C1D0E9F8A7B6C5D4E3F2A1B0C9D"
REFRESH_TOKEN = "5Aep861FoNU.uYOOrefreshYwwyYoM8VsWmS1YmHXcbTXEBpFnOzHSzyJbG6rL"
USERNAME = "franking@acme.example"
JWT_SECONDS_MAX = 180


@lru_cache(maxsize=2)
def private_key(which: int = 0) -> rsa.RSAPrivateKey:
    """A key; `which` tells several apart."""
    return rsa.generate_private_key(65_537, 2048)


def pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


class Denied(Exception):
    """A refusal of the token endpoint."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(error)
        self.status = status
        self.body = msgspec.json.encode({"error": error, "error_description": description})


class Login:
    """Gives out tokens, and knows which are good."""

    def __init__(self, clock: Clock) -> None:
        self.url = ""
        self.instance_url = ""
        self.calls_each: int | None = None
        self.tokens: list[str] = []
        self.asked: list[dict[str, str]] = []
        self._clock = clock
        self._left: dict[str, int | None] = {}
        self._refusal: Denied | None = None
        self._trouble: Trouble | None = None
        self._released = asyncio.Event()

    def revoke(self) -> None:
        """No token that was given out is good any longer."""
        self._left.clear()

    def refuse(self, error: str | None, description: str = "") -> None:
        """Every login, until it is None."""
        self._refusal = None if error is None else Denied(error, description)

    def meets(self, trouble: Trouble | None) -> None:
        """Every login is answered so, until it is None; `slow` ones go on as usual."""
        self._trouble = trouble

    def release(self) -> None:
        """What is slow ends now."""
        self._released.set()
        self._released = asyncio.Event()

    def admits(self, authorization: str | None) -> bool:
        """Is this a good token? A call of it is used up."""
        token = (authorization or "").removeprefix("Bearer ")
        if token not in self._left or not (authorization or "").startswith("Bearer "):
            return False
        left = self._left[token]
        if left is None:
            return True
        self._left[token] = left - 1
        return left > 0

    async def answer(self, request: web.Request) -> web.Response:
        """POST /services/oauth2/token."""
        fields = {name: str(value) for name, value in (await request.post()).items()}
        self.asked.append(fields)
        trouble = self._trouble
        if trouble is not None and trouble.seconds:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._released.wait(), trouble.seconds)
        elif trouble is not None:
            return web.Response(status=trouble.status, body=trouble.body, headers=trouble.headers)
        try:
            if self._refusal is not None:
                raise self._refusal
            self._check(fields)
        except Denied as denied:
            return _json(denied.status, denied.body)
        return _json(200, msgspec.json.encode(self._granted()))

    def _check(self, fields: Mapping[str, str]) -> None:
        match fields.get("grant_type"):
            case "urn:ietf:params:oauth:grant-type:jwt-bearer":
                self._check_jwt(fields.get("assertion", ""))
            case "refresh_token":
                _check_client(fields, secret_needed=False)
                if fields.get("refresh_token") != REFRESH_TOKEN:
                    raise Denied("invalid_grant", "expired access/refresh token")
            case "client_credentials":
                _check_client(fields, secret_needed=True)
            case _:
                raise Denied("unsupported_grant_type", "grant type not supported")

    def _check_jwt(self, assertion: str) -> None:
        try:
            if "=" in assertion:  # RFC 7515, section 2: base64url without padding
                raise ValueError(assertion)
            head, body, signature = assertion.split(".")
            claims: dict[str, Any] = msgspec.json.decode(_octets(body))
            algorithm = msgspec.json.decode(_octets(head))["alg"]
        except (ValueError, KeyError):
            raise Denied("invalid_grant", "invalid assertion") from None
        if claims.get("iss") != CLIENT_ID:
            raise Denied("invalid_client_id", "client identifier invalid")
        try:
            key = private_key().public_key()
            signed = f"{head}.{body}".encode()
            key.verify(_octets(signature), signed, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            raise Denied("invalid_grant", "invalid assertion") from None
        now = self._clock.now() // 1000
        if algorithm != "RS256":
            raise Denied("invalid_grant", "algorithm not supported")
        if claims.get("aud") != self.url:
            raise Denied("invalid_grant", "audience is invalid")
        if not now < claims.get("exp", 0) <= now + JWT_SECONDS_MAX:
            raise Denied("invalid_grant", "expired authorization code")
        if claims.get("sub") != USERNAME:
            raise Denied("invalid_grant", "user hasn't approved this consumer")

    def _granted(self) -> dict[str, str]:
        token = f"00D5g000000AbCd!AQ4AQ.{self._clock.secret(16).hex()}.{len(self.tokens)}"
        self.tokens.append(token)
        self._left[token] = self.calls_each
        return {
            "access_token": token,
            "instance_url": self.instance_url,
            "id": f"{self.url}/id/00D5g000000AbCdEAK/0055g000000AbCdAAK",
            "token_type": "Bearer",
            "scope": "api",
            "issued_at": str(self._clock.now()),
        }


def _check_client(fields: Mapping[str, str], *, secret_needed: bool) -> None:
    if fields.get("client_id") != CLIENT_ID:
        raise Denied("invalid_client_id", "client identifier invalid")
    secret = fields.get("client_secret")
    if (secret_needed or secret is not None) and secret != CLIENT_SECRET:
        raise Denied("invalid_client", "invalid client credentials")


def _octets(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _json(status: int, body: bytes) -> web.Response:
    return web.Response(status=status, body=body, content_type="application/json")
