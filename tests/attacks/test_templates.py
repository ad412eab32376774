"""No template gets out of its sandbox, by whatever door it comes, and none leaves a trace in it.

What is written here is JSON and Handlebars as a stranger would hand them in. The words are those of
handlebars.js: what is missing comes out empty, and what is inherited is missing.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from attacks.besieged import Besieged
from eventually import until

DATA = {"a": [1, 2], "s": "text", "n": 5, "list": [1], "ast": {"type": "Program", "body": []}}
MISSING = "Error: Missing helper: "
NOT_FOUND = "Error: The partial {} could not be found"
NO_HOOK = "TypeError: Cannot read properties of undefined (reading 'call')"
NO_DECORATOR = 'Error: Missing decorator: "constructor"'
# The chain by which version 4.0 was got out of: https://mahmoudsec.blogspot.com/2019/04/
CHAIN = (
    '{{#with "s" as |string|}}{{#with "e"}}{{#with split as |list|}}{{this.pop}}'
    '{{this.push (lookup string.sub "constructor")}}{{this.pop}}{{#with string.split as |code|}}'
    '{{this.pop}}{{this.push "return JSON.stringify(process.env);"}}{{this.pop}}{{#each list}}'
    "{{#with (string.sub.apply 0 code)}}{{this}}{{/with}}{{/each}}{{/with}}{{/with}}{{/with}}"
    "{{/with}}"
)
ESCAPES: tuple[tuple[str, str], ...] = (
    ("{{constructor}}", ""),
    ("{{constructor.constructor}}", ""),
    ("{{this.constructor.prototype}}{{this.[constructor].[prototype]}}", ""),
    ("{{__proto__}}{{this.__proto__.x}}{{a.[__proto__]}}", ""),
    ('{{lookup this "constructor"}}{{lookup a "__proto__"}}', ""),
    ('{{lookup (lookup this "constructor") "constructor"}}', ""),
    ('{{#with (lookup this "constructor")}}in{{/with}}', ""),
    ("{{#with constructor}}in{{/with}}{{#each constructor}}in{{/each}}", ""),
    ("{{#if constructor}}yes{{else}}no{{/if}}{{#if __proto__}}yes{{else}}no{{/if}}", "nono"),
    ("{{#constructor}}in{{/constructor}}{{^constructor}}none{{/constructor}}", "none"),
    ("{{{{constructor}}}}in{{{{/constructor}}}}", ""),
    (CHAIN, ""),
    ("{{#with this as |o|}}{{o.toString.constructor}}{{o.valueOf}}{{/with}}", ""),
    ("{{toString}}{{valueOf}}{{hasOwnProperty}}{{s.constructor}}{{n.toFixed}}", ""),
    ('{{"constructor"}}{{true.constructor}}{{null.constructor}}{{undefined.constructor}}', ""),
    ("{{@root.constructor}}{{@root.__proto__}}{{@constructor}}{{@__proto__}}{{@data}}", ""),
    ("{{../constructor}}{{../../__proto__}}{{@root._parent}}{{@_parent}}", ""),
    ("{{globalThis}}{{process}}{{Handlebars}}{{LIMITS}}{{std}}{{os}}{{console}}{{asked}}", ""),
    ('{{log "x" level="constructor"}}{{log this}}{{#log}}x{{/log}}', ""),
    ("{{*inline}}{{#*inline this}}x{{/inline}}", ""),
    ("{{#with this __proto__=this}}{{polluted}}{{/with}}", ""),
    ("{{#each list __proto__=this}}{{polluted}}{{/each}}", ""),
    ("{{#each s}}x{{/each}}{{#each 5}}x{{/each}}", ""),
    ("{{#each this as |value key|}}{{key}},{{/each}}", "a,s,n,list,ast,"),
    ('{{toString "x"}}', f'{MISSING}"toString"'),
    ('{{__lookupGetter__ "x"}}', f'{MISSING}"__lookupGetter__"'),
    ('{{__defineGetter__ "polluted" toString}}', f'{MISSING}"__defineGetter__"'),
    ("{{a.push 1}}", f'{MISSING}"a.push"'),
    ("{{a.map toString}}", f'{MISSING}"a.map"'),
    ('{{require "fs"}}', f'{MISSING}"require"'),
    ('{{eval "1"}}', f'{MISSING}"eval"'),
    ("{{helperMissing}}", NO_HOOK),
    ('{{helperMissing "x"}}', NO_HOOK),
    ("{{#blockHelperMissing this}}x{{/blockHelperMissing}}", NO_HOOK),
    ("{{> __proto__}}", NOT_FOUND.format("__proto__")),
    ("{{> toString}}", NOT_FOUND.format("toString")),
    ('{{> (lookup . "__proto__")}}', NOT_FOUND.format("undefined")),
    ('{{> (lookup . "ast")}}', NOT_FOUND.format("[object Object]")),
    ("{{> @partial-block}}", NOT_FOUND.format("@partial-block")),
    ('{{#*inline "__proto__"}}x{{/inline}}{{> __proto__}}', NOT_FOUND.format("__proto__")),
    ("{{#> hasOwnProperty}}instead{{/hasOwnProperty}}", "instead"),
    ("{{* constructor}}", NO_DECORATOR),
    ("{{#* constructor}}x{{/constructor}}", NO_DECORATOR),
    ("{{lookup}}", "TypeError: Cannot read properties of undefined (reading 'lookupProperty')"),
    ("{{if}}", "Error: #if requires exactly one argument"),
    ("{{#each}}x{{/each}}", "Error: Must pass iterator to #each"),
    ("{{#with 1 2 3}}x{{/with}}", "Error: #with requires exactly one argument"),
    ("{{each this}}", "TypeError: not a function"),
)
# As JSON, for Python's own way with such names is not the question.
POISON = (
    '{"__proto__": {"polluted": "yes"}, "constructor": {"prototype": {"polluted": "yes"}},'
    ' "list": [{"__proto__": {"polluted": "yes"}}], "x": {"constructor": {"polluted": "yes"}},'
    ' "toString": "x", "hasOwnProperty": "x", "name": "__proto__"}'
)
TRACE = (
    "{{polluted}}{{x.polluted}}{{#each list}}{{polluted}}{{/each}}{{toString}}"
    '{{lookup . "polluted"}}{{@polluted}}{{@root.polluted}}{{#with x}}{{polluted}}{{/with}}[]'
)
POISONERS = (
    "{{#each this}}{{@key}}{{#each this}}{{@key}}{{/each}}{{/each}}",
    "{{#with this}}{{> p __proto__=this polluted=this}}{{> p constructor=this}}{{/with}}",
    "{{#with __proto__ as |x|}}{{x.polluted}}{{/with}}{{constructor.prototype.polluted}}",
    '{{#*inline "__proto__"}}{{polluted}}{{/inline}}{{#*inline "constructor"}}x{{/inline}}',
    "{{> (lookup . 'name')}}",
    "{{__proto__}}",
)


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Besieged]:
    with Besieged(tmp_path_factory.mktemp("besieged")) as besieged:
        partial = {"partial": True, "text": "{{polluted}}"}
        assert besieged.http.put("/v1/templates/p", json=partial).status_code == 201
        assert besieged.http.put("/v1/templates/trace", json={"text": TRACE}).status_code == 201
        yield besieged


def mailed(it: Besieged, source: str, data: str) -> str:
    """What a mail came to: its text, or why there is none."""
    keep(it, "t", source)
    return _mailed(it, "t", data)


def _mailed(it: Besieged, name: str, data: str) -> str:
    template = f'{{"name": {json.dumps(name)}, "data": {data}}}'
    body = f'{{"to": "a@example.com", "message": {{"html": "x"}}, "template": {template}}}'
    it.box.taken.clear()
    one = f"/v1/mail/{it.http.post('/v1/mail', content=body).json()['id']}"
    delivery = until(lambda: _ended(it, one))
    if delivery["state"] == "ERROR":
        return str(delivery["error"])
    part = it.box.mails[0].get_body(("plain",))
    return "" if part is None else part.get_content().removesuffix("\n")


def _ended(it: Besieged, one: str) -> dict[str, Any] | None:
    delivery: dict[str, Any] = it.http.get(one).json()["delivery"]
    return delivery if delivery["state"] in ("SUCCESS", "ERROR") else None


def keep(it: Besieged, id: str, source: str) -> None:
    answer = it.http.put(f"/v1/templates/{id}", json={"text": source})
    assert answer.status_code in (200, 201), answer.text


def rendered(it: Besieged, source: str, data: str) -> str:
    """What it comes to as it is kept."""
    keep(it, "t", source)
    return _tried(it, f'{{"data": {data}}}')


def drafted(it: Besieged, source: str, data: str) -> str:
    """What it comes to as a draft."""
    return _tried(it, f'{{"data": {data}, "document": {json.dumps({"text": source})}}}')


def _tried(it: Besieged, body: str, id: str = "t") -> str:
    answer = it.http.post(f"/v1/templates/{id}/render", content=body)
    found = answer.json()
    return str(found["text"] if answer.status_code == 200 else found["detail"])


def previewed(it: Besieged, source: str, data: str) -> str:
    """What the console shows of it."""
    fields = {"text": source, "sample": data}
    answer = it.http.post("/templates/t/preview", data=fields, headers={"Origin": it.url})
    assert answer.status_code == 200
    return html.unescape(answer.text)


WAYS: dict[str, Callable[[Besieged, str, str], str]] = {
    "mail": mailed,
    "render": rendered,
    "draft": drafted,
    "preview": previewed,
}


@pytest.mark.parametrize("way", WAYS)
def test_no_template_gets_out(it: Besieged, way: str) -> None:
    for source, told in ESCAPES:
        found = WAYS[way](it, source, json.dumps(DATA))
        assert found == told or (way == "preview" and told in found), source
        assert "native code" not in found
        assert "function" not in found.replace("not a function", "")


@pytest.mark.parametrize("way", WAYS)
def test_no_data_shows_in_the_next_render(it: Besieged, way: str) -> None:
    for source in POISONERS:
        WAYS[way](it, source, POISON)
        assert _mailed(it, "trace", '{"x": {}, "list": [{}]}') == "[]", source
        assert _tried(it, '{"data": {"x": {}, "list": [{}]}}', "trace") == "[]", source


def test_no_document_shows_in_the_next_render(it: Besieged) -> None:
    """Templates and users as poison themselves."""
    head = POISON.removesuffix("}")
    document = f'{head}, "text": "{{{{x}}}}", "attachments": [{POISON}], "sample": {POISON}}}'
    assert it.http.put("/v1/templates/t", content=document).status_code in (200, 201)
    assert it.http.put("/v1/users/u", content=f'{head}, "email": "{{{{x}}}}"}}').status_code == 201
    _tried(it, f'{{"data": {POISON}}}')
    body = f'{{"toUids": ["u", "__proto__"], "template": {{"name": "t", "data": {POISON}}}}}'
    assert it.http.post("/v1/mail", content=body).status_code == 201
    assert _mailed(it, "trace", '{"x": {}, "list": [{}]}') == "[]"
    assert it.http.get("/v1/users/u").json()["__proto__"] == {"polluted": "yes"}


@pytest.mark.parametrize(
    "name", ["__proto__", "constructor", "toString", "hasOwnProperty", "partials", "helpers"]
)
def test_a_partial_of_an_odd_name_is_that_partial_or_none(it: Besieged, name: str) -> None:
    one, document = "/v1/templates/odd", {"partial": True, "text": "own", "name": name}
    assert it.http.put(one, json=document).status_code == 201
    told = NOT_FOUND.format(name) if name == "__proto__" else "own"
    try:
        assert mailed(it, f"{{{{> {name}}}}}", "{}") == told
        assert mailed(it, "{{> nope}}", "{}") == NOT_FOUND.format("nope")
        assert mailed(it, "{{> p}}.", "{}") == "."
    finally:
        it.http.delete(one)
    assert mailed(it, f"{{{{> {name}}}}}", "{}") == NOT_FOUND.format(name)


@pytest.mark.parametrize("name", ["__proto__", "constructor", "toString", "../t", "{{s}}"])
def test_a_template_of_an_odd_name_is_none(it: Besieged, name: str) -> None:
    keep(it, "t", "own")
    told = f"Error: Tried to render non-existent template '{name}'"
    assert _mailed(it, name, "{}") == told


def test_what_is_put_in_is_no_template(it: Besieged) -> None:
    data = json.dumps({"a": "{{s}}{{> p}}", "s": "text"})
    assert mailed(it, "{{a}}{{{a}}}{{lookup . 'a'}}", data) == "{{s}}{{> p}}" * 3
