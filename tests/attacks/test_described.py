"""Calls in the orders that /openapi.json suggests, on the whole service: all is as described."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from attacks.besieged import Besieged
from attacks.hostile import examples

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)
# One never ends, and after the first key every call would need one.
ELSEWHERE = "^/v1/(events|keys)"
STEPS = 10


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Besieged]:
    with Besieged(tmp_path_factory.mktemp("besieged")) as besieged:
        yield besieged


def test_what_follows_from_an_answer_is_answered_as_described(it: Besieged) -> None:
    schema = schemathesis.openapi.from_url(f"{it.url}/openapi.json")
    machine: Any = schema.exclude(path_regex=ELSEWHERE).as_state_machine()
    answered: set[int] = set()

    class Machine(machine):  # type: ignore[misc]
        def validate_response(self, response: Any, case: Any, *_: Any, **__: Any) -> None:
            answered.add(response.status_code)
            case.validate_response(response, checks=CHECKS)

    Machine.run(settings=settings(examples(8), stateful_step_count=STEPS))
    assert {200, 400, 404} <= answered


# What no other call makes: a template with everything, seen by each call that tells of one.
TEMPLATE = {
    "subject": "{{a}}",
    "text": "{{a}}",
    "html": "<p>{{a}}</p>",
    "amp": "<p>{{a}}</p>",
    "attachments": [{"filename": "{{a}}.txt", "content": "{{a}}"}],
    "name": "full",
    "more": {"kept": [1, None]},
}
TOLD = (
    ("PUT", "/v1/templates/{id}", TEMPLATE),
    ("GET", "/v1/templates/{id}", None),
    ("GET", "/v1/templates", None),
    ("POST", "/v1/templates/{id}/render", {"data": {"a": 1}}),
    ("POST", "/v1/templates/{id}/render", {"data": None, "document": {"text": "x"}}),
    ("POST", "/v1/templates/{id}/render", {"document": {"text": "{{#each"}}),
    ("PUT", "/v1/users/{id}", {"email": "a@example.com", "more": []}),
    ("GET", "/v1/users/{id}", None),
    ("GET", "/v1/users", None),
    ("POST", "/v1/mail", {"toUids": ["one"], "template": {"name": "full", "data": {"a": 1}}}),
    ("POST", "/v1/webhooks", {"url": "http://127.0.0.1:1/", "types": ["onStart"]}),
    ("GET", "/v1/webhooks", None),
    ("DELETE", "/v1/templates/{id}", None),
    ("DELETE", "/v1/users/{id}", None),
)


def test_templates_users_and_webhooks_are_told_as_described(it: Besieged) -> None:
    schema = schemathesis.openapi.from_url(f"{it.url}/openapi.json")
    for method, path, body in TOLD:
        operation: Any = schema[path][method]
        names = {"id": "one"} if "{id}" in path else {}
        more = {} if body is None else {"body": body, "media_type": "application/json"}
        case = operation.Case(path_parameters=names, **more)
        answer = case.call_and_validate(base_url=it.url, checks=CHECKS)
        expected = 422 if body == {"document": {"text": "{{#each"}} else 0
        assert answer.status_code == expected or 200 <= answer.status_code < 300, answer.text
