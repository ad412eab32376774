"""The store's SQL: named and told queries, alike in every dialect, each state guarded."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from house.source import PACKAGE, docstring_nodes, modules, syntax, where

# Queries that set the state of a mail and expect its state alone, and why no epoch.
_WITHOUT_EPOCH = {"lease_mails": "a waiting mail is nobody's: claiming it is what draws the epoch"}

# Queries that set another state and expect none, and why.
_WITHOUT_STATE = {
    "write_account_state": "the account was read in the same transaction, where it is decided",
}

_NAME = re.compile(r"^--\s*name:\s*([A-Za-z_]\w*)", re.MULTILINE)
_STATEMENT = re.compile(
    r"\s*(select\s.*\bfrom\b|SELECT\s|insert\s+(or\s+\w+\s+)?into\s|update\s+\w+\s+set\s"
    r"|delete\s+from\s|create\s+(unique\s+)?(table|index|trigger|view)\s|alter\s+table\s"
    r"|drop\s+(table|index)\s|with\s+\w+\s+as\s*\()",
    re.IGNORECASE | re.DOTALL,
)
_UPDATE = re.compile(r"(?<!FOR )\bUPDATE\s+(?:OR\s+\w+\s+)?(\w+)\b", re.IGNORECASE)
# Views are made anew, and what only speeds up goes.
_TAKES = re.compile(
    r"\bDROP\s+(?!VIEW\b|INDEX\b)\w+|\bRENAME\b|\bALTER\s+COLUMN\b|\bADD\s+CONSTRAINT\b"
    r"|\bCREATE\s+UNIQUE\b",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"--[^\n]*")


class Query(msgspec.Struct, frozen=True):
    """One query of a file: its name, what stands in it, and where."""

    name: str
    text: str
    line: int


def dialects(root: Path) -> list[Path]:
    folder = root / "src" / PACKAGE / "stores" / "sql"
    return sorted(path for path in folder.glob("*") if path.is_dir())


def queries(path: Path) -> list[Query]:
    text = path.read_text("utf-8")
    starts = list(_NAME.finditer(text))
    ends = [*[match.start() for match in starts], len(text)][1:]
    return [
        Query(match[1], text[match.end() : end], text.count("\n", 0, match.start()) + 1)
        for match, end in zip(starts, ends, strict=True)
    ]


def same_in_every_dialect(root: Path) -> Iterator[str]:
    """The same files, with the same names in the same order, in each dialect."""
    first, *others = dialects(root) or [root]
    for other in others:
        for name in sorted(_files(first) ^ _files(other)):
            yield f"{where(root, first)} and {where(root, other)}: only one has {name}"
        for name in sorted(_files(first) & _files(other)):
            ours = [query.name for query in queries(first / name)]
            theirs = [query.name for query in queries(other / name)]
            if ours != theirs:
                difference = sorted({*ours} ^ {*theirs}) or "another order"
                yield f"{where(root, other / name)}: not as {where(root, first)}: {difference}"


def _files(folder: Path) -> set[str]:
    """What a dialect answers; how it came about (`migrations`) and what it asks besides (`own`)
    are its own."""
    return {path.name for path in folder.glob("*.sql")}


def told(root: Path) -> Iterator[str]:
    """Each query has a line that says what it does, and a name of its own."""
    for dialect in dialects(root):
        seen: set[str] = set()
        for path in sorted(dialect.rglob("*.sql")):
            for query in queries(path):
                if not query.text.partition("\n")[2].startswith("-- "):
                    yield f"{where(root, path, query.line)}: {query.name} doesn't say what it does"
                if query.name in seen:
                    yield f"{where(root, path, query.line)}: {query.name} is there twice"
                seen.add(query.name)


def fenced(root: Path) -> Iterator[str]:
    """Every UPDATE of a state names the state, and of a mail's also the epoch, that it expects."""
    for dialect in dialects(root):
        for path in sorted(dialect.rglob("*.sql")):
            for query in queries(path):
                for missing in _unguarded(query):
                    yield f"{where(root, path, query.line)}: {query.name} does not expect {missing}"


def migrations_keep_their_word(root: Path) -> Iterator[str]:
    """A migration that lets older frankings work on (`-- least: N`) takes nothing away."""
    for dialect in dialects(root):
        for path in sorted((dialect / "migrations").glob("[0-9]*.sql")):
            text = path.read_text("utf-8")
            said = re.match(r"-- least: (\d+)\n", text)
            if said is None or int(said[1]) >= int(path.name.partition("_")[0]):
                continue
            if found := _TAKES.search(_COMMENT.sub("", text)):
                yield f"{where(root, path)}: older ones can't work on after {found[0]!r}"


def _unguarded(query: Query) -> Iterator[str]:
    sql = _COMMENT.sub("", query.text)
    for match in _UPDATE.finditer(sql):
        setting, condition = _halves(_to_its_end(sql[match.end() :]))
        if not re.search(r"\bstate\s*=", setting):
            continue
        if not re.search(r"\bstate\b", condition) and query.name not in _WITHOUT_STATE:
            yield "a state"
        if match[1].lower() != "mail" or query.name in _WITHOUT_EPOCH:
            continue
        if not re.search(r"\bepoch\b", condition):
            yield "an epoch"


def _to_its_end(sql: str) -> str:
    """A statement up to its semicolon, or to the bracket that it stands in."""
    depth = 0
    for at, character in enumerate(sql):
        depth += (character == "(") - (character == ")")
        if depth < 0 or (depth == 0 and character == ";"):
            return sql[:at]
    return sql


def _halves(sql: str) -> tuple[str, str]:
    """What stands before and after the WHERE that is the statement's own."""
    for match in re.finditer(r"\bWHERE\b", sql, re.IGNORECASE):
        before = sql[: match.start()]
        if before.count("(") == before.count(")"):
            return before, sql[match.end() :]
    return sql, ""


def none_in_python(root: Path) -> Iterator[str]:
    """SQL lives in `.sql` files; a module has none but a PRAGMA or a transaction's words."""
    for path in modules(root):
        tree = syntax(path)
        docstrings = docstring_nodes(tree)
        for node in ast.walk(tree):
            if not isinstance(node, ast.Constant) or id(node) in docstrings:
                continue
            if isinstance(node.value, str) and _STATEMENT.match(node.value):
                yield f"{where(root, path, node.lineno)}: SQL in Python: {node.value[:40]!r}"
