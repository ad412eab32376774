"""One question for an attachment through aiohttp: the file, or where it is said to be.

A connection goes to the address that was checked, and is used once. No cookie is kept, no proxy of
the environment and no `.netrc` used, certificates are verified, and redirects are handed back, to
be checked as the first address was.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable

import aiohttp
import msgspec

from franking.compose.links import Source
from franking.transports import fetch_failures
from franking.transports.fetch_body import Body, TooLarge, Unreadable
from franking.transports.fetch_target import USER_AGENT, NotAllowed, Target
from franking.transports.names import Names, PrivateAddress
from franking.transports.pinned import Pinned, once

REDIRECTS = (301, 302, 303, 307, 308)
READ_OCTETS = 65_536
# 206 is a part of what was asked for, and no part was.
PARTIAL = 206

Opened = Callable[[str | None], Body]


class Moved(msgspec.Struct, frozen=True):
    """What was asked for is said to be elsewhere."""

    location: str


class Exchange:
    """Connections to the hosts of attachments: `connections` at most, `each` of them to one."""

    def __init__(
        self,
        names: Names,
        *,
        connections: int,
        each: int,
        connect_seconds: float,
        tls: ssl.SSLContext | None,
    ) -> None:
        self._names = names
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=connections,
                limit_per_host=each,
                force_close=True,
                resolver=Pinned(names),
                use_dns_cache=False,
                ssl=tls or True,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            middlewares=(once,),
            read_bufsize=READ_OCTETS,
            skip_auto_headers=("Accept-Encoding", "Content-Type", "User-Agent"),
            timeout=aiohttp.ClientTimeout(total=None, connect=connect_seconds),
        )

    async def ask(self, target: Target, opened: Opened) -> Source | Moved:
        """Ask once; `opened` makes the body for an encoding. Raises `NotAllowed`, `Unfetched`."""
        try:
            self._names.check(target.host)
            return await self._asked(target, opened)
        except PrivateAddress:
            why = f"{target.host} is at a private address"
            setting = "FRANKING_ATTACHMENT_PRIVATE_ADDRESSES is deny"
            raise NotAllowed(target.address, f"{why}, and {setting}") from None
        except TooLarge as error:
            raise fetch_failures.too_large(target.place, error) from None
        except Unreadable as error:
            raise fetch_failures.unreadable(target.place, error) from None
        except (aiohttp.ClientError, OSError) as error:
            raise fetch_failures.broken(target.place, error) from error

    async def close(self) -> None:
        """Hang up, on those who are being asked too."""
        await self._session.close()

    async def _asked(self, target: Target, opened: Opened) -> Source | Moved:
        usual = {"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}
        given = {name.lower() for name in target.headers}
        headers = {k: v for k, v in usual.items() if k.lower() not in given} | dict(target.headers)
        async with self._session.get(target.url, headers=headers, allow_redirects=False) as answer:
            location = answer.headers.get("Location")
            if answer.status in REDIRECTS and location:
                return Moved(location)
            if not 200 <= answer.status <= 299 or answer.status == PARTIAL:
                raise fetch_failures.status(answer.status)
            body = opened(",".join(answer.headers.getall("Content-Encoding", ())) or None)
            body.expect(answer.content_length)
            async for octets in answer.content.iter_any():
                body.take(octets)
            return Source(body.whole(), answer.headers.get("Content-Type"))
