"""Each line of the contract's error table, by its verdict; and what no table foresees."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest
import trustme

from eventually import eventually
from franking.core.reporting import Down, Heard, Later, Never, Verdict
from outlets.telling import TOUCHPOINT, event, telling, told
from salesforce import (
    FakeSalesforce,
    Trouble,
    answers,
    apex_error,
    cpu_limit,
    forbidden,
    hangs_up,
    loses_answer,
    no_match,
    request_limit,
    row_lock,
    slow,
    unavailable,
)
from salesforce.apex import errors

LIMIT = "Salesforce answered 403: REQUEST_LIMIT_EXCEEDED: TotalRequests Limit exceeded."
BUSY = "Salesforce answered 503: SERVER_UNAVAILABLE: Server Unavailable"
HTML = b"<html><title>Down for maintenance</title></html>"

TABLE: list[tuple[str, Trouble, Verdict | str]] = [
    # The lines of the contract, in its order.
    ("request limit", request_limit(), Later(LIMIT)),
    ("request limit with a time", request_limit("120"), Later(LIMIT, 120_000)),
    ("row lock", answers(403, errors("UNABLE_TO_LOCK_ROW", "x")), "later"),
    ("row lock told by the package", answers(400, errors("UNABLE_TO_LOCK_ROW", "x")), "later"),
    ("502", unavailable(502), "later"),
    ("503", unavailable(), Later(BUSY)),
    ("503 with a time", unavailable(retry_after="7"), Later(BUSY, 7_000)),
    ("504", unavailable(504), "later"),
    ("Apex", apex_error("System.X: no"), Later("Salesforce answered 500: APEX_ERROR: System.X: no",
                                              most_tries=5)),
    ("a lock inside Apex", row_lock(), "later"),
    ("another word for a lock", apex_error("System.QueryException: Record Currently Unavailable: "
                                           "The record you are attempting to edit"), "later"),
    ("CPU limit inside Apex", cpu_limit(), "later"),
    ("forbidden", forbidden(), Down("Salesforce answered 403: FORBIDDEN: You do not have access to"
                                    " the Apex class named: X")),
    ("no package", no_match(), Down("Salesforce answered 404: NOT_FOUND: Could not find a match"
                                    " for URL")),
    ("400", answers(400, errors("INVALID_ID", "No.")), Never("Salesforce answered 400: INVALID_ID:"
                                                             " No.")),
    ("404 of the package", answers(404, errors("NOT_FOUND", "No touchpoint")), "never"),
    ("405", answers(405, errors("METHOD_NOT_ALLOWED", "x")), "never"),
    ("415", answers(415, b""), "never"),
    # Beside it.
    ("408", answers(408), "later"),
    ("429", answers(429, b"", Retry_After="60"), Later("Salesforce answered 429 without a reason "
                                                       "that can be read.", 60_000)),
    ("500 without a reason", answers(500, HTML), Later("Salesforce answered 500 without a reason "
                                                       "that can be read.", most_tries=5)),
    ("501", answers(501), "few"),
    ("503 as a page", answers(503, HTML), "later"),
    ("403 as a page", answers(403, HTML), "down"),
    ("400 as text", answers(400, b"no\r\nway\x00"),
     Never("Salesforce answered 400: no  way\ufffd")),
    ("400 as one object", answers(400, b'{"errorCode": "A", "message": "b"}'),
     Never("Salesforce answered 400: A: b")),
    ("400 as an array of nothing", answers(400, b"[1]"), Never("Salesforce answered 400: [1]")),
    ("400 not in UTF-8", answers(400, b"\xff\xfe"), "never"),
    ("moved", answers(301, b"", Location="https://elsewhere.example/"), "down"),
    ("200 as a page", answers(200, HTML), "few"),
    ("200 of another kind", answers(200, b'{"status": "fine"}'),
     Later("Salesforce answered 200 and said 'fine'.", most_tries=5)),
    ("200 with nothing", answers(200, b""), "few"),
    ("200 nested without end", answers(200, b'{"a":' + b"[" * 60_000), "few"),
    ("400 nested without end", answers(400, b'{"a":' + b"[" * 60_000), "never"),
    ("204", answers(204), "few"),
    ("201 with a word", answers(201, b'{"status": "applied"}'), "few"),
    ("200 too long", answers(200, b'{"status": "applied"}' + b" " * 70_000), "few"),
    ("200 in code", answers(200, b'{"status": "applied"}', Content_Encoding="x-odd"), "few"),
    ("a time that is odd", unavailable(retry_after="soon"), Later(BUSY)),
    ("hung up", hangs_up(), "later"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("trouble", "verdict"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
async def test_what_an_answer_means(trouble: Trouble, verdict: Verdict | str) -> None:
    async with told() as (salesforce, outlet):
        salesforce.troubles.always(trouble)
        found = await outlet.tell(event())
        assert found == verdict if not isinstance(verdict, str) else kind(found) == verdict
        assert salesforce.package.read(TOUCHPOINT).status == "Scheduled"


@pytest.mark.parametrize("word", ["applied", "already applied", "out of order"])
async def test_the_packages_word_is_kept(word: str) -> None:
    async with told() as (salesforce, outlet):
        salesforce.troubles.next(answers(200, msgspec.json.encode({"status": word})))
        assert await outlet.tell(event()) == Heard(word)


async def test_an_event_is_applied_once_however_often_it_is_told() -> None:
    async with told() as (salesforce, outlet):
        assert await outlet.tell(event(sequence=2)) == Heard("applied")
        assert await outlet.tell(event(sequence=2)) == Heard("already applied")
        assert await outlet.tell(event(sequence=1)) == Heard("out of order")
        assert salesforce.package.read(TOUCHPOINT).status == "Error"
        assert len(salesforce.package.errors(TOUCHPOINT)) == 2


async def test_an_answer_that_is_lost_is_no_answer() -> None:
    async with told() as (salesforce, outlet):
        salesforce.troubles.next(loses_answer())
        assert kind(await outlet.tell(event())) == "later"
        assert await outlet.tell(event()) == Heard("already applied")


async def test_an_event_of_no_touchpoint_will_never_be_taken() -> None:
    async with told() as (_, outlet):
        found = await outlet.tell(event(touchpoint="a0X0000000000000AA"))
        assert found == Never(
            "Salesforce answered 400: INVALID_ID: No touchpoint has the id a0X0000000000000AA"
        )


async def test_words_that_are_long_are_cut() -> None:
    async with told() as (salesforce, outlet):
        salesforce.troubles.next(answers(400, errors("A", "long " * 5_000)))
        found = await outlet.tell(event())
        assert isinstance(found, Never)
        assert len(found.error) < 1_100


async def test_an_answer_that_takes_too_long_is_let_go() -> None:
    async with told(total_seconds=0.3) as (salesforce, outlet):
        await outlet.tell(event("email_Rate_Limited"))  # logs in
        salesforce.troubles.next(slow(30))
        async with asyncio.timeout(5):
            found = await outlet.tell(event(sequence=2))
        assert found == Later("Salesforce did not answer within 0.3 s.")
        salesforce.release()


async def test_a_row_that_is_locked_for_too_long_is_waited_for() -> None:
    async with told() as (salesforce, outlet):
        salesforce.package.lock_seconds = 0.1
        salesforce.troubles.next(slow(30))
        first = asyncio.create_task(outlet.tell(event()))
        await eventually(called(salesforce))
        second = await outlet.tell(event(sequence=2))
        assert isinstance(second, Later)
        assert second.most_tries is None
        assert "UNABLE_TO_LOCK_ROW" in second.error
        salesforce.release()
        assert await first == Heard("applied")


async def test_a_handshake_that_does_not_come_ends_after_its_time() -> None:
    async with silent() as url, told(connect_seconds=0.2) as (salesforce, outlet):
        salesforce.login.instance_url = url
        found = await outlet.tell(event())
        place = url.removeprefix("https://")
        assert found == Later(f"No connection to {place} came about within 0.2 s.")


async def test_an_org_that_is_not_there_is_waited_for() -> None:
    async with told() as (salesforce, outlet):
        await outlet.tell(event())
        await salesforce.stop()
        found = await outlet.tell(event(sequence=2))
        assert isinstance(found, Later)
        assert "connection to 127.0.0.1:" in found.error


@pytest.mark.parametrize("trusted", [True, False])
async def test_tls_is_checked(trusted: bool) -> None:
    authority = trustme.CA()
    async with FakeSalesforce(tls=server_tls(authority)) as salesforce:
        salesforce.package.create(TOUCHPOINT)
        tls = client_tls(authority) if trusted else None
        async with telling(salesforce.org(), tls=tls) as outlet:
            found = await outlet.tell(event())
            if trusted:
                assert found == Heard("applied")
            else:
                assert isinstance(found, Down)
                assert "TLS with 127.0.0.1" in found.error
                assert salesforce.login.asked == []


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with told() as (_, outlet):
        assert await outlet.tell(event()) == Heard("applied")


async def test_a_redirect_is_not_followed() -> None:
    async with FakeSalesforce() as other, told() as (salesforce, outlet):
        there = f"{other.url}/services/apexrest/DS_Packages/DialSourceCadenceServices"
        salesforce.troubles.always(answers(307, b"", Location=there))
        assert await outlet.tell(event()) == Down(
            "Salesforce answered 307: the org has moved or is not there."
        )
        assert other.calls == 0
        assert other.login.asked == []


async def test_connections_are_bounded_and_kept() -> None:
    async with told(connections=4) as (salesforce, outlet):
        ids = [salesforce.package.create().id for _ in range(40)]
        salesforce.troubles.always(slow(0.01))
        found = await asyncio.gather(*(outlet.tell(event(touchpoint=id)) for id in ids))
        assert set(found) == {Heard("applied")}
        assert salesforce.most_at_once == 4
        assert salesforce.connections <= 5


def called(salesforce: FakeSalesforce) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return salesforce.calls > 0

    return look


def kind(verdict: Verdict) -> str:
    match verdict:
        case Later(most_tries=5):
            return "few"
        case Later(most_tries=None):
            return "later"
    return type(verdict).__name__.lower()


@asynccontextmanager
async def silent() -> AsyncIterator[str]:
    """A server that takes connections and says nothing."""
    writers: list[asyncio.StreamWriter] = []

    def take(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    try:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        for writer in writers:
            writer.close()
        server.close()


def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def client_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context
