"""Logging in: each flow, each refusal, one token for all, and no secret that shows."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
import structlog
from msgspec.structs import replace

from eventually import eventually
from franking.clock import HandClock
from franking.config import Org, Secret
from franking.core.reporting import Down, Heard, Later, Never, Verdict
from franking.outlets.salesforce.login import assertion, audience
from outlets.telling import TOUCHPOINT, event, telling, told
from salesforce import FakeSalesforce, Trouble, answers, slow
from salesforce import login as known
from salesforce.apex import errors

FLOWS = ("jwt", "refresh_token", "client_credentials")


@pytest.mark.parametrize("flow", FLOWS)
async def test_each_flow_logs_in(flow: str) -> None:
    async with told(flow=flow) as (salesforce, outlet):
        assert await outlet.tell(event()) == Heard("applied")
        assert len(salesforce.login.asked) == 1


REFUSALS: list[tuple[str, str, dict[str, Any], str]] = [
    ("unknown client", "jwt", {"client_id": "who"}, "invalid_client_id: client identifier invalid"),
    ("unknown user", "jwt", {"username": "x@y"},
     "invalid_grant: user hasn't approved this consumer"),
    ("another's key", "jwt", {"private_key": Secret(known.pem(known.private_key(1)))},
     "invalid_grant: invalid assertion"),
    ("old refresh token", "refresh_token", {"refresh_token": Secret("oldoldold")},
     "invalid_grant: expired access/refresh token"),
    ("wrong secret", "refresh_token", {"client_secret": Secret("wrongwrong")},
     "invalid_client: invalid client credentials"),
    ("wrong secret", "client_credentials", {"client_secret": Secret("wrongwrong")},
     "invalid_client: invalid client credentials"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("flow", "change", "words"), [r[1:] for r in REFUSALS], ids=[r[0] for r in REFUSALS]
)
async def test_a_login_that_is_refused_is_the_orgs_trouble(
    flow: Any, change: dict[str, Any], words: str
) -> None:
    async with FakeSalesforce() as salesforce:
        async with telling(replace(salesforce.org(flow), **change)) as outlet:
            found = await outlet.tell(event())
        assert found == Down(f"Salesforce refuses to log us in: {words}.")
        assert salesforce.calls == 0


async def test_a_claim_is_good_for_three_minutes_at_the_most() -> None:
    """By a clock that goes a little wrong, and by one that goes far wrong."""
    for milliseconds, found in (
        (-60_000, Heard),
        (50_000, Heard),
        (300_000, Down),
        (-300_000, Down),
    ):
        clock = HandClock()
        async with FakeSalesforce(clock) as salesforce:
            salesforce.package.create(TOUCHPOINT)
            ours = HandClock(clock.now() + milliseconds)
            async with telling(salesforce.org("jwt"), clock=ours) as outlet:
                assert type(await outlet.tell(event())) is found, milliseconds


def test_a_claim_says_who_for_whom_and_until_when() -> None:
    key = Secret(known.pem(known.private_key()))
    org = Org(name="default", client_id="app", username="me@acme.example", private_key=key)
    head, body, _ = assertion(org, 1_795_269_900_123).split(".")
    assert decoded(head) == {"alg": "RS256"}
    assert decoded(body) == {
        "iss": "app",
        "sub": "me@acme.example",
        "aud": "https://login.salesforce.com",
        "exp": 1_795_269_900 + 120,
    }


@pytest.mark.parametrize(
    ("login_url", "found"),
    [
        ("https://login.salesforce.com", "https://login.salesforce.com"),
        ("https://test.salesforce.com", "https://test.salesforce.com"),
        ("https://acme.my.salesforce.com", "https://login.salesforce.com"),
        ("https://acme--dev.sandbox.my.salesforce.com", "https://test.salesforce.com"),
        ("https://portal.acme.example", "https://portal.acme.example"),
        ("https://evil-my.salesforce.com.example", "https://evil-my.salesforce.com.example"),
    ],
)
def test_whom_a_claim_is_for(login_url: str, found: str) -> None:
    assert audience(login_url) == found


ANSWERS: list[tuple[str, Trouble, Verdict]] = [
    ("no JSON", answers(200, b"<html>"), Down("Salesforce refuses to log us in: it answered 200"
     " without a token or a reason that can be read.")),
    ("nested without end", answers(200, b'{"a":' + b"[" * 60_000),
     Down("Salesforce refuses to log us in: it answered 200 without a token or a reason that can"
          " be read.")),
    ("no token", answers(200, b'{"instance_url": "https://a.example"}'),
     Down("Salesforce refuses to log us in: it answered 200 without a token or a reason that can"
          " be read.")),
    ("a token that breaks headers",
     answers(200, b'{"access_token": "a\\r\\nb", "instance_url": "https://a.example"}'),
     Down("Salesforce refuses to log us in: its answer has no token that can be used.")),
    ("an org without TLS",
     answers(200, b'{"access_token": "abc", "instance_url": "http://a.example"}'),
     Down("Salesforce named no address of the org that can be trusted (https).")),
    ("busy", answers(503), Later("Salesforce refuses to log us in: it answered 503 without a token"
                                 " or a reason that can be read.")),
    ("too many", answers(429, b"", Retry_After="30"),
     Later("Salesforce refuses to log us in: it answered 429 without a token or a reason that can"
           " be read.", 30_000)),
    ("moved", answers(302, b"", Location="https://elsewhere.example"),
     Down("Salesforce refuses to log us in: it answered 302 without a token or a reason that can"
          " be read.")),
    ("no reason", answers(401, b""),
     Down("Salesforce refuses to log us in: it answered 401 without a token or a reason that can"
          " be read.")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("trouble", "verdict"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS]
)
async def test_what_a_login_may_be_answered(trouble: Trouble, verdict: Verdict) -> None:
    async with told() as (salesforce, outlet):
        salesforce.login.meets(trouble)
        assert await outlet.tell(event()) == verdict
        assert salesforce.calls == 0
        salesforce.login.meets(None)
        assert await outlet.tell(event()) == Heard("applied")


async def test_one_token_is_asked_for_by_many() -> None:
    async with told() as (salesforce, outlet):
        await tell_many(salesforce, outlet, 50)
        assert len(salesforce.login.asked) == 1


async def test_many_that_meet_an_expired_token_share_a_new_one() -> None:
    async with told() as (salesforce, outlet):
        await tell_many(salesforce, outlet, 50)
        salesforce.login.revoke()
        await tell_many(salesforce, outlet, 50)
        assert len(salesforce.login.asked) == 2
        assert salesforce.answered[401] == 50


async def test_a_late_refusal_of_an_old_token_renews_nothing() -> None:
    """One call is still under way with the old token while the others have got a new one."""
    async with told(connections=1) as (salesforce, outlet):
        await tell_many(salesforce, outlet, 3)
        salesforce.login.revoke()
        await tell_many(salesforce, outlet, 10)
        assert len(salesforce.login.asked) == 2


async def test_a_refused_login_is_shared_too() -> None:
    async with told() as (salesforce, outlet):
        salesforce.login.refuse("invalid_grant", "user is locked")
        found = await asyncio.gather(*(outlet.tell(event()) for _ in range(50)))
        assert set(found) == {
            Down("Salesforce refuses to log us in: invalid_grant: user is locked.")
        }
        assert len(salesforce.login.asked) == 1


async def test_a_token_that_is_refused_when_new_is_the_orgs_trouble_and_forgotten() -> None:
    async with told() as (salesforce, outlet):
        salesforce.login.calls_each = 0
        assert await outlet.tell(event()) == Down(
            "Salesforce answered 401: INVALID_SESSION_ID: Session expired or invalid"
        )
        assert (salesforce.calls, len(salesforce.login.asked)) == (2, 2)
        salesforce.login.calls_each = None
        assert await outlet.tell(event()) == Heard("applied")
        assert (salesforce.calls, len(salesforce.login.asked)) == (3, 3)


async def test_a_caller_that_gives_up_takes_the_token_from_nobody() -> None:
    async with told() as (salesforce, outlet):
        first = asyncio.create_task(outlet.tell(event()))
        second = asyncio.create_task(outlet.tell(event()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        first.cancel()
        assert await second == Heard("applied")
        assert len(salesforce.login.asked) == 1


async def test_an_org_that_moved_is_found_by_a_new_token() -> None:
    async with told() as (salesforce, outlet):
        salesforce.troubles.next(answers(302, b"", Location="https://elsewhere.example"))
        assert await outlet.tell(event()) == Heard("applied")
        assert len(salesforce.login.asked) == 2


@pytest.mark.parametrize("flow", FLOWS)
async def test_no_secret_shows(flow: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Even where a server says it back, and where it is cut."""
    caplog.set_level(logging.DEBUG)
    texts: list[str] = []
    with structlog.testing.capture_logs() as logs:
        async with told(flow=flow) as (salesforce, outlet):
            org = salesforce.org(flow)
            salesforce.allowed = 1
            await outlet.tell(event())
            secrets = {*own_secrets(org), *salesforce.login.tokens}
            for said in (" ".join(secrets), "x" * 970 + max(secrets, key=len)):
                for trouble in echoes(said):
                    salesforce.allowed += 10
                    salesforce.troubles.next(trouble)
                    texts.append(text_of(await outlet.tell(event())))
            texts += [repr(org), str(outlet.__dict__), str(logs), caplog.text]
    assert len(logs) >= 1
    for secret in secrets:
        assert all(secret[:12] not in text for text in texts)


def echoes(said: str) -> list[Trouble]:
    return [
        answers(400, errors("A", said)),
        answers(500, errors(said, "b")),
        answers(403, said.encode()),
        answers(200, msgspec.json.encode({"status": said})),
    ]


async def test_a_refused_login_shows_no_secret() -> None:
    async with told() as (salesforce, outlet):
        salesforce.login.refuse("invalid_grant", f"not {known.REFRESH_TOKEN}")
        assert await outlet.tell(event()) == Down(
            "Salesforce refuses to log us in: invalid_grant: not …."
        )


async def test_a_slow_login_is_let_go_and_goes_on_for_the_next() -> None:
    async with told(total_seconds=0.4) as (salesforce, outlet):
        salesforce.login.meets(slow(30))
        found = await outlet.tell(event())
        assert found == Later("Salesforce did not log us in within 0.2 s.")
        salesforce.login.meets(None)
        assert await outlet.tell(event()) == Heard("applied")


async def test_hanging_up_waits_for_no_login() -> None:
    async with told() as (salesforce, outlet):
        salesforce.login.meets(slow(30))
        first = asyncio.create_task(outlet.tell(event()))
        await eventually(asked(salesforce))
        await outlet.close()
        assert isinstance((await asyncio.gather(first, return_exceptions=True))[0], BaseException)


def asked(salesforce: FakeSalesforce) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return bool(salesforce.login.asked)

    return look


async def tell_many(salesforce: FakeSalesforce, outlet: Any, count: int) -> None:
    ids = [salesforce.package.create().id for _ in range(count)]
    found = await asyncio.gather(*(outlet.tell(event(touchpoint=id)) for id in ids))
    assert set(found) == {Heard("applied")}


def own_secrets(org: Org) -> set[str]:
    """Those that Salesforce gets; the private key never leaves."""
    found = (org.client_secret, org.refresh_token)
    return {secret.value for secret in found if secret is not None}


def text_of(verdict: Verdict) -> str:
    assert isinstance(verdict, Later | Never | Down)
    return verdict.error


def decoded(part: str) -> Any:
    return msgspec.json.decode(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
