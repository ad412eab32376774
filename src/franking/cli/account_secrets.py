"""Secrets for an account: asked for, piped in, or from the environment; never an argument."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Mapping
from typing import Any

import msgspec

from franking.cli.exits import Code, Ended

PASSWORD = "ACCOUNT_PASSWORD"  # noqa: S105 it is where the password is
CLIENT_SECRET = "ACCOUNT_CLIENT_SECRET"  # noqa: S105
REFRESH_TOKEN = "ACCOUNT_REFRESH_TOKEN"  # noqa: S105
STDIN_CHARACTERS = 8_192


class Asked(msgspec.Struct, frozen=True):
    """Which way secrets come: `always` asks for new ones, `stdin` reads the password there."""

    always: bool
    stdin: bool


def given(asked: Asked, document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with the secrets that were given; what was not given stays as it is."""
    transport = document.get("transport") or {}
    tokens = transport.get("oauth")
    if tokens is not None:
        found = {
            "clientSecret": _one(asked, CLIENT_SECRET, "Client secret", tokens.get("clientSecret")),
            "refreshToken": _one(asked, REFRESH_TOKEN, "Refresh token", tokens.get("refreshToken")),
        }
        named = {name: value for name, value in found.items() if value is not None}
        return {**document, "transport": {**transport, "oauth": {**tokens, **named}}}
    if asked.stdin:
        return {**document, "password": _piped()}
    logs_in = document.get("preset") or transport.get("user") or "@" in transport.get("uri", "")
    known = document.get("password") or not logs_in
    password = _one(asked, PASSWORD, "Password", known)
    return {**document, "password": password} if password is not None else dict(document)


def _one(asked: Asked, name: str, label: str, known: object) -> str | None:
    """From the environment, or asked for where there is none yet and somebody to ask."""
    value = os.environ.get(name)
    if value:
        return value
    if not asked.always and (known or not sys.stdin.isatty()):
        return None
    if not sys.stdin.isatty():
        raise Ended(Code.USAGE, f"Nobody is here to be asked: use --password-stdin or {name}.")
    return getpass.getpass(f"{label}: ") or None


def _piped() -> str:
    text = sys.stdin.read(STDIN_CHARACTERS + 1)
    password = text.removesuffix("\n").removesuffix("\r")
    if not password or len(text) > STDIN_CHARACTERS:
        raise Ended(Code.USAGE, "Standard input holds no password.")
    return password
