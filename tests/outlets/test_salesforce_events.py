"""What is posted, to which org, and what is kept of the org's API calls."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import structlog
from msgspec.structs import replace

from franking.core.reporting import Heard, Never
from franking.outlets.salesforce import Usage
from franking.outlets.salesforce.limits import read
from outlets.telling import AT, ERROR, TOUCHPOINT, event, telling, told
from salesforce import FakeSalesforce, answers


async def test_the_fields_of_the_contract_are_posted_and_no_others() -> None:
    async with told() as (salesforce, outlet):
        await outlet.tell(
            event(
                "email_Rate_Limited",
                sequence=7,
                account="sales",
                secretOfOurs="x",
                cadenceMemberId="a0Y",
                emailMessageId="02s",
                timerId="t",
                retryCount=2,
                nextAttemptTime=AT,
            )
        )
        assert salesforce.heard == [
            {
                "event": "email_Rate_Limited",
                "eventId": event(sequence=7).id,
                "sequence": 7,
                "occurredAt": AT,
                "touchpointId": TOUCHPOINT,
                "cadenceMemberId": "a0Y",
                "emailMessageId": "02s",
                "mailId": "mail-1",
                "timerId": "t",
                "attempt": 1,
                "retryCount": 2,
                "error": ERROR,
                "nextAttemptTime": AT,
            }
        ]


@pytest.mark.parametrize("spelled", ["email_Rate_Limited", "email_Rate Limited"])
async def test_one_event_is_spelled_as_the_package_wants_it(spelled: str) -> None:
    async with told(rate_limited=spelled) as (salesforce, outlet):
        for sequence, kind in enumerate(("email_Rate_Limited", "email_Error", "email_Sent"), 1):
            assert await outlet.tell(event(kind, sequence=sequence)) == Heard("applied")
        assert [heard["event"] for heard in salesforce.heard] == [
            spelled,
            "email_Error",
            "email_Sent",
        ]


async def test_a_bounce_names_who_did_not_get_it() -> None:
    async with told() as (salesforce, outlet):
        found = await outlet.tell(event("email_Bounced", recipient="a@b.example"))
        assert isinstance(found, Never)  # this package knows no such event
        assert salesforce.heard[0]["recipient"] == "a@b.example"


async def test_the_org_is_that_of_the_mails_account() -> None:
    async with FakeSalesforce() as first, FakeSalesforce() as second:
        for org in (first, second):
            org.package.create(TOUCHPOINT)
        acme = second.org("client_credentials", "acme")
        async with telling(first.org(), by_account={"sales": acme, "help": acme}) as outlet:
            for account, side in ((None, "default"), ("other", "default"), ("sales", "acme")):
                told = event(account=account)
                assert outlet.side(told) == side
                assert isinstance(await outlet.tell(told), Heard)
            await outlet.tell(event(account="help"))
            assert (first.calls, second.calls) == (2, 2)
            assert (len(first.login.asked), len(second.login.asked)) == (1, 1)
            assert outlet.limits.keys() == {"default", "acme"}


async def test_a_trouble_of_one_org_is_none_of_anothers() -> None:
    async with FakeSalesforce() as first, FakeSalesforce() as second:
        for org in (first, second):
            org.package.create(TOUCHPOINT)
        first.login.refuse("invalid_grant", "user is locked")
        other = second.org("jwt", "acme")
        async with telling(first.org(), by_account={"sales": other}) as outlet:
            assert not isinstance(await outlet.tell(event()), Heard)
            assert await outlet.tell(event(account="sales")) == Heard("applied")


async def test_an_account_without_an_org_is_told_by_name() -> None:
    async with FakeSalesforce() as salesforce:
        org = salesforce.org("jwt", "acme")
        async with telling(by_account={"sales": org}) as outlet:
            assert outlet.side(event(account="other")) == "no org"
            assert await outlet.tell(event(account="other")) == Never(
                "The account 'other' has no org: add it to SALESFORCE_ORGS, then send the event"
                " again."
            )
            assert salesforce.login.asked == []


@pytest.mark.parametrize(
    ("header", "usage"),
    [
        ("api-usage=18/5000", Usage(18, 5000)),
        ("api-usage=25/5000; per-app-api-usage=17/250(appName=x)", Usage(25, 5000)),
        ("per-app-api-usage=17/250(appName=x); api-usage=25/5000", Usage(25, 5000)),
        ("api-usage=110018/100000; api-bursts=1/750", Usage(110018, 100000)),
        ("per-app-api-usage=17/250(appName=x)", None),
        ("api-usage=x/5000", None),
        ("", None),
        (None, None),
    ],
)
def test_what_an_org_says_of_its_calls(header: str | None, usage: Usage | None) -> None:
    assert read(header) == usage


@pytest.mark.parametrize(
    ("used", "allowed", "percent"), [(0, 0, 100), (799, 1000, 79), (2, 1, 200)]
)
def test_how_much_of_them_is_used(used: int, allowed: int, percent: int) -> None:
    assert Usage(used, allowed).percent == percent


async def test_an_org_that_runs_out_of_calls_is_warned_of_once_a_level() -> None:
    async with told() as (salesforce, outlet):
        with structlog.testing.capture_logs() as logs:
            for used in (10, 79, 80, 85, 94, 95, 99, 100, 90, 95, 3, 80):
                usage = {"Sforce_Limit_Info": f"api-usage={used}/100"}
                salesforce.troubles.next(answers(500, b"", **usage))
                await outlet.tell(event())
                assert outlet.limits == {"default": Usage(used, 100)}
        assert [entry["percent"] for entry in logs] == [80, 95, 95, 80]
        assert {entry["log_level"] for entry in logs} == {"warning"}
        assert {entry["org"] for entry in logs} == {"default"}


async def test_what_says_nothing_of_its_calls_changes_nothing() -> None:
    async with told() as (salesforce, outlet):
        salesforce.troubles.next(answers(500, b"", Sforce_Limit_Info="api-usage=5/100"))
        await outlet.tell(event())
        salesforce.troubles.next(answers(500, b"", Sforce_Limit_Info="odd"))
        await outlet.tell(event())
        assert outlet.limits == {"default": Usage(5, 100)}


async def test_a_slash_at_the_end_of_an_orgs_address_does_no_harm() -> None:
    async with told() as (salesforce, outlet):
        salesforce.login.instance_url += "/"
        assert await outlet.tell(event()) == Heard("applied")


async def test_a_sent_event_has_no_error() -> None:
    async with told() as (salesforce, outlet):
        stored = event("email_Sent")
        bare = replace(stored, body={**stored.body})
        assert await outlet.tell(bare) == Heard("applied")
        heard: Any = salesforce.heard[0]
        assert "error" not in heard
        assert msgspec.json.encode(heard)
