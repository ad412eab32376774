"""Templates and data drawn at random: mostly well-formed, of few names, so that they meet."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from compose.rendering import Case

NAMES = st.sampled_from(["a", "b", "c", "list", "p", "q", "length", "constructor", "__proto__"])
TEXTS = st.text(st.sampled_from("ab <&>\"'`=\n\\ é名😀{}~"), max_size=8)
_up = st.sampled_from(["", "", "../", "./", "@root.", "this."])
PATHS = st.one_of(
    st.sampled_from(["this", ".", "@index", "@key", "@first", "@last", "@../index", "@root"]),
    st.builds("{}{}".format, _up, NAMES),
    st.builds("{}.{}".format, NAMES, NAMES),
    st.builds("{}.[{}]".format, NAMES, st.integers(0, 2)),
)
LITERALS = st.sampled_from(["1", "0", "-2.5", "'a'", '"b c"', "true", "false", "null", "undefined"])
_value = st.one_of(PATHS, LITERALS)
VALUES = st.one_of(_value, st.builds("(lookup {} {})".format, PATHS, _value))
_hash = st.one_of(st.just(""), st.builds(" {}={}".format, NAMES, VALUES))
_tight = st.sampled_from(["", "", "", "~"])


def _mustache(left: str, inside: str, right: str) -> str:
    return f"{{{{{left}{inside}{right}}}}}"


MUSTACHES = st.one_of(
    st.builds(_mustache, _tight, VALUES, _tight),
    st.builds("{{{{{{{}}}}}}}".format, PATHS),
    st.builds("{{{{lookup {} {}}}}}".format, VALUES, VALUES),
    st.builds("{{{{> {}{}{}}}}}".format, st.sampled_from("pqx"), st.just(""), _hash),
    st.builds("{{{{> {} {}{}}}}}".format, st.sampled_from("pq"), PATHS, _hash),
    st.builds("{{{{> (lookup . {})}}}}".format, _value),
    st.builds("{{{{{} {}{}}}}}".format, NAMES, VALUES, _hash),
    st.builds("{{{{! {} }}}}".format, st.sampled_from(["x", "a b"])),
    st.sampled_from(["\\{{a}}", "{{{{raw}}}}{{a}}{{{{/raw}}}}", "{{", "}}", "{{else}}", "{{/if}}"]),
)


def _blocks(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    named = st.sampled_from(["if", "unless", "each", "with"])
    other = st.one_of(st.just(""), st.builds("{{{{else}}}}{}".format, inner))
    return st.one_of(
        st.builds(
            lambda name, value, many, body, rest: (
                f"{{{{#{name} {value}{many}}}}}{body}{rest}{{{{/{name}}}}}"
            ),
            *(named, VALUES, st.sampled_from(["", "", " as |b|", " as |b c|"]), inner, other),
        ),
        st.builds(
            lambda name, body, rest: f"{{{{#{name}}}}}{body}{rest}{{{{/{name}}}}}",
            *(NAMES, inner, other),
        ),
        st.builds('{{{{#*inline "p"}}}}{}{{{{/inline}}}}{}'.format, inner, inner),
        st.builds("{{{{#> q}}}}{}{{{{/q}}}}".format, inner),
        st.lists(inner, max_size=4).map("".join),
    )


SOURCES = st.recursive(st.one_of(TEXTS, MUSTACHES), _blocks, max_leaves=8)
DATA = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-3, 10**18),
        st.floats(allow_nan=False, allow_infinity=False),
        TEXTS,
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=10,
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A template, two partials that do not call each other in a circle, and data."""
    data: Any = draw(st.one_of(st.none(), st.dictionaries(NAMES, DATA, max_size=6)))
    partials = {
        "q": draw(st.one_of(TEXTS, st.just("q[{{> @partial-block}}]"))) or "q",
        "p": draw(SOURCES.filter(lambda text: "> p" not in text and "> (" not in text)) or "p",
    }
    part = draw(st.sampled_from(["html", "html", "text", "attachments"]))
    return Case(draw(SOURCES), data, partials, part)
