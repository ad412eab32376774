"""Signatures by which a receiver knows that a call is ours: Standard Webhooks, version 1.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence

PREFIX = "whsec_"


def secret_key(secret: str) -> bytes:
    """The bytes that `whsec_…` stands for. Raises ValueError, without the secret."""
    if not secret.startswith(PREFIX):
        raise ValueError(f"a webhook's secret begins with {PREFIX}")
    return base64.b64decode(secret.removeprefix(PREFIX), validate=True)


def signed(keys: Sequence[bytes], ident: str, seconds: int, body: bytes) -> Mapping[str, str]:
    """The three headers of a call at `seconds` since 1970; a signature for each key, in order."""
    content = f"{ident}.{seconds}.".encode() + body
    return {
        "webhook-id": ident,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(_signature(key, content) for key in keys),
    }


def _signature(key: bytes, content: bytes) -> str:
    digest = hmac.new(key, content, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"
