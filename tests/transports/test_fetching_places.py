"""So many fetches at once, so many of one host, so much in memory: and nobody waits for nothing."""

from __future__ import annotations

import asyncio
import socket

import pytest

from franking.compose.envelope import Unsendable
from franking.compose.links import Link
from franking.transports import fetching as module
from franking.transports.fetching import HttpFetcher
from franking.transports.names import Names
from franking.transports.places import Places

from .files import FILES, OTHER, PDF, Zone, at, fetching, got, hosts, missed
from .receiver import SILENCE, Receiver, answer, receiving
from .scripted import until


def mail(
    fetcher: HttpFetcher, receiver: Receiver, keeper: int, count: int = 1
) -> asyncio.Task[object]:
    """A mail's fetch under way, of so many attachments, each at an address of its own."""
    links = [Link(at(receiver, path=f"/{keeper}/{number}")) for number in range(count)]
    return asyncio.create_task(fetcher.fetch(links, keeper))


async def test_of_one_host_so_many_are_fetched_at_once() -> None:
    async with receiving(SILENCE) as there, fetching(hosts(there)) as fetcher:
        asked = [mail(fetcher, there, keeper, count=9) for keeper in range(9)]
        await until(lambda: there.at_once == 8)
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        assert there.most_at_once == 8


async def test_of_one_host_so_many_mails_are_fetched_for_at_once() -> None:
    async with receiving(SILENCE) as there, fetching(hosts(there)) as fetcher:
        asked = [mail(fetcher, there, keeper) for keeper in range(20)]
        await until(lambda: there.at_once == 4)
        there.release.set()
        await asyncio.gather(*asked)
        assert there.most_at_once == 4


async def test_a_host_that_hangs_takes_nothing_from_another() -> None:
    async with (
        receiving(SILENCE) as slow,
        receiving(PDF) as there,
        fetching(hosts(slow, there)) as fetcher,
    ):
        stuck = [mail(fetcher, slow, keeper) for keeper in range(100)]
        await until(lambda: slow.at_once == 4)
        assert (await got(fetcher, at(there, OTHER))).octets == b"%PDF-1.7"
        for task in stuck:
            task.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)


async def test_who_waited_while_a_host_was_not_reached_is_told_so_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        async with fetching(f"{FILES}:{port}", connect_seconds=0.2) as fetcher:
            url = f"https://{FILES}:{port}/"
            # One after the other they would take ten times as long as is waited for here.
            async with asyncio.timeout(5):
                ends = await asyncio.gather(*(missed(fetcher, f"{url}{n}") for n in range(400)))
            assert {end.error for end in ends} == {f"Error: connect ETIMEDOUT {FILES}:{port}"}
            assert all(end.temporary for end in ends)


async def test_who_comes_after_a_host_was_not_reached_asks_anew() -> None:
    names = Names(lookup=(zone := Zone({FILES: ["127.0.0.2"]})))
    async with receiving(PDF) as there, fetching(hosts(there), names, connect_seconds=0.2) as it:
        standing = it._standing(f"{FILES}:{there.port}")  # else it is forgotten
        with socket.create_server(("127.0.0.2", there.port)):
            await missed(it, at(there).replace("http:", "https:"))
        assert standing.failures == 1
        zone.names[FILES] = ["127.0.0.1"]
        assert (await got(it, at(there))).octets == b"%PDF-1.7"


async def test_after_three_time_outs_in_a_row_who_waited_is_told_so() -> None:
    async with receiving(SILENCE) as there, fetching(hosts(there), seconds=0.2) as fetcher:
        asked = [mail(fetcher, there, keeper) for keeper in range(100)]
        ends = await asyncio.gather(*asked)
        assert len(there.heard) <= 12
    told = f"Error: Timeout: {FILES}:{there.port} did not send the attachment within 0.2 s"
    assert {end.error for end in ends if isinstance(end, Unsendable)} == {told}
    assert len(ends) == 100


async def test_who_waits_for_a_place_is_not_told_that_nobody_was_reached() -> None:
    async with receiving(SILENCE) as there, fetching(hosts(there), connect_seconds=1.5) as fetcher:
        asked = mail(fetcher, there, 1, count=20)
        await until(lambda: there.at_once == 8)
        await asyncio.wait([asked], timeout=2.0)
        assert not asked.done()
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)


async def test_two_slow_files_do_not_condemn_their_host(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving(SILENCE) as there, fetching(hosts(there), seconds=1.5) as fetcher:
        monkeypatch.setattr(fetcher, "_mails", Places(16, 2, 60.0))
        slow = [mail(fetcher, there, keeper) for keeper in range(2)]
        await until(lambda: there.at_once == 2)
        there.answers = [PDF]
        assert all(not isinstance(found, Unsendable) for found in await others(fetcher, there))
        assert all(isinstance(found, Unsendable) for found in await asyncio.gather(*slow))


async def others(fetcher: HttpFetcher, there: Receiver) -> list[object]:
    return list(await asyncio.gather(*(mail(fetcher, there, 10 + n) for n in range(50))))


async def test_who_gets_no_place_in_time_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving(SILENCE) as there, fetching(hosts(there)) as fetcher:
        monkeypatch.setattr(fetcher, "_mails", Places(1, 1, 0.05))
        first = mail(fetcher, there, 1)
        await until(lambda: there.at_once == 1)
        ending = await missed(fetcher, at(there, path="/other"))
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
    place = f"{FILES}:{there.port}"
    assert ending.error == f"Error: Timeout: too many attachments from {place} are being fetched"
    assert ending.temporary


async def test_while_too_much_is_held_no_more_is_fetched() -> None:
    body = answer("200 OK", bytes(1000))
    async with receiving(body) as there, fetching(hosts(there), held_octets=2000) as fetcher:
        for keeper in (1, 2):
            await mail(fetcher, there, keeper)
        third = mail(fetcher, there, 3)
        fourth = mail(fetcher, there, 4)
        await asyncio.wait([third, fourth], timeout=0.1)
        assert len(there.heard) == 2
        fetcher.let_go(9)  # fetched for nothing
        await asyncio.wait([third, fourth], timeout=0.05)
        assert len(there.heard) == 2
        fetcher.let_go(1)
        await asyncio.gather(third, fourth)
        assert len(there.heard) == 4


async def test_what_was_not_fetched_is_not_held() -> None:
    refusing = receiving(answer("403 No"))
    async with refusing as there, fetching(hosts(there), held_octets=1) as fetcher:
        for _ in range(3):
            await missed(fetcher, at(there))


def test_the_bounds_fit_each_other() -> None:
    """No place can be waited for that is never given, and memory has an end."""
    assert module.MAILS_EACH < module.MAILS
    assert module.CONNECTIONS_EACH < module.CONNECTIONS
    assert module.MAILS_EACH <= module.CONNECTIONS_EACH
