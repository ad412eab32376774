"""Templates with every feature of the Handlebars language, for both renderers."""

from __future__ import annotations

from typing import Any

from compose.rendering import Case

PEOPLE = [{"first": "Ada", "last": "Lovelace"}, {"first": "Alan", "last": "<Turing>"}]
ORDER = {"id": 7, "items": [{"name": "Pen", "price": 1.5}, {"name": "Ink & co", "price": 12}]}
ODD = '<a href="x">\'`=&</a>'
FALSY = {"no": False, "zero": 0, "empty": "", "null": None, "list": [], "map": {}, "nan": "NaN"}
DEEP: dict[str, Any] = {"a": {"b": {"c": {"d": "deep"}}}}
TREE = {"v": 1, "kids": [{"v": 2, "kids": []}, {"v": 3, "kids": [{"v": 4, "kids": []}]}]}

_EXPRESSIONS = [
    Case("{{a}} {{ a }} {{\n a \n}}", {"a": "x"}),
    Case("{{a.b.c.d}} {{a/b/c/d}} {{a.b}}", DEEP),
    Case("{{none}}|{{none.of.it}}|{{a.none}}", {"a": "x"}),
    Case("{{this}} {{.}} {{this.a}} {{./a}} {{[a]}}", {"a": 1}),
    Case("{{[a b].[c-d]}} {{['x']}} {{[@x]}}", {"a b": {"c-d": 1}, "x": 2, "@x": 3}),
    Case(
        "{{articles.[1].[#x]}} {{articles.1.[#x]}} {{articles.[0]}}", {"articles": [1, {"#x": 2}]}
    ),
    Case("{{a.length}} {{b.length}} {{c.length}}", {"a": [1, 2], "b": "four", "c": {}}),
    Case("{{s.0}} {{s.1}} {{lookup s 2}}", {"s": "abc"}),
    Case("{{s.0}}|{{s.1}}|{{lookup s 0}}", {"s": "😀"}),
    Case("{{a}} {{b}} {{c}} {{d}}", {"a": 1e21, "b": 1e-7, "c": 0.1 + 0.2, "d": -0.0}),
    Case("{{a}} {{b}} {{c}}", {"a": 12345678901234567890, "b": 9007199254740993, "c": 1.0}),
    Case("{{a}}|{{b}}|{{c}}|{{d}}", {"a": True, "b": False, "c": None, "d": 0}),
    Case("{{a}}|{{b}}|{{c}}", {"a": [1, [2, 3], None, {}], "b": {"x": 1}, "c": []}),
    Case("{{no}}|{{zero}}|{{empty}}|{{null}}|{{list}}|{{map}}", FALSY),
    Case("{{ünï.çödé}} {{名前}} {{a}}", {"ünï": {"çödé": "ø"}, "名前": "花子", "a": "👩‍👩‍👧"}),
    Case("{{a}}", {"a": "nul \x00, bell \x07, line\nbreak, tab\t, \u2028 \u2029 \ufeff"}),
    Case("{{a}}{{b}}", None),
    Case("{{this}}|{{.}}|{{@root}}|{{#with this}}x{{else}}y{{/with}}", None),
    Case("{{this}}", {}),
    Case("{{true}} {{false}} {{null}} {{undefined}} {{1}} {{-1.5}}", {"true": "t", "1": "one"}),
    Case("{{'a b'}} {{\"c\"}} {{12}}", {"a b": "quoted", "c": "d", "12": "number"}),
    Case("{{a}}", {"a": {"toString": "x"}}),
    Case("no tags at all: } }} { {a} \\ $&"),
    Case(""),
]

_ESCAPING = [
    *[Case("{{v}}|{{{v}}}|{{&v}}", {"v": ODD}, part=part) for part in ("html", "text", "subject")],
    Case("{{v}}", {"v": ODD}, part="amp"),
    Case("{{v}} {{{v}}}", {"v": "&amp; already"}),
    Case(r"\{{raw}} \\{{a}} \\\{{a}} {{a}} \{{{x}}}", {"a": "A"}),
    Case(r"\{{not}} then {{a}} \{{b}} end", {"a": 1, "b": 2}),
    Case("{{{{raw}}}} {{a}} {{{{/raw}}}}", {"a": 1}),
    Case("{{{{raw a}}}} {{x}} {{{{/raw}}}}", {"raw": "r", "a": 1}),
    Case("{{{{if a}}}} {{x}} {{{{/if}}}}", {"a": 1}),
    Case("{{#if v}}{{{v}}}{{v}}{{/if}}", {"v": "<"}, part="text"),
    Case("{{> p}}", {"v": "<&>"}, {"p": "{{v}}{{{v}}}"}, part="subject"),
    Case("{{lookup this 'v'}} {{{lookup this 'v'}}}", {"v": "<b>"}),
    Case("{{v}}", {"v": ["<", "&"]}),
]

_BLOCKS = [
    Case("{{#if a}}yes{{else}}no{{/if}}{{#unless a}}un{{else}}less{{/unless}}", {"a": 1}),
    *[Case(f"{{{{#if {name}}}}}y{{{{else}}}}n{{{{/if}}}}", FALSY) for name in [*FALSY, "none"]],
    *[Case(f"{{{{#if {name} includeZero=true}}}}y{{{{/if}}}}", FALSY) for name in ("zero", "no")],
    *[Case(f"{{{{#{name}}}}}[{{{{this}}}}]{{{{^}}}}n{{{{/{name}}}}}", FALSY) for name in FALSY],
    Case("{{#unless zero includeZero=true}}y{{else}}n{{/unless}}", FALSY),
    Case("{{#if a}}1{{else if b}}2{{else if c}}3{{else}}4{{/if}}", {"c": True}),
    Case("{{#if a}}1{{else unless b}}2{{/if}}", {}),
    Case("{{^a}}none{{/a}}{{^if a}}inverse{{/if}}", {}),
    Case("{{#people}}{{first}} {{last}};{{/people}}", {"people": PEOPLE}),
    Case("{{#order}}{{id}}{{/order}}{{#a}}{{.}}{{/a}}", {"order": ORDER, "a": "text"}),
    Case("{{#if a}}{{#if b}}{{#if c}}x{{/if}}y{{/if}}z{{/if}}", {"a": 1, "b": 1}),
    Case("{{#with order}}{{id}} {{../x}}{{/with}}", {"order": ORDER, "x": "up"}),
    Case("{{#with none}}y{{else}}n{{/with}}{{#with list}}y{{else}}n{{/with}}", {"list": []}),
    Case(
        "{{#with order as |o|}}{{o.id}}"
        "{{#with o.items as |i|}}{{i.length}}{{o.id}}{{/with}}{{/with}}",
        {"order": ORDER},
    ),
    Case("{{#with (lookup people 1)}}{{last}}{{/with}}", {"people": PEOPLE}),
    Case(
        "{{#each people}}{{@index}}{{@key}}{{@first}}{{@last}} {{first}};{{/each}}",
        {"people": PEOPLE},
    ),
    Case(
        "{{#each map}}{{@key}}={{this}},{{@index}}{{@first}}{{@last}};{{/each}}",
        {"map": {"b": 1, "a": 2, "10": 3, "9": 4}},
    ),
    Case("{{#each list}}x{{else}}none{{/each}}{{#each map}}x{{else}}none{{/each}}", FALSY),
    Case("{{#each none}}x{{else}}none{{/each}}{{#each s}}x{{else}}text{{/each}}", {"s": "abc"}),
    Case(
        "{{#each n}}x{{else}}number{{/each}}{{#each t}}x{{else}}true{{/each}}", {"n": 3, "t": True}
    ),
    Case(
        "{{#each people as |p i|}}{{i}}{{p.first}}"
        "{{#each p as |v k|}}{{k}}{{v}}{{i}}{{/each}}{{/each}}",
        {"people": PEOPLE},
    ),
    Case(
        "{{#each rows}}{{#each this}}{{@../index}}.{{@index}}={{this}} {{/each}}|{{/each}}",
        {"rows": [[1, 2], [], [3]]},
    ),
    Case(
        "{{#each a}}{{#each ../b}}{{../this}}{{this}}{{../../c}} {{/each}}{{/each}}",
        {"a": [1, 2], "b": ["x", "y"], "c": "!"},
    ),
    Case("{{#each a}}{{this}}{{@root.a.length}}{{@root.b}}{{/each}}", {"a": [None, 0, ""], "b": 9}),
    Case("{{#each a}}[{{this}}]{{/each}}", {"a": [None, False, 0, "", [], {}, [None]]}),
    Case(
        "{{#each a}}{{#if @first}}<{{/if}}"
        "{{#if @last}}>{{/if}}{{#unless @last}},{{/unless}}{{/each}}",
        {"a": [1, 2, 3]},
    ),
    Case("{{#each .}}{{@key}}:{{.}} {{/each}}", {"x": 1, "y": 2}),
    Case(
        "{{lookup a 0}} {{lookup m 'k'}} {{lookup m k}} {{lookup a i}} {{lookup none 'x'}}",
        {"a": ["first"], "m": {"k": "v", "kk": "w"}, "k": "kk", "i": 5},
    ),
    Case(
        "{{#each names}}{{lookup ../places @index}}{{/each}}",
        {"names": ["a", "b"], "places": ["x", "y"]},
    ),
    Case("{{lookup (lookup this 'a') 'b'}}{{#if (lookup a 'b')}}y{{/if}}", {"a": {"b": 1}}),
    Case("{{log 'x' level='error'}}{{log a b}}{{log}}done", {"a": 1}),
    Case("{{#log 'x'}}inside{{/log}}", {}),
    Case("{{#each a}}{{#with this}}{{b}}{{@index}}{{/with}}{{/each}}", {"a": [{"b": 1}]}),
    Case("{{@root.x}} {{@none}} {{@root}} {{@index}} {{@level}}", {"x": 1}),
    Case(
        "{{#each a as |x|}}{{#each x as |y|}}{{#each y as |z|}}{{z}}{{/each}}{{/each}}{{/each}}",
        {"a": [[[1, 2], [3]], [[4]]]},
    ),
    Case("{{#if}}x{{/if}}", {}),
    Case("{{#if a b}}x{{/if}}", {}),
    Case("{{#unless a b c}}x{{/unless}}", {}),
    Case("{{#with}}x{{/with}}", {}),
    Case("{{#with a b}}x{{/with}}", {"a": 1}),
    Case("{{#each}}x{{/each}}", {}),
    Case("{{lookup}}|{{lookup a}}", {"a": 1}),
    Case("{{if a}}|{{each a}}|{{unless a}}", {"a": [1]}),
    Case("{{each}}", {}),
    Case("{{with a}}", {"a": 1}),
    Case("{{blockHelperMissing}}|{{helperMissing}}|{{#helperMissing}}x{{/helperMissing}}", {}),
    Case("{{#blockHelperMissing a}}x{{/blockHelperMissing}}", {"a": 1}),
    Case("{{upper name}}", {"name": "x"}),
    Case("{{#upper name}}x{{/upper}}", {}),
    Case("{{name x=1}}|{{upper x=1}}", {"name": "n"}),
    Case("{{name 1}}", {"name": "not a function"}),
    Case("{{lookup (upper 'x') 'y'}}", {}),
    Case("{{a.b 1}}", {"a": {"b": 2}}),
    Case("{{(lookup this 'a')}}{{((lookup this 'a'))}}", {"a": 1}),
]

_WHITESPACE = [
    Case("a {{~x~}} b {{~#if x~}} c {{~/if~}} d", {"x": 1}),
    Case("a\n  {{#if x}}  \n  b\n  {{else}}\n  c\n  {{/if}}  \nd\n", {"x": 1}),
    Case("{{#each a}}\n- {{this}}\n{{/each}}\n", {"a": [1, 2]}),
    Case("{{#if x}}\r\n a\r\n{{/if}}\r\nb", {"x": 1}),
    Case("x {{! a comment }} y {{!-- with }} in it --}} z {{!}}", {}),
    Case("a\n{{! alone }}\nb\n  {{!-- alone\n too --}}  \nc", {}),
    Case("a {{~! tight ~}} b {{~!-- tight --~}} c", {}),
    Case("  {{> p}}\nend", {"v": 1}, {"p": "one\ntwo {{v}}\n"}),
    Case("  {{~> p ~}}  end", {}, {"p": " x "}),
    Case("  a {{> p}}\n  b", {}, {"p": "one\ntwo\n"}),
    Case("{{#each a~}}\n  {{this~}}\n{{~/each}}", {"a": [1, 2]}),
    Case("{{~a}} {{b~}} {{~{c}~}} {{~&c~}} x", {"a": 1, "b": 2, "c": "<"}),
    Case("{{#a}}\n{{^}}\n none \n{{/a}}\n", {}),
    Case("{{#if x~}}\n y \n{{~else~}}\n n \n{{~/if}}", {}),
    Case("\n\n{{x}}\n\n", {"x": 1}),
    Case("{{#if x}}a{{else}}b{{/if}}   \n  {{#if x}}\n{{/if}}\n", {"x": 1}),
]

_PARTIALS = [
    Case("{{> p}} {{>p}} {{> 'p'}} {{> [p]}}", {"v": 1}, {"p": "<{{v}}>"}),
    Case("{{> p a}} {{> p a.b}}", {"a": {"v": 1, "b": {"v": 2}}}, {"p": "{{v}}"}),
    Case("{{> p v=2 w='x'}} {{> p a w=v}}", {"v": 1, "a": {"v": 3}}, {"p": "{{v}}{{w}}"}),
    Case(
        "{{#each a}}{{> p}}{{> p this k=@index}}{{/each}}", {"a": [{"v": 1}]}, {"p": "{{v}}{{k}}"}
    ),
    Case(
        "{{#each a}}{{> p}}{{/each}}", {"a": [1, 2]}, {"p": "{{this}}{{@index}}{{../x}}{{@root.x}}"}
    ),
    Case("{{> (lookup . 'which')}}", {"which": "p"}, {"p": "dynamic"}),
    Case("{{> (lookup . 'which')}}", {"which": "q"}, {"p": "dynamic"}),
    Case("{{> (lookup . 'none')}}", {}, {"p": "dynamic"}),
    Case("{{> nothere}}", {}, {"p": "x"}),
    Case("{{> a.b}}", {}, {"a.b": "dotted"}),
    Case("{{> a/b}} {{> [a b]}}", {}, {"a/b": "slashed", "a b": "spaced"}),
    Case("{{> outer}}", {"v": 1}, {"outer": "o{{> inner w=2}}o", "inner": "i{{v}}{{w}}i"}),
    Case("{{> outer}}", {}, {"outer": "o{{> inner}}o"}),
    Case("{{> tree}}", TREE, {"tree": "{{v}}({{#each kids}}{{> tree}}{{/each}})"}),
    Case("{{#> p}}fallback{{/p}}{{#> nothere}}fallback {{v}}{{/nothere}}", {"v": 1}, {"p": "p"}),
    Case("{{#> layout}}body {{v}}{{/layout}}", {"v": 1}, {"layout": "<{{> @partial-block}}>"}),
    Case(
        "{{#> a}}x{{/a}}",
        {},
        {"a": "a{{#> b}}[{{> @partial-block}}]{{/b}}", "b": "b{{> @partial-block}}"},
    ),
    Case(
        "{{#> p x=1}}{{x}}{{y}}{{/p}}",
        {"y": 2},
        {"p": "{{x}}{{> @partial-block}}{{> @partial-block y=3}}"},
    ),
    Case("{{> @partial-block}}", {}),
    Case('{{#*inline "i"}}I{{n}}{{/inline}}{{> i}}{{> i n="1"}}', {"n": 0}),
    Case('{{> i}}{{#*inline "i"}}late{{/inline}}', {}),
    Case('{{#*inline "p"}}mine{{/inline}}{{> p}}', {}, {"p": "theirs"}),
    Case('{{#each a}}{{#*inline "i"}}{{this}}{{@index}}{{/inline}}{{> i}}{{/each}}', {"a": [1, 2]}),
    Case('{{#if a}}{{#*inline "i"}}in{{/inline}}{{/if}}{{> i}}', {"a": 1}),
    Case(
        '{{#> layout}}{{#*inline "nav"}}NAV{{/inline}}'
        '{{#*inline "body"}}{{v}}{{/inline}}{{/layout}}',
        {"v": 1},
        {"layout": "{{> nav}}|{{> body}}|{{> foot}}", "foot": "F"},
    ),
    Case("{{> p}}", {}, {"p": "{{#if}"}),
    Case("{{> p}}", {}, {"p": "{{upper x}}"}),
    Case(
        "{{> p none}}|{{> p null}}|{{> p 'text'}}|{{> p 5}}", {"null": None}, {"p": "[{{.}}{{x}}]"}
    ),
    Case("{{> p a b}}", {}, {"p": "x"}),
    Case("{{> __proto__}}", {}),
    Case("{{> constructor}}", {}),
    Case("{{> toString}}", {}),
    Case("{{> (lookup . 'x')}}", {"x": "constructor"}),
    Case("{{> __proto__}}", {}, {"__proto__": "named so"}),
    Case('{{#*inline "__proto__"}}x{{/inline}}{{> __proto__}}', {}),
    Case("{{#*unknown}}x{{/unknown}}", {}),
    Case("{{* unknown}}x", {}),
    Case("{{#*inline}}x{{/inline}}", {}),
]

_PROTOTYPES = [
    Case("{{constructor}}|{{toString}}|{{__proto__}}|{{hasOwnProperty}}", {}),
    Case("{{a.constructor}}|{{a.constructor.name}}|{{a.__proto__.x}}", {"a": {}}),
    Case("{{constructor}}|{{__proto__}}", {"constructor": "own"}),
    Case("{{a.__proto__}}|{{#each a}}{{@key}}={{this}}{{/each}}", {"a": {"__proto__": "own"}}),
    Case(
        "{{lookup a 'constructor'}}|{{lookup a '__proto__'}}|{{lookup s 'length'}}",
        {"a": [], "s": "abc"},
    ),
    Case(
        "{{a.map}}|{{a.push}}|{{s.toUpperCase}}|{{n.toFixed}}|{{s.trim}}",
        {"a": [], "s": "x", "n": 1},
    ),
    Case(
        "{{#with a}}{{constructor}}{{#with constructor}}x{{else}}y{{/with}}{{/with}}",
        {"a": {"b": 1}},
    ),
    Case("{{#each (lookup this 'constructor')}}x{{else}}no{{/each}}", {}),
    Case("{{#toString}}x{{/toString}}|{{#constructor}}x{{/constructor}}", {}),
    Case("{{toString 1}}", {}),
    Case("{{valueOf x=1}}", {}),
    Case("{{@root.constructor}}|{{@root.__proto__}}|{{@constructor}}", {}),
    Case("{{a.length.x}}|{{a.length.constructor}}", {"a": [1]}),
    Case("{{#with 'text'}}{{length}}{{toString}}{{/with}}", {}),
    Case("{{__defineGetter__ 'a' 'b'}}", {}),
    Case("{{__lookupGetter__}}", {}),
    Case("{{lookup (lookup this 'constructor') 'name'}}", {}),
]

_BROKEN = [
    "{{#if}",
    "{{",
    "{{}}",
    "}}{{",
    "{{a",
    "{{/if}}",
    "{{#if a}}",
    "{{#if a}}{{/each}}",
    "{{a..b}}",
    "{{../a}}",
    "{{a.../b}}",
    "{{[a}}",
    "{{'a}}",
    "{{{a}}",
    "{{a}}}",
    "{{{{a}}}}",
    "{{else}}",
    "{{^}}",
    "{{#else}}{{/else}}",
    "{{#a}}{{else}}{{else}}{{/a}}",
    "{{>}}",
    "{{#>}}",
    "{{(}}",
    "{{a (b}}",
    "{{a b=}}",
    "{{a b=c d}}",
    "{{=}}",
    "{{a as |b|}}",
    "{{@}}",
    "{{a@b}}",
    "{{!-- open",
    "{{! open",
    "{{{{raw}}}} x",
    "{{{{raw}}}} {{{{/other}}}}",
    "{{#each a as ||}}",
    "line\n\nthree {{#if}\nfour",
    "{{a.this}}",
    "{{a/../b}}",
    "{{a.[}}",
    "{{1.5.5}}",
    "{{.a}}",
    "x" * 50 + "{{#if}" + "y" * 50,
    "{{#a.b}}{{/a.c}}",
    "{{> p }",
    "{{#> p}}{{/q}}",
    "\x00{{a}}",
]

_STRICT = [
    "{{a}}{{m.k}}{{l.length}}",
    "{{nope}}",
    "{{m.nope}}",
    "{{m.nope.deeper}}",
    "{{n.x}}",
    "{{#if nope}}x{{/if}}",
    "{{#if a}}y{{/if}}",
    "{{#each nope}}x{{/each}}",
    "{{nope 1}}",
    "{{#nope}}x{{/nope}}",
    "{{#with m}}{{k}}{{nope}}{{/with}}",
    "{{lookup m 'nope'}}|{{a}}",
    "{{> p}}",
    "{{a.first}}",
    "{{f.x}}",
    "{{l.0.x}}",
    "{{#each l}}{{this}}{{x}}{{/each}}",
    '{{#*inline "i"}}{{nope}}{{/inline}}{{> i}}',
    "{{{a}}}{{&a}}",
    "{{@root.a}}{{@nope}}",
    "{{n}}|{{f}}",
    "{{constructor}}",
    "{{m.__proto__}}",
    "{{#if m}}{{m.k}}{{else}}{{nope}}{{/if}}",
    "\n{{nope}}",
    "{{",
    "{{#unless a}}{{nope}}{{/unless}}",
    "{{#m}}{{k}}{{../nope}}{{/m}}",
]
# What a strict template may find, and what it may not.
KNOWN: dict[str, Any] = {"a": "x", "m": {"k": "v"}, "l": [1], "n": None, "f": False}

CASES = [
    *(_EXPRESSIONS + _ESCAPING + _BLOCKS + _WHITESPACE + _PARTIALS + _PROTOTYPES),
    *(Case(source) for source in _BROKEN),
    *(Case(source, KNOWN, part="attachments") for source in _STRICT),
]
