"""Who can reach the service, and what must be there before others than this machine can.

Policy. An address that others can reach is served only once there is a key; without TLS that is
said in the log, for keys and mails can then be read on the way. TLS is version 1.2 or later.
"""

from __future__ import annotations

import ipaddress
import ssl

import structlog

from franking.config import PREFIX, Address, SettingRefused, Settings
from franking.stores.base import Store

_log = structlog.get_logger("franking.app")


def tls(settings: Settings) -> ssl.SSLContext | None:
    """What HTTPS is served with; None for HTTP. Raises `SettingRefused`."""
    if settings.tls_certificate is None or settings.tls_key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    for name in ("tls_certificate", "tls_key"):
        _readable(settings, name)
    try:
        context.load_cert_chain(settings.tls_certificate, settings.tls_key, _no_password)
    except (ssl.SSLError, ValueError) as error:
        raise SettingRefused(
            f"{PREFIX}TLS_CERTIFICATE and {PREFIX}TLS_KEY can't be used: they must be a certificate"
            f" (with its chain) and its own private key without a password, as PEM ({error})."
        ) from None
    return context


async def check_keys(settings: Settings, store: Store) -> None:
    """Addresses that others can reach have a key before them. Raises `SettingRefused`."""
    for name, address in (("HTTP", settings.http), ("GRPC", settings.grpc)):
        if address.loopback:
            continue
        if not await store.keys.valid():
            raise SettingRefused(
                f"{PREFIX}{name} is {str(address)!r}, which others than this machine can reach, and"
                " there is no key yet: make one with `franking key create --scope mail:write"
                " --scope mail:read`, then start again. Or serve a loopback address, as"
                f" 127.0.0.1:{address.port}."
            )
        if settings.tls_certificate is None:
            _log.warning("unencrypted", at=f"{name} {address}", set=f"{PREFIX}TLS_CERTIFICATE")


def hosts(settings: Settings) -> tuple[str, ...]:
    """The names that are served beside the loopback's: the address itself, and those set."""
    if settings.http.loopback or _any(settings.http.host):
        return settings.hosts
    own = str(Address(settings.http.host, 0)).removesuffix(":0")
    return (own, *settings.hosts)


def url(address: Address, *, encrypted: bool) -> str:
    """Where an address is reached from this machine."""
    host = address.host
    if _any(host):
        host = "::1" if ":" in host else "127.0.0.1"
    return f"{'https' if encrypted else 'http'}://{Address(host, address.port)}"


def _any(host: str) -> bool:
    """Is it every address of this machine, as 0.0.0.0 is?"""
    return ipaddress.ip_address(host).is_unspecified


def _readable(settings: Settings, name: str) -> None:
    path = getattr(settings, name)
    try:
        path.open("rb").close()
    except OSError as error:
        words = f"{PREFIX}{name.upper()} is '{path}', which can't be read: {error.strerror}."
        raise SettingRefused(words) from None


def _no_password() -> str:
    """OpenSSL would else ask the terminal for it, and wait."""
    raise ValueError("the key has a password")
