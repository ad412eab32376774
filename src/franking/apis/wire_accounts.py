"""Accounts, and what a sign-in told, as the outside reads them: never a secret."""

from __future__ import annotations

from typing import Any

import msgspec

from franking.core import advice, times
from franking.core.account import AccountState, Limits
from franking.core.fault import Failure, judge
from franking.core.prediction import FOREVER
from franking.core.sender import Sender, Server, Shown


def account(shown: Shown, now: int) -> dict[str, Any]:
    """An account with its limits as they hold, its state, and what waits for it."""
    stands = state(shown, now)
    sender = shown.settings or Sender()
    paused = stands == "paused" and shown.paused_until != FOREVER
    return {
        "id": shown.id,
        "address": sender.address,
        "preset": sender.preset,
        "transport": _server(sender.server, shown.secret),
        "password": shown.secret and _by_password(sender.server),
        "limits": msgspec.to_builtins(shown.limits or Limits()),
        "state": stands,
        "pausedUntil": _time(shown.paused_until) if paused else None,
        "reason": shown.reason if stands != "ok" else None,
        "since": _time(shown.since) if stands != "ok" else None,
        "waiting": shown.waiting,
        "sentToday": shown.sent,
        "createTime": _time(shown.created_at),
    }


def state(shown: Shown, now: int) -> str:
    """`ok`, `paused` or `disconnected`."""
    if shown.state is AccountState.DISCONNECTED:
        return "disconnected"
    return "paused" if (shown.paused_until or 0) > now else "ok"


def trouble(failure: Failure) -> dict[str, Any]:
    """Why a sign-in failed: where, whose trouble it is, the peer's words, what to do."""
    fault = judge(failure)
    return {
        "ok": False,
        "step": failure.step,
        "category": fault.category,
        "cause": fault.cause,
        "message": fault.sentence,
        "error": failure.error,
        "errorCode": fault.code,
        "text": failure.text,
        "next": advice.sign_in(failure),
    }


def _server(server: Server | None, secret: bool) -> dict[str, Any] | None:
    if server is None:
        return None
    found: dict[str, Any] = {"type": "smtp"}
    if server.uri is not None:
        found["uri"] = server.uri
    else:
        found |= {"host": server.host, "port": server.port, "secure": server.secure}
    found["user"] = server.user
    if server.oauth is not None:
        tokens = {"clientId": server.oauth.client_id, "tokenUrl": server.oauth.token_url}
        found["oauth"] = {**tokens, "clientSecret": secret, "refreshToken": secret}
    return found


def _by_password(server: Server | None) -> bool:
    return server is not None and server.oauth is None


def _time(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else times.text(milliseconds)
