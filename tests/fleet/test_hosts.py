"""The API and the worker on hosts of their own: all that they share is a database, over TCP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from cli.processes import Ended, Serving, franking, serving
from eventually import until
from franking.cli.exits import Code
from franking.transports.capture import Capture
from postgres import cluster

from .hosts import NEIGHBOUR, Host, namespace, obstacle
from .proxy import Proxy

TO_ADA = ("--to", "ada@example.com", "--subject", "Hello", "--text", "Hi", "--from", "a@b.example")


class Pair(NamedTuple):
    """The two hosts; `apart` where neither can reach the other."""

    door: Host
    worker: Host
    apart: bool


@pytest.fixture(params=["namespaces", "processes"])
def hosts(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Two network namespaces where they may be made, else two processes of this machine."""
    if request.param == "processes":
        if not obstacle():
            pytest.skip("they ran as network namespaces")
        yield Pair(NEIGHBOUR, NEIGHBOUR, apart=False)
        return
    if obstacle():
        pytest.skip(f"{obstacle()}; they run as processes of one host")
    with ExitStack() as stack:
        door, worker = (stack.enter_context(namespace(number)) for number in (1, 2))
        yield Pair(door, worker, apart=True)


async def test_a_mail_given_to_one_is_sent_by_the_other(
    tmp_path: Path, database: str, hosts: Pair
) -> None:
    async with both(tmp_path, database, hosts) as (url, capture):
        mine = await key(tmp_path, database)
        sent = await franking(tmp_path, "send", *TO_ADA, url=url, key=mine)
        assert (sent.code, sent.out.split()[0]) == (0, "SUCCESS"), sent.err
        assert [mail.recipients for mail in capture.mails] == [("ada@example.com",)]
        found = await listed(tmp_path, hosts.door, url, mine)
        assert (found.code, "SUCCESS" in found.out) == (0, True), found.err
        status = await franking(tmp_path, "db", "status", database_url=database)
        assert ("(api)" in status.out, "(worker)" in status.out) == (True, True), status
        if hosts.apart:
            elsewhere = await listed(tmp_path, hosts.worker, url, mine)
            assert (elsewhere.code, elsewhere.out) == (Code.SERVER_UNREACHABLE, "")


def test_nothing_is_left_of_a_host_when_a_test_fails() -> None:
    if obstacle():
        pytest.skip(obstacle())
    wires = []

    def fail() -> None:
        with namespace(3) as host:
            wires.append(Path("/sys/class/net") / host.wire)
            assert wires[0].exists()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    until(lambda: not wires[0].exists())


async def listed(folder: Path, host: Host, url: str, key: str) -> Ended:
    """The mails, as a command on a host has them from the API."""
    return await franking(folder, "mail", "list", url=url, key=key, network=host.network)


@asynccontextmanager
async def both(folder: Path, database: str, hosts: Pair) -> AsyncIterator[tuple[str, Capture]]:
    """The API's URL and the mailbox that the worker sends to, each with a way to the database."""
    await key(folder, database)
    capture = Capture(hosts.worker.here)
    await capture.start()
    smtp = f"smtp://{hosts.worker.here}:{capture.port}"
    socket, name = cluster().folder / ".s.PGSQL.5432", database.partition("?")[0].split("/")[-1]
    async with AsyncExitStack() as stack:
        stack.push_async_callback(capture.stop)
        near = await stack.enter_async_context(Proxy(socket, hosts.door.here))
        far = await stack.enter_async_context(Proxy(socket, hosts.worker.here))
        door = there(folder, "api", hosts.door, near.url(name))
        worker = there(folder, "worker", hosts.worker, far.url(name), smtp_connection_uri=smtp)
        url = (await stack.enter_async_context(door)).url
        await stack.enter_async_context(worker)
        yield url, capture


def there(
    folder: Path, only: str, host: Host, database_url: str, **settings: str
) -> AbstractAsyncContextManager[Serving]:
    """A process on a host, where others can reach it."""
    given = {"database_url": database_url, "http": f"{host.there}:0", **settings}
    return serving(folder, 1, only=only, network=host.network, **given)


async def key(folder: Path, database: str) -> str:
    """A key, without which no other host is served."""
    command = ("key", "create", "--name", "k", "--scope", "admin")
    made = await franking(folder, *command, database_url=database)
    return next(word for word in made.out.split() if word.startswith("fk_"))
