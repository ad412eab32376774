"""The contract's cases for templates, by the engine alone.

The numbers are those of the Trigger Email contract, section 10; where section 9 differs on
purpose, its right column is what must happen.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from compose.rendering import Ours, ours
from franking.compose.envelope import Unsendable
from franking.compose.templates import Rendered
from franking.compose.templates.plan import Plan
from franking.core.template import Book, Template, book, read

ADA = {"username": "ada", "name": "Ada <L>"}
ALL = "<&\"'`=>"
ESCAPED = "&lt;&amp;&quot;&#x27;&#x60;&#x3D;&gt;"
FOOTER = read("footer", {"partial": True, "html": "<i>{{who}}</i>"})


def shelf(*templates: Template, **parts: Any) -> Book:
    return book(parts.pop("version", 1), [*templates, read("it", parts)])


def filed(name: str) -> Rendered:
    return Rendered(attachments=({"filename": name, "content": "x"},))


FOLLOWING: dict[str, Any] = {
    "subject": "@{{username}} is now following you!",
    "html": "Hi <code>@{{username}}</code> ({{name}})",
    "text": "{{name}} & co",
}
FOLLOWED = Rendered(
    subject="@ada is now following you!",
    html="Hi <code>@ada</code> (Ada &lt;L&gt;)",
    text="Ada <L> & co",
)
INLINE = '{{#*inline "i"}}I{{n}}{{/inline}}{{> i n="1"}}'
FILE = [{"filename": "{{v}}.txt", "content": "x"}]

GOOD: list[tuple[str, Book, Any, Rendered]] = [
    ("52", shelf(**FOLLOWING), ADA, FOLLOWED),
    (
        "53",
        shelf(attachments=[{"filename": "{{username}}.jpg"}]),
        ADA,
        Rendered(attachments=({"filename": "ada.jpg"},)),
    ),
    ("54 html", shelf(html="{{v}}|{{{v}}}"), {"v": ALL}, Rendered(html=f"{ESCAPED}|{ALL}")),
    ("54 amp", shelf(amp="{{v}}|{{{v}}}"), {"v": ALL}, Rendered(amp=f"{ESCAPED}|{ALL}")),
    ("54 text", shelf(text="{{v}}|{{{v}}}"), {"v": ALL}, Rendered(text=f"{ALL}|{ALL}")),
    ("54 subject", shelf(subject="{{v}}"), {"v": ALL}, Rendered(subject=ALL)),
    ("55", shelf(FOOTER, html="x {{> footer}}"), {"who": "&"}, Rendered(html="x <i>&amp;</i>")),
    ("59", shelf(html=INLINE), {}, Rendered(html="I1")),
    ("62", shelf(subject="m[{{no}}]", html="a[{{no.no}}]"), {}, Rendered("m[]", None, "a[]")),
    ("62, no data", shelf(subject="m[{{no}}]", text="{{a.b}}"), None, Rendered("m[]", "")),
    ("67", shelf(attachments=FILE), {"v": 'a"b'}, filed('a"b.txt')),
    ("68", shelf(attachments=FILE), {"v": "a\nb"}, filed("a\nb.txt")),
]  # fmt: skip

NOPE = "Error: Tried to render non-existent template 'nope'"
BAD: list[tuple[str, Book, str, str]] = [
    (
        "56",
        shelf(FOOTER, subject="{{> footer}}", html="x"),
        "it",
        "Error: The partial footer could not be found",
    ),
    ("57", shelf(html="{{> nothere}}"), "it", "Error: The partial nothere could not be found"),
    ("63", shelf(html="{{upper name}}"), "it", 'Error: Missing helper: "upper"'),
    ("64", shelf(html="{{#if}"), "it", "Error: Parse error on line 1:\n{{#if}\n-----^\n"),
    (
        "66",
        shelf(attachments=[{"filename": "{{nope}}.jpg"}]),
        "it",
        'Error: "nope" not defined in [object Object] - 1:16',
    ),
    ("69", shelf(text="x"), "nope", NOPE),
    ("70", shelf(read("nope", {"partial": True, "text": "x"}), text="x"), "nope", NOPE),
]


@pytest.fixture(scope="module")
def it() -> Iterator[Ours]:
    with ours() as renderer:
        yield renderer


@pytest.mark.parametrize(
    ("written", "data", "rendered"), [good[1:] for good in GOOD], ids=[good[0] for good in GOOD]
)
def test_a_template_is_rendered(it: Ours, written: Book, data: Any, rendered: Rendered) -> None:
    assert it.render(written, "it", data) == rendered


@pytest.mark.parametrize(
    ("written", "name", "error"), [bad[1:] for bad in BAD], ids=[bad[0] for bad in BAD]
)
def test_a_template_that_can_not_be_rendered_says_why(
    it: Ours, written: Book, name: str, error: str
) -> None:
    found = it.render(written, name, ADA)
    assert isinstance(found, Unsendable)
    assert found.error.startswith(error)
    assert found == Unsendable(found.error), "and trying again would change nothing"


def test_the_first_part_that_fails_gives_the_error_as_the_extension_renders_them(it: Ours) -> None:
    parts: dict[str, Any] = {
        "subject": "{{b 1}}",
        "html": "{{c}",
        "text": "{{d 1}}",
        "amp": "{{e 1}}",
    }
    told = []
    for part in ("subject", "html", "text", "amp"):
        found = it.render(shelf(**parts, attachments=[{"content": "{{f}}"}]), "it", {})
        parts[part] = "fine"
        told.append(found.error if isinstance(found, Unsendable) else "")
    assert told[0] == 'Error: Missing helper: "b"'
    assert told[1].startswith("Error: Parse error")
    assert told[2:] == ['Error: Missing helper: "d"', 'Error: Missing helper: "e"']


def test_every_text_of_an_attachment_is_a_template_of_its_own(it: Ours) -> None:
    written = shelf(
        attachments=[
            {
                "filename": "{{v}}",
                "content": "no tags: \\ }}",
                "encoding": None,
                "headers": {"X-{{n}}": "{{{v}}}", "list": ["{{n}}", 1, True, {"deep": "{{v}}"}]},
            },
            {"path": "data:text/plain,{{n}}"},
        ]
    )
    assert it.render(written, "it", {"v": ALL, "n": 7}) == Rendered(
        attachments=(
            {
                "filename": ALL,
                "content": "no tags: \\ }}",
                "encoding": None,
                "headers": {"X-7": ALL, "list": ["7", 1, True, {"deep": ALL}]},
            },
            {"path": "data:text/plain,7"},
        )
    )


@pytest.mark.parametrize(
    "attachments",
    [
        [{"filename": "{{nope}}"}],
        [{"filename": "a{{name}}b{{nope}}"}],
        [{"filename": "é"}, {"path": '"', "cid": "{{nope}}"}],
        [{"headers": {"a": "x", "{{nope}}": "y"}}],
        [{"raw": [1, None, {"a": {}}, True, "{{nope}}"]}],
    ],
)
def test_the_place_of_an_error_is_counted_in_the_json_of_all_attachments(
    it: Ours, attachments: Any
) -> None:
    written = json.dumps(attachments, ensure_ascii=False, separators=(",", ":"))
    place = written.index("{{nope}}") + 2
    found = it.render(shelf(attachments=attachments), "it", ADA)
    assert found == Unsendable(f'Error: "nope" not defined in [object Object] - 1:{place}')


def test_each_value_in_attachments_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else what is nested deep would cost as many times its size."""
    written: list[int] = []
    dumps = json.dumps

    def counted(value: Any, **given: Any) -> str:
        found = dumps(value, **given)
        written.append(len(found))
        return found

    deep: Any = ["{{a}}", "x" * 100, 1.5, None, {}, []]
    for _ in range(90):
        deep = [deep, {"é": "x"}]
    whole = [{"a": deep}, {"b": "{{b}}"}]
    monkeypatch.setattr(json, "dumps", counted)
    found = [*Plan(read("it", {"attachments": whole})).sources.values()]
    text = dumps(whole, ensure_ascii=False, separators=(",", ":"))
    assert [source.column for source in found] == [text.index("{{a}}"), text.index("{{b}}")]
    assert sum(written) <= len(text)


def test_below_its_first_line_a_field_counts_its_own_places(it: Ours) -> None:
    found = it.render(shelf(attachments=[{"filename": "\n{{nope}}"}]), "it", ADA)
    assert found == Unsendable('Error: "nope" not defined in [object Object] - 2:2')


def test_a_part_without_source_is_none_and_one_that_comes_out_empty_is_not(it: Ours) -> None:
    assert it.render(shelf(subject="", text=None, html="{{no}}"), "it", {}) == Rendered(html="")
    assert it.render(shelf(), "it", {}) == Rendered()


def test_a_change_of_template_or_partial_counts_at_once_and_what_was_removed_is_gone(
    it: Ours,
) -> None:
    before = shelf(FOOTER, html="1{{> footer}}")
    assert it.render(before, "it", {}) == Rendered(html="1<i></i>")
    changed = shelf(read("footer", {"partial": True, "html": "F"}), version=2, html="2{{> footer}}")
    assert it.render(changed, "it", {}) == Rendered(html="2F")
    gone = shelf(version=3, html="2{{> footer}}")
    lost = Unsendable("Error: The partial footer could not be found")
    assert it.render(gone, "it", {}) == lost
    assert it.render(before, "it", {}) == Rendered(html="1<i></i>"), "the older one as it was"
    assert it.render(book(4, []), "it", {}) == Unsendable(NOPE.replace("nope", "it"))


def test_parts_know_nothing_of_each_other(it: Ours) -> None:
    written = shelf(
        read("p", {"partial": True, "text": "T", "html": "H", "amp": "A", "subject": "S"}),
        **dict.fromkeys(("subject", "text", "html", "amp"), "{{> p}}"),
    )
    assert it.render(written, "it", {}) == Rendered("S", "T", "H", "A")


def test_a_half_of_a_pair_is_written_as_node_writes_it_and_no_octet_is_lost(it: Ours) -> None:
    written = shelf(text="{{a}}|{{lookup b 0}}|{{b}}{{c}}")
    data = {"a": "\ud800", "b": "😀", "c": "\x00end"}
    assert it.render(written, "it", data) == Rendered(text="\ufffd|\ufffd|😀\x00end")
