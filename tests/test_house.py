"""The house rules hold, and each of them has been seen to fail on a bad sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from house import layers, purity, shape, sql, texts

Rule = Callable[[Path], Iterator[str]]

ROOT = Path(__file__).parent.parent
RULES: tuple[Rule, ...] = (
    *(layers.order, layers.concrete, layers.cycles),
    *(purity.pure_core, purity.one_clock, purity.sleepless_tests),
    *(shape.file_lengths, shape.function_lengths, shape.median_function),
    *(shape.module_docstrings, shape.promises, shape.names),
    *(sql.same_in_every_dialect, sql.told, sql.fenced, sql.none_in_python),
    sql.migrations_keep_their_word,
    *(texts.nothing_unfinished, texts.no_machine, texts.documents_tell_the_truth),
)

SRC = "src/franking/"
SQLITE = SRC + "stores/sql/sqlite/mail.sql"
POSTGRES = SRC + "stores/sql/postgres/mail.sql"
GOOD = {
    "README.md": "It is in `src/franking/core/a.py`, `core/a`, `core/` and [here](src/franking).",
    "ARCHITECTURE.md": "`franking.toml` is read, if there; see <https://example.com/none.md>.",
    SRC
    + "core/a.py": '"""A."""\nfrom datetime import date\n\ndef f():\n    return date(1, 1, 1)\n',
    SRC + "clock.py": '"""Now."""\nimport time\n\ndef now():\n    return time.time()\n',
    SRC + "stores/base.py": '"""All."""\nimport franking.core.a\n\ndef f():\n    """Keep."""\n',
    SRC + "app.py": '"""All."""\nfrom franking.stores import sqlite\n',
    SRC + "stores/sqlite.py": '"""One."""\nfrom franking.stores import base\nBEGIN = "BEGIN"\n',
    "tests/test_a.py": '"""Tests."""\nimport asyncio\nasyncio.sleep(0)\n',
    SQLITE: (
        "-- name: end_mail!\n-- Ends them.\n"
        "UPDATE mail SET state = (SELECT state FROM ended WHERE id = 1), epoch = epoch + 1\n"
        "WHERE state = 'PROCESSING' AND epoch = :epoch;\n"
    ),
    POSTGRES: (
        "-- name: end_mail^\n-- Ends them.\n"
        "WITH ended AS (UPDATE mail SET state = 'ERROR' WHERE state = 'PROCESSING'\n"
        "    AND epoch = %(epoch)s RETURNING id) SELECT count(*) FROM ended;\n"
    ),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps(rule: Rule) -> None:
    assert list(rule(ROOT)) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_good_house_is_left_in_peace(rule: Rule, tmp_path: Path) -> None:
    build(tmp_path, GOOD)
    assert list(rule(tmp_path)) == []


def python(*lines: str) -> str:
    return "\n".join(['"""A module."""', *lines, ""])


def query(*lines: str) -> str:
    return "\n".join(["-- name: change!", "-- Changes it.", *lines, ""])


BAD: list[tuple[Rule, dict[str, str], str]] = [
    (layers.order, {SRC + "core/b.py": python("import franking.clock")}, "core imports clock"),
    (layers.order, {SRC + "core/b.py": python("from .. import clock")}, "core imports clock"),
    (layers.order, {SRC + "attic.py": python()}, "attic is no layer"),
    (
        layers.order,
        {SRC + "clock.py": python("def f():", "    from franking.cli import g")},
        "clock imports cli",
    ),
    (
        layers.concrete,
        {SRC + "engine/b.py": python("from franking.stores import sqlite")},
        "not stores.base",
    ),
    (
        layers.concrete,
        {SRC + "apis/b.py": python("import franking.transports.smtp")},
        "not transports.base",
    ),
    (
        layers.cycles,
        {
            SRC + "core/b.py": python("from franking.core import c"),
            SRC + "core/c.py": python("from franking.core.d import e"),
            SRC + "core/d.py": python("import franking.core.b"),
        },
        "core.b > franking.core.c > franking.core.d > franking.core.b",
    ),
    *(
        (purity.pure_core, {SRC + "core/b.py": python(*lines)}, told)
        for lines, told in [
            (["import os"], "imports os"),
            (["from asyncio import sleep"], "imports asyncio"),
            (["import urllib.request"], "imports urllib.request"),
            (["async def f(): ..."], "is async"),
            (["f = open('f')"], "calls open"),
        ]
    ),
    *(
        (purity.one_clock, {SRC + "engine/b.py": python(*lines)}, told)
        for lines, told in [
            (["import time"], "imports time"),
            (["from time import monotonic"], "imports time"),
            (["import random"], "imports random"),
            (["t = datetime.now(UTC)"], "datetime.now asks"),
            (["t = datetime.date.today()"], "date.today asks"),
            (["t = asyncio.get_running_loop().time()"], "time asks"),
            (["t = self._loop.time()"], "time asks"),
        ]
    ),
    (purity.sleepless_tests, {"tests/test_b.py": python("time.sleep(1)")}, "b.py:2: a test sleeps"),
    (purity.sleepless_tests, {"tests/b/c.py": python("asyncio.sleep(0.1)")}, "a test sleeps"),
    (shape.file_lengths, {SRC + "core/b.py": python(*["x = 1"] * 300)}, "301 lines"),
    (shape.file_lengths, {SRC + "core/b.py": python(*["x = 1"] * 260)}, "not rarely over 250"),
    (
        shape.function_lengths,
        {"tests/b.py": python("def f():", *["    x = 1"] * 70)},
        "f has 71 lines",
    ),
    (
        shape.median_function,
        {SRC + f"core/b{i}.py": python("def f():", *["    x = 1"] * 9) for i in range(3)},
        "median function has 10",
    ),
    (shape.module_docstrings, {SRC + "core/b.py": "x = 1\n"}, "no docstring"),
    (shape.module_docstrings, {"tests/b.py": '"""Things"""\n'}, "no sentence"),
    (
        shape.promises,
        {
            SRC + "stores/base.py": python(
                "class S(Protocol):", "    'All.'", "    def f(self): ..."
            )
        },
        "S.f promises nothing",
    ),
    (
        shape.promises,
        {SRC + "transports/base.py": python("class Receipt: ...")},
        "Receipt promises",
    ),
    (shape.names, {SRC + "core/utils.py": python()}, "says nothing"),
    (shape.names, {SRC + "common/b.py": python()}, "says nothing"),
    (shape.names, {SRC + "core/b.py": python("class MailManager: ...")}, "says manager"),
    (shape.names, {SRC + "core/b.py": python("def mail_handler(): ...")}, "says handler"),
    (shape.names, {SRC + "core/b.py": python("class Mail(abc.ABC): ...")}, "hooks"),
    (sql.same_in_every_dialect, {POSTGRES: query()}, "['change', 'end_mail']"),
    (sql.same_in_every_dialect, {SRC + "stores/sql/sqlite/b.sql": query()}, "only one has b.sql"),
    (
        sql.same_in_every_dialect,
        {SQLITE: GOOD[SQLITE] + query(), POSTGRES: query() + GOOD[POSTGRES]},
        "another order",
    ),
    (sql.told, {SQLITE: "-- name: find^\nSELECT 1;\n"}, "find doesn't say"),
    (sql.told, {SQLITE: query() + query()}, "change is there twice"),
    (
        sql.fenced,
        {SQLITE: query("UPDATE mail SET state = 'ERROR' WHERE epoch = 1;")},
        "does not expect a state",
    ),
    (
        sql.fenced,
        {SQLITE: query("UPDATE mail SET x = 1, state = 'ERROR' WHERE state = 'RETRY';")},
        "does not expect an epoch",
    ),
    (
        sql.fenced,
        {SQLITE: query("UPDATE timer SET state = 'served' WHERE id = 1; -- state")},
        "does not expect a state",
    ),
    (
        sql.fenced,
        {SQLITE: query("WITH a AS (UPDATE mail SET state = 2 WHERE state = 1) SELECT epoch;")},
        "does not expect an epoch",
    ),
    *(
        (
            sql.migrations_keep_their_word,
            {SRC + "stores/sql/sqlite/migrations/0008_b.sql": f"-- least: 7\n{text};\n"},
            "0008_b.sql: older ones can't",
        )
        for text in ["ALTER TABLE a DROP COLUMN b", "alter table a rename to b", "DROP TABLE a"]
    ),
    *(
        (sql.none_in_python, {SRC + "stores/sqlite.py": python(f"S = {text!r}")}, "SQL in Python")
        for text in [
            "SELECT last_insert_rowid()",
            "\n  select id\nfrom mail",
            "INSERT OR IGNORE INTO mail VALUES (1)",
            "UPDATE mail SET state = 1",
            "DELETE FROM mail",
            "CREATE TABLE mail (id)",
        ]
    ),
    (sql.none_in_python, {SRC + "apis/b.py": python('S = f"DELETE FROM {t}"')}, "SQL in Python"),
    (texts.nothing_unfinished, {"docs/b.md": "TO" + "DO: this\n"}, "b.md:1: unfinished"),
    (texts.nothing_unfinished, {"b.py": "raise NotImplemented" + "Error\n"}, "unfinished"),
    (texts.no_machine, {"bench/b.md": "see /" + "home/jane/x\n"}, "a machine's path: /"),
    (texts.no_machine, {"Makefile": "pip --index" + "-url x\n"}, "a registry: --"),
    (texts.documents_tell_the_truth, {"README.md": "`core/none`"}, "there is no core/none"),
    (texts.documents_tell_the_truth, {"README.md": "[n](none.png)"}, "there is no none.png"),
    (texts.documents_tell_the_truth, {"ARCHITECTURE.md": "see `none.py`"}, "there is no none.py"),
]


@pytest.mark.parametrize(
    ("rule", "bad", "told"), BAD, ids=[f"{rule.__name__}: {told}" for rule, _, told in BAD]
)
def test_the_rule_has_been_seen_to_fail(
    rule: Rule, bad: dict[str, str], told: str, tmp_path: Path
) -> None:
    build(tmp_path, {**GOOD, **bad})
    found = list(rule(tmp_path))
    assert len(found) == 1
    assert told in found[0]


def test_every_rule_has_been_seen_to_fail() -> None:
    assert {rule for rule, _, _ in BAD} == set(RULES)


def build(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
