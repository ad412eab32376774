"""Secrets at rest: AES-256-GCM under keys of the operator's, which the database does not hold.

A sealed secret is a version byte, the id of its key (eight bytes of the key's SHA-256), a nonce
of twelve random bytes, and the ciphertext with its tag. The account's id is associated data, so
that a secret moved to another account's row does not open. The first key seals; every key opens,
so that keys can be changed without a moment in which nothing opens (NIST SP 800-38D; nonces are
random, and far fewer than 2^32 secrets are ever sealed under one key).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Callable, Sequence

from franking.core.sender import SecretLost

KEY_BYTES = 32
ID_BYTES = 8
NONCE_BYTES = 12
VERSION = b"\x01"
HEADER_BYTES = 1 + ID_BYTES


class Vault:
    """Seals and opens secrets. `make` gives the first key where there is none yet."""

    def __init__(
        self, keys: Sequence[bytes], place: str, make: Callable[[], bytes] | None = None
    ) -> None:
        self._keys = list(keys)
        self._place = place
        self._make = make

    def __repr__(self) -> str:
        return f"Vault({self._place}, {len(self._keys)} keys)"

    def seal(self, account: str, secret: bytes) -> bytes:
        """The secret under the first key, for that account only."""
        # Imported late: only accounts with secrets pay for it.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        if not self._keys and self._make is not None:
            self._keys.append(self._make())
        key, nonce, header = self._keys[0], os.urandom(NONCE_BYTES), self.header()
        return header + nonce + AESGCM(key).encrypt(nonce, secret, header + account.encode())

    def open(self, account: str, sealed: bytes) -> bytes:
        """The secret. Raises `SecretLost`."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        header, rest = sealed[:HEADER_BYTES], sealed[HEADER_BYTES:]
        key = next((key for key in self._keys if VERSION + key_id(key) == header), None)
        if key is None:
            raise SecretLost(self.lost(1, header[1:]))
        nonce, ciphertext = rest[:NONCE_BYTES], rest[NONCE_BYTES:]
        try:
            return AESGCM(key).decrypt(nonce, ciphertext, header + account.encode())
        except InvalidTag:
            words = "is damaged, or belongs to another account. Set it again."
            raise SecretLost(f'The secret of account "{account}" {words}') from None

    def knows(self, id: bytes) -> bool:
        """Is there the key that sealed with this id?"""
        return any(key_id(key) == id for key in self._keys)

    def header(self) -> bytes:
        """How what is sealed now begins; empty before there is a key."""
        return VERSION + key_id(self._keys[0]) if self._keys else b""

    def lost(self, count: int, id: bytes) -> str:
        """The words for secrets whose key is not there."""
        what = (
            "The secret of an account is" if count == 1 else f"The secrets of {count} accounts are"
        )
        return (
            f"{what} sealed with the key {id.hex()}, which is not in {self._place}."
            " Put that key back, behind the others, or set the secrets again."
        )


def key_id(key: bytes) -> bytes:
    """What a sealed secret names its key by."""
    return hashlib.sha256(b"franking secret key" + key).digest()[:ID_BYTES]


def parse_keys(text: str) -> list[bytes]:
    """Keys in base64 with commas between. Raises ValueError without the text."""
    return [_parsed(part.strip()) for part in text.split(",")]


def _parsed(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError("a key must be 32 bytes in base64")
    return key
