"""The cookie of a session: how it is called, written and read, and by which way it may go.

Policy. A browser that speaks TLS to us gets `__Host-franking`, which it keeps for this very host
and sends over TLS alone, and which no other host can plant (RFC 6265bis, section 4.1.3). One on
this machine may speak plain http, and gets `franking`, which counts only there. Others get none:
who stands on the way could read the key. A proxy may speak TLS for us; then the browser itself
says so (`Origin`; `Sec-Fetch-Site`, which it sends to trustworthy addresses alone). Where somebody
else says so, the browser throws the cookie away, for it is Secure.

SameSite is Lax, not Strict, so that a link in the CRM leads into the console. It is no protection
of its own: whatever changes something must prove that a page of ours sent it (`asked`).
"""

from __future__ import annotations

import math
from typing import Any

from franking.apis.access import carried, loopback
from franking.apis.guard import names_this_machine

SECURE = "__Host-franking"
PLAIN = "franking"


def fit(scope: Any) -> str | None:
    """The name of the cookie that a session may be kept in; None where none may."""
    headers = dict(scope["headers"])
    if over_tls(scope) or headers.get(b"origin", b"").lower().startswith(b"https://"):
        return SECURE
    if here(scope):
        return PLAIN
    return SECURE if b"sec-fetch-site" in headers else None


def over_tls(scope: Any) -> bool:
    """Did it come over TLS, to us or to a proxy that says so?"""
    told: bytes = dict(scope["headers"]).get(b"x-forwarded-proto", b"")
    return "https" in (scope["scheme"], told.decode("latin-1").strip().lower())


def here(scope: Any) -> bool:
    """Is it a browser on this machine, over plain http?"""
    headers, client = scope["headers"], scope.get("client")
    if scope["scheme"] != "http" or client is None or not loopback(client[0]) or carried(headers):
        return False
    return any(name == b"host" and names_this_machine(value) for name, value in headers)


def presented(scope: Any) -> dict[str, list[str]]:
    """The values of each cookie that counts here, by its name; more than one were not all ours."""
    found: dict[str, list[str]] = {SECURE: []}
    if here(scope):
        found[PLAIN] = []
    for name, value in scope["headers"]:
        if name != b"cookie":
            continue
        for pair in value.decode("latin-1").split(";"):
            # Not what else Python takes for a blank: behind that, any host may plant the name.
            called, _, text = pair.strip(" \t").partition("=")
            if called in found:
                found[called].append(text)
    return {name: values for name, values in found.items() if values}


def kept(name: str, text: str, milliseconds: int) -> tuple[bytes, bytes]:
    """The header that has a browser keep a session so long."""
    return _header(name, text, math.ceil(milliseconds / 1000))


def forgotten(name: str) -> tuple[bytes, bytes]:
    """The header that has a browser forget it."""
    return _header(name, "", 0)


def _header(name: str, text: str, seconds: int) -> tuple[bytes, bytes]:
    secure = "; Secure" if name == SECURE else ""
    value = f"{name}={text}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"
    return b"set-cookie", value.encode()
