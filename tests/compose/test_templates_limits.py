"""A template that wants too much ends as an error on its own render; the next one renders."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from compose.rendering import Case, Ours, ours
from franking.compose.templates.limits import LIMITS, TEXTS

TIME, COMPILE, MEMORY, SIZE = (TEXTS[name] for name in ("render", "compile", "memory", "size"))
DEPTH = "RangeError: Maximum call stack size exceeded"
ROWS = {"a": list(range(1_000))}
NESTED = "{{#each a}}{{#each ../a}}{{#each ../a}}x{{/each}}{{/each}}{{/each}}"
# Each of 40 partials has the one before it twice.
DOUBLING = {f"p{i}": f"{{{{> p{i - 1}}}}}" * 2 for i in range(1, 40)} | {"p0": "x" * 1000}
SILENT = {f"p{i}": f"{{{{> p{i - 1}}}}}" * 2 for i in range(1, 40)} | {"p0": " "}
INLINE = '{{#*inline "i"}}{{> i}}{{/inline}}'
BLOCK = "{{#> p}}{{> @partial-block}}{{/p}}"
INDENTED = "{{#each a}}\n" + " " * 900 + "{{> p}}\n{{/each}}"
HELLO = Case("Hi {{name}}", {"name": "Ada"})


def nested(depth: int) -> Any:
    inner: Any = 1
    for _ in range(depth):
        inner = [inner]
    return inner


PARSE = "Error: Parse error on line 1:"
LEXICAL = "Error: Lexical error on line 1."

# Each with how it may end: which limit is met first is the machine's to say.
BOMBS: list[tuple[str, Case, tuple[str, ...]]] = [
    ("loops", Case(NESTED, ROWS), (TIME,)),
    ("loops that print", Case(NESTED.replace("x", "x" * 1000), ROWS), (TIME, MEMORY)),
    ("a partial of itself", Case("{{> p}}", {}, {"p": "{{> p}}"}), (DEPTH,)),
    ("two of each other", Case("{{> p}}", {}, {"p": "a{{> q}}", "q": "b{{> p}}"}), (DEPTH,)),
    ("itself, twice", Case("{{> p}}", {}, {"p": "{{> p}}{{> p}}"}), (DEPTH, TIME)),
    ("texts that double", Case("{{> p39}}", {}, DOUBLING), (TIME, MEMORY)),
    ("renders that double", Case("{{> p39}}", {}, SILENT), (TIME,)),
    ("an inline one of itself", Case(f"{INLINE}{{{{> i}}}}", {}), (DEPTH,)),
    ("a block of itself", Case("{{#> p}}x{{/p}}", {}, {"p": BLOCK}), (DEPTH, TIME)),
    ("blocks in blocks", Case("{{#if a}}" * 5_000 + "{{/if}}" * 5_000, {}), (DEPTH, COMPILE)),
    ("a long path", Case("{{" + "a." * 100_000 + "a}}", {}), (DEPTH, COMPILE, MEMORY)),
    ("calls in calls", Case("{{lookup " + "(lookup " * 20_000, {}), (COMPILE, MEMORY, PARSE)),
    ("many tags", Case("{{a}}" * 150_000, {}), (COMPILE, MEMORY)),
    ("many open tags", Case("{{#a}}" * 100_000, {}), (COMPILE, MEMORY, DEPTH)),
    ("an open text", Case('{{a "' + '\\"' * 400_000, {}), (COMPILE, MEMORY, PARSE)),
    ("escapes", Case("\\{{" * 200_000, {}), (COMPILE, MEMORY)),
    ("open comments", Case("{{!--" * 100_000, {}), (COMPILE, MEMORY, LEXICAL)),
    ("much space", Case("{{^" + " " * 900_000 + "x", {}), (COMPILE, MEMORY, PARSE)),
    ("large data", Case("x", {"a": [{"b": i} for i in range(700_000)]}), (MEMORY, COMPILE)),
    ("huge data", Case("x", {"a": "é" * 40_000_000}), (MEMORY,)),
    ("much text", Case("{{{a}}}" * 11, {"a": "x" * 1_000_000}), (SIZE,)),
    ("very much text", Case("{{{a}}}" * 45, {"a": "x" * 1_000_000}), (SIZE,)),
    ("much text, two octets each", Case("{{{a}}}" * 6, {"a": "é" * 1_000_000}), (SIZE,)),
    ("escaping", Case("{{a}}" * 9, {"a": "<" * 1_000_000}), (SIZE, MEMORY, TIME)),
    ("indents", Case(INDENTED, ROWS, {"p": "x\n" * 900}), (TIME, MEMORY)),
]


def test_the_limits_are_those_that_are_told() -> None:
    assert TIME == "Error: The template took longer than 250 ms."
    assert COMPILE == "Error: The template took longer than 2 s to compile."
    assert MEMORY == "Error: The template needed more than 64 MB of memory."
    assert SIZE == "Error: The rendered email is larger than 10 MB."


@pytest.fixture(scope="module")
def hasty() -> Iterator[Ours]:
    """Has less time to compile, for the sake of whoever waits for these tests."""
    with ours(msgspec.structs.replace(LIMITS, compile_ms=500)) as renderer:
        yield renderer


@pytest.fixture(scope="module")
def it() -> Iterator[Ours]:
    with ours() as renderer:
        yield renderer


@pytest.mark.parametrize(("case", "ends"), [bomb[1:] for bomb in BOMBS], ids=[b[0] for b in BOMBS])
def test_a_bomb_ends_as_an_error_of_its_own_and_the_next_one_renders(
    hasty: Ours, case: Case, ends: tuple[str, ...]
) -> None:
    assert hasty.told(case)[:200].startswith(ends)
    assert hasty.told(HELLO) == "Hi Ada"


@pytest.mark.parametrize(
    "case",
    [
        Case("{{a}}" * 9, {"a": "x" * 1_000_000}),
        Case("{{> p}}", {"a": {"a": {"a": {}}}}, {"p": "{{#with a}}{{> p}}{{/with}}"}),
        Case("{{#each a}}{{this}},{{/each}}", {"a": list(range(20_000))}),
        Case("".join(f"{{{{a{i}}}}}" for i in range(3_000)) + "é" * 200_000, {"a7": 1}),
        Case("{{a}}", {"a": nested(500)}),
        Case("{{#if a}}" * 100 + "x" + "{{/if}}" * 100, {"a": 1}),
    ],
    ids=[
        "9 MB",
        "a tree",
        "many rows",
        "many tags in much text",
        "deep data",
        "100 blocks in each other",
    ],
)
def test_what_is_large_but_no_bomb_renders(it: Ours, case: Case) -> None:
    assert not it.told(case).startswith(("Error", "RangeError"))
