"""The language is handlebars.js's own: no template comes to anything else than under Node."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings

from compose.rendering import NODE, Case, Node, Ours, node, ours
from compose.template_cases import CASES
from compose.template_drawn import cases

pytestmark = pytest.mark.skipif(NODE is None, reason="there is no Node here")


@pytest.fixture(scope="module")
def here() -> Iterator[Ours]:
    with ours() as renderer:
        yield renderer


@pytest.fixture(scope="module")
def there() -> Iterator[Node]:
    with node() as running:
        yield running


def test_every_feature_of_the_language_is_among_the_cases() -> None:
    assert len(CASES) >= 120
    assert len({repr(case) for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.part}: {case.source!r:.60}")
def test_a_template_comes_to_what_it_comes_to_in_node(here: Ours, there: Node, case: Case) -> None:
    assert here.told(case) == there.told(case)


@given(case=cases())
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_is_written_comes_to_the_same_in_node(here: Ours, there: Node, case: Case) -> None:
    assert here.told(case) == there.told(case)
