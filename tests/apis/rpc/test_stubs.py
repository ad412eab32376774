"""The stubs are of the `.proto` beside them, and the documentation shows every call."""

from __future__ import annotations

import re
from pathlib import Path

import franking.apis.rpc as package
from franking.apis.rpc import data_api_pb2 as pb

ROOT = Path(__file__).parents[3]
PROTO = Path(package.__file__).with_name("data_api.proto").read_text("utf-8")
FIELD = re.compile(r"^\s+(?:optional |repeated )?[\w.]+ (\w+) = (\d+);", re.MULTILINE)


def test_the_stubs_are_of_this_proto() -> None:
    """Where this fails, the `.proto` was changed: install again, which makes the stubs."""
    without_enums = re.sub(r"enum \w+ \{[^}]*\}", "", PROTO)
    for block in re.split(r"^message ", without_enums, flags=re.MULTILINE)[1:]:
        name = block.partition(" ")[0]
        made = {f.name: f.number for f in pb.DESCRIPTOR.message_types_by_name[name].fields}
        assert made == {field: int(number) for field, number in FIELD.findall(block)}
    made_calls = [method.name for method in pb.DESCRIPTOR.services_by_name["DataApi"].methods]
    assert made_calls == re.findall(r"rpc (\w+)\(", PROTO)


def test_the_documentation_shows_every_call_and_every_status() -> None:
    told = (ROOT / "docs/data-api.md").read_text("utf-8")
    calls = [method.name for method in pb.DESCRIPTOR.services_by_name["DataApi"].methods]
    statuses = re.findall(r"^//   ([A-Z_]+) +\S", PROTO, re.MULTILINE)
    assert len(statuses) == 11
    assert [name for name in (*calls, *statuses) if f"`{name}`" not in told] == []
