"""The OpenAPI document: whole, true to the routes, and true to what is answered."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from franking.apis.openapi import PROBLEMS
from franking.apis.schemas import SCHEMAS
from franking.core.message import shape
from franking.core.message.limits import _DOCUMENT as LIMITED
from franking.core.message.limits import _MESSAGE as LIMITED_MESSAGE
from franking.core.message.options import _FIELDS as OPTIONS

CALLS = {
    ("/v1/mail", "get"),
    ("/v1/mail", "post"),
    ("/v1/mail/batch", "post"),
    ("/v1/mail/{id}", "get"),
    ("/v1/mail/{id}", "put"),
    ("/v1/mail/{id}", "patch"),
    ("/v1/mail/{id}", "delete"),
    ("/v1/mail/{id}/timeline", "get"),
    ("/v1/mail/{id}/retry", "post"),
    ("/v1/mail/retry", "post"),
    ("/v1/accounts", "get"),
    ("/v1/accounts/{id}", "get"),
    ("/v1/accounts/{id}", "put"),
    ("/v1/accounts/{id}", "delete"),
    ("/v1/accounts/{id}/pause", "post"),
    ("/v1/accounts/{id}/resume", "post"),
    ("/v1/accounts/{id}/test", "post"),
    ("/v1/accounts/rekey", "post"),
    ("/v1/templates", "get"),
    ("/v1/templates/{id}", "get"),
    ("/v1/templates/{id}", "put"),
    ("/v1/templates/{id}", "delete"),
    ("/v1/templates/{id}/render", "post"),
    ("/v1/users", "get"),
    ("/v1/users/{id}", "get"),
    ("/v1/users/{id}", "put"),
    ("/v1/users/{id}", "delete"),
    ("/v1/bounces", "post"),
    ("/v1/suppressions", "get"),
    ("/v1/suppressions/{address}", "put"),
    ("/v1/suppressions/{address}", "delete"),
    ("/v1/errors/unknown", "get"),
    ("/v1/explain", "get"),
    ("/v1/timers", "get"),
    ("/cadence/touchpoints", "get"),
    ("/cadence/touchpoints", "post"),
    ("/cadence/touchpoints/{id}", "get"),
    ("/cadence/touchpoints/{id}", "delete"),
    ("/cadence/touchpoints/{id}/complete", "post"),
    ("/cadence/touchpoints/{id}/retry", "post"),
    ("/cadence/touchpoints/retry", "post"),
    ("/cadence/errors", "get"),
    ("/services/apexrest/DS_Packages/DialSourceCadenceServices", "post"),
    ("/v1/outbox", "get"),
    ("/v1/outbox/resend", "post"),
    ("/v1/cadence/check", "get"),
    ("/v1/cadence/check/repair", "post"),
    ("/v1/events", "get"),
    ("/v1/webhooks", "get"),
    ("/v1/webhooks", "post"),
    ("/v1/webhooks/{id}", "get"),
    ("/v1/webhooks/{id}", "put"),
    ("/v1/webhooks/{id}", "delete"),
    ("/v1/webhooks/{id}/test", "post"),
    ("/v1/webhooks/{id}/deliveries", "get"),
    ("/v1/webhooks/{id}/resend", "post"),
    ("/v1/keys", "get"),
    ("/v1/keys", "post"),
    ("/v1/keys/{id}", "delete"),
    ("/healthz", "get"),
    ("/readyz", "get"),
    ("/metrics", "get"),
}


async def described(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    found: dict[str, Any] = answer.json()
    return found


async def test_every_call_is_described(client: httpx.AsyncClient) -> None:
    document = await described(client)
    paths = document["paths"]
    assert {(path, method) for path, calls in paths.items() for method in calls} == CALLS
    operations = [call for calls in paths.values() for call in calls.values()]
    assert all(operation["summary"] for operation in operations)
    assert len({operation["operationId"] for operation in operations}) == len(CALLS)


async def test_every_problem_of_a_call_is_described(client: httpx.AsyncClient) -> None:
    document = await described(client)
    for calls in document["paths"].values():
        for operation in calls.values():
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    assert response["description"] == PROBLEMS[int(status)]
                    assert "application/problem+json" in response["content"]


async def test_only_our_own_shapes_are_named(client: httpx.AsyncClient) -> None:
    document = await described(client)
    assert set(document["components"]["schemas"]) == set(SCHEMAS)


def test_every_field_of_a_document_that_is_looked_at_is_described() -> None:
    """But `delivery`, which only some calls take."""
    known = {name for table in (shape._PAYLOAD, LIMITED) for name, _ in table}
    assert known | set(OPTIONS) == set(SCHEMAS["MailDocument"]["properties"])
    described = SCHEMAS["MailDocument"]["properties"]
    within = {
        "message": {name for table in (shape._MESSAGE, LIMITED_MESSAGE) for name, _ in table},
        "template": {name for name, _ in shape._TEMPLATE},
        "sendGrid": {name for name, _ in shape._SEND_GRID},
    }
    assert within == {field: set(described[field]["properties"]) for field in within}
    assert set(shape.ATTACHMENT_FIELDS) == set(SCHEMAS["Attachment"]["properties"])


async def test_nothing_is_fetched_from_elsewhere(client: httpx.AsyncClient) -> None:
    assert "://" not in (await client.get("/openapi.json")).text


@pytest.fixture
def limits() -> settings:
    return settings(
        max_examples=5,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )


async def test_what_is_answered_is_what_is_described(
    address: str, client: httpx.AsyncClient, limits: settings
) -> None:
    # On the way keys are made, and from then on a call needs one.
    made = await client.post("/v1/keys", json={"scopes": ["admin"]})
    key = {"authorization": f"Bearer {made.json()['key']}"}
    await asyncio.to_thread(_walked, address, limits, key)


def _walked(address: str, limits: settings, key: dict[str, str]) -> None:
    schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
    for result in schema.exclude(path="/v1/events").get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr]
        strategies = [operation.as_strategy(generation_mode=mode) for mode in MODES]
        for strategy in strategies:
            _checked(strategy, limits, address, key)


@schemathesis.serializer("message/rfc822")
def as_it_is(context: schemathesis.SerializationContext, value: Any) -> bytes:
    """A mail is sent as its text is."""
    return str(value).encode("utf-8", "replace")


MODES = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)


def _checked(strategy: Any, limits: settings, address: str, key: dict[str, str]) -> None:
    @limits
    @given(case=strategy)
    def call(case: Any) -> None:
        answer = case.call_and_validate(base_url=address, checks=CHECKS, headers=key)
        assert answer.status_code not in (401, 429)

    # A call without parameters can't be called wrongly.
    with suppress(Unsatisfiable):
        call()
