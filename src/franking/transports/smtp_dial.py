"""Reaches a server: name, address, TCP and TLS, each trouble told in Node's words."""

from __future__ import annotations

import asyncio
import socket
import ssl
from functools import lru_cache

from franking.core.fault import Failure
from franking.transports import smtp_failures as say
from franking.transports.smtp_login import Login
from franking.transports.smtp_opening import Introduction
from franking.transports.smtp_settings import SmtpSettings, TlsOptions


class Unreachable(Exception):
    """There is no connection; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.error)
        self.failure = failure


async def dial(
    settings: SmtpSettings, protocol: asyncio.Protocol, context: ssl.SSLContext | None
) -> None:
    """Connect `protocol` to the server, in TLS from the first byte if `secure`.

    Every address of the name is tried in turn; raises `Unreachable` with the last one's trouble.
    """
    try:
        async with asyncio.timeout(settings.timeouts.connect):
            await _try_addresses(settings, protocol, context)
    except TimeoutError:
        raise Unreachable(say.timed_out("connect")) from None


@lru_cache(maxsize=64)
def tls_context(options: TlsOptions) -> ssl.SSLContext:
    """Certificate and name are checked unless the options say otherwise.

    Kept, because reading the system's certificates takes some 20 ms.

    Raises ValueError for a `ca` or `ciphers` that OpenSSL does not take.
    """
    try:
        context = ssl.create_default_context()
        context.minimum_version = _VERSIONS[options.min_version]
        if options.max_version:
            context.maximum_version = _VERSIONS[options.max_version]
        for authority in [options.ca] if isinstance(options.ca, str) else options.ca or ():
            context.load_verify_locations(cadata=authority)
        if options.ciphers:
            context.set_ciphers(options.ciphers)
    except ssl.SSLError as error:
        raise ValueError(f"TLS options: {error.reason or error}") from None
    if not options.reject_unauthorized:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def introduction(settings: SmtpSettings, login: Login | None) -> Introduction:
    """How we say who we are; a bare host name is no name for EHLO (RFC 5321, section 4.1.4)."""
    name = settings.name or socket.gethostname()
    if not settings.name and "." not in name:
        name = "[127.0.0.1]"
    return Introduction(name, login, settings.starttls)


def server_name(settings: SmtpSettings) -> str:
    """The name that the certificate must be for."""
    return settings.tls.servername or settings.host


async def upgrade(
    settings: SmtpSettings,
    transport: asyncio.Transport,
    protocol: asyncio.Protocol,
    context: ssl.SSLContext,
) -> asyncio.Transport:
    """The handshake behind STARTTLS; raises `Unreachable`."""
    try:
        encrypted = await asyncio.get_running_loop().start_tls(
            transport,
            protocol,
            context,
            server_hostname=server_name(settings),
            ssl_handshake_timeout=settings.timeouts.connect,
        )
    except OSError as error:
        raise Unreachable(say.no_tls(error)) from None
    if encrypted is None:
        raise Unreachable(say.no_tls(ConnectionAbortedError()))
    return encrypted


async def _try_addresses(
    settings: SmtpSettings, protocol: asyncio.Protocol, context: ssl.SSLContext | None
) -> None:
    loop = asyncio.get_running_loop()
    trouble = say.unresolved(settings.host)
    for address in await _addresses(settings):
        try:
            await loop.create_connection(
                lambda: protocol,
                address,
                settings.port,
                ssl=context,
                server_hostname=server_name(settings) if context else None,
            )
        except ssl.SSLError as error:
            raise Unreachable(say.no_tls(error)) from None
        except OSError as error:
            # Without a number it comes from the handshake, not from the network.
            trouble = (
                say.unreachable(error, address, settings.port) if error.errno else say.no_tls(error)
            )
        else:
            return
    raise Unreachable(trouble)


async def _addresses(settings: SmtpSettings) -> list[str]:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        raise Unreachable(say.unresolved(settings.host)) from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


_VERSIONS = {
    "TLSv1": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}
