"""What is in deploy/: it is read as those read it who use it, and names only what there is."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser as promql
import pytest
import yaml
from prometheus_client import ProcessCollector

from franking.apis.metrics import FIGURES, Figure
from franking.apis.openapi import operations
from franking.config.readers import READERS
from franking.core.delivery import ARROWS, State
from franking.core.rules import SENTENCES
from franking.core.timer import TimerState
from franking.engine.meter import OTHER, PAUSES, STAGES

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
RUNNING = ROOT / "docs" / "running.md"
SUFFIXES = {"gauge": [""], "counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
# What Prometheus itself adds.
THEIRS = {"up": set[str]()}
ADDED = {"job", "instance"}
VALUES: dict[str, set[str]] = {
    "state": {*State, *TimerState, "waiting", "parked", "ok", "paused", "disabled"},
    "category": {*SENTENCES, OTHER, ""},
    "what": {"sent", "failed", "in_doubt", "limited"},
    "why": {"paused", *PAUSES},
    "how": {"released", "expired", "lost"},
    "end": {"told", "parked", "executed", "failed", "again"},
    "stage": set(STAGES),
    "event": {arrow.event for arrow in ARROWS},
    "job": {"franking", "$job"},
}


def names() -> dict[str, set[str]]:
    """Every series that there can be, with its labels."""
    found = dict(THEIRS)
    for figure in FIGURES:
        for suffix in SUFFIXES[figure.kind]:
            more = {"le"} if suffix == "_bucket" else set()
            found[figure.name + suffix] = {*figure.labels, *more}
    for family in ProcessCollector(registry=None).collect():
        found |= {sample.name: set() for sample in family.samples}
    return found


def alerts() -> list[dict[str, Any]]:
    read = yaml.safe_load((DEPLOY / "alerts.yaml").read_text())
    return [rule for group in read["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    read = json.loads((DEPLOY / "grafana" / "franking.json").read_text())
    return [panel for panel in read["panels"] if panel["type"] != "row"]


def expressions() -> Iterator[tuple[str, str]]:
    for rule in alerts():
        yield rule["alert"], rule["expr"]
    for panel in panels():
        for target in panel["targets"]:
            # Grafana fills it in; any duration will do here.
            yield panel["title"], target["expr"].replace("$__rate_interval", "1m")


def selectors(node: Any) -> Iterator[Any]:
    """Every series that an expression asks for."""
    if isinstance(node, promql.VectorSelector):
        yield node
        return
    for part in ("lhs", "rhs", "expr", "param", "vector_selector", "args"):
        found = getattr(node, part, None)
        for one in found if isinstance(found, list) else [found]:
            if one is not None:
                yield from selectors(one)


def grouped(node: Any) -> Iterator[str]:
    """The labels that aggregations keep."""
    modifier = getattr(node, "modifier", None)
    if isinstance(node, promql.AggregateExpr) and modifier is not None:
        yield from modifier.labels
    for part in ("lhs", "rhs", "expr", "args"):
        found = getattr(node, part, None)
        for one in found if isinstance(found, list) else [found]:
            if one is not None:
                yield from grouped(one)


EXPRESSIONS = list(expressions())


@pytest.mark.parametrize(("where", "expression"), EXPRESSIONS, ids=[w for w, _ in EXPRESSIONS])
def test_an_expression_asks_for_what_there_is(where: str, expression: str) -> None:
    known = names()
    parsed = promql.parse(expression)
    asked = list(selectors(parsed))
    assert asked, expression
    labels: set[str] = set()
    for selector in asked:
        assert selector.name in known, selector.name
        own = known[selector.name] | ADDED
        labels |= own
        for matcher in selector.matchers.matchers:
            assert matcher.name in own, matcher.name
            values = re.split(r"\|", matcher.value)
            assert set(values) <= VALUES[matcher.name], matcher.value
    assert set(grouped(parsed)) <= labels


@pytest.mark.parametrize(
    "expression",
    ["franking_none", "sum(", "franking_mails{nobody='x'}", "rate(franking_mails[1x])"],
)
def test_a_wrong_expression_would_be_seen(expression: str) -> None:
    with pytest.raises((AssertionError, ValueError)):
        test_an_expression_asks_for_what_there_is("", expression)


def test_a_label_that_is_kept_and_is_not_there_would_be_seen() -> None:
    with pytest.raises(AssertionError):
        test_an_expression_asks_for_what_there_is("", "max by (nobody) (franking_mails)")


def test_every_alert_says_what_it_means_and_what_to_do() -> None:
    rules = alerts()
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert set(rule["annotations"]) == {"summary", "action"}
        promql.parse_duration(rule.get("for", "1s"))
        assert rule["alert"] in RUNNING.read_text()


def test_every_panel_is_whole_and_none_lies_over_another() -> None:
    read = json.loads((DEPLOY / "grafana" / "franking.json").read_text())
    every = read["panels"]
    assert len({panel["id"] for panel in every}) == len(every)
    taken: set[tuple[int, int]] = set()
    for panel in every:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
    assert all(panel["title"] and panel["targets"] for panel in panels())


def test_every_figure_is_on_the_dashboard() -> None:
    shown = " ".join(expression for _, expression in EXPRESSIONS)
    assert [figure.name for figure in FIGURES if figure.name not in shown] == []


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_every_figure_is_told_of(figure: Figure) -> None:
    [row] = [
        line
        for line in RUNNING.read_text().splitlines()
        if line.startswith(
            f"| `{figure.name}{SUFFIXES[figure.kind][0] if figure.kind == 'counter' else ''}` |"
        )
    ]
    for label in figure.labels:
        assert f"`{label}`" in row, label


def test_no_figure_is_told_of_that_is_not_there() -> None:
    told = re.findall(r"`(franking_[a-z_]+)`", RUNNING.read_text())
    assert set(told) <= {*names(), *(figure.name for figure in FIGURES)}


YAMLS = sorted(DEPLOY.rglob("*.yaml"))


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: path.name)
def test_a_file_is_yaml(path: Path) -> None:
    assert isinstance(yaml.safe_load(path.read_text()), dict)


def test_what_compose_mounts_is_there_or_yours() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    mounted = [
        volume.split(":")[0]
        for service in services.values()
        for volume in service["volumes"]
        if volume.startswith("./")
    ]
    yours = {"./prometheus.key"}
    assert [name for name in mounted if name not in yours and not (DEPLOY / name).exists()] == []
    assert (ROOT / "deploy" / services["franking"]["build"]["dockerfile"].split("/")[1]).exists()


@pytest.mark.parametrize("name", ["franking.service", "Dockerfile", "compose.yaml"])
def test_every_setting_that_is_named_is_one(name: str) -> None:
    text = (DEPLOY / name).read_text()
    found = set(re.findall(r"FRANKING_([A-Z_]+)", text))
    assert found
    assert found <= {setting.upper() for setting in READERS}


def test_nobody_in_the_image_is_root() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    last = max(n for n, line in enumerate(lines) if line.startswith("FROM "))
    after = [line for line in lines[last:] if line.startswith("USER ")]
    assert after
    assert "root" not in after[-1]
    assert "readyz" in operations()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "franking.service"
    text = (DEPLOY / "franking.service").read_text()
    unit.write_text(text.replace("/opt/franking/bin/franking", "/bin/true"))
    command = ["systemd-analyze", "verify", str(unit)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr.strip()) == (0, "")
