"""A template that wants too much costs its own mail, and nobody else anything but a moment.

Which limit each bomb meets is tested at the engine (`tests/compose/test_templates_limits.py`); here
they come in by every door, among mails that are none of theirs.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from attacks.besieged import Besieged
from cli.processes import Serving, franking, mailbox, serving
from eventually import eventually, until
from franking.compose.templates.limits import LIMITS, TEXTS
from franking.core.template import MOST_VALUES
from installation import Installation

TIME, MEMORY, SIZE = (TEXTS[name] for name in ("render", "memory", "size"))
DEPTH = "RangeError: Maximum call stack size exceeded"
LOOPS = "{{#each a}}{{#each ../a}}{{#each ../a}}x{{/each}}{{/each}}{{/each}}"
ROWS = {"a": list(range(1_000))}
GROWING = "{{#*inline 'i'}}{{> i x=(lookup . 'x') y=this}}{{> i}}{{/inline}}{{> i}}"
PLAIN = {"to": "plain@example.com", "message": {"subject": "s", "text": "t"}}

# A template, its data, and how it may end: which limit is met first is the machine's to say.
BOMBS: dict[str, tuple[dict[str, Any], dict[str, Any], tuple[str, ...]]] = {
    "loops": ({"text": LOOPS}, ROWS, (TIME,)),
    "loops in a file's name": ({"attachments": [{"filename": LOOPS}]}, ROWS, (TIME,)),
    "an inline partial that grows": ({"html": GROWING}, {}, (DEPTH, TIME, MEMORY)),
    "a partial of itself": ({"subject": "{{> self}}"}, {}, (DEPTH,)),
    "partials that double": ({"html": "{{> d9}}{{> d9}}"}, {}, (TIME, MEMORY, SIZE)),
    "a large mail": ({"text": "{{{a}}}" * 11}, {"a": "x" * 1_000_000}, (SIZE,)),
    "many large files": (
        {"attachments": [{"content": "{{a}}"}] * 11},
        {"a": "x" * 1_000_000},
        (SIZE,),
    ),
    "a long path": ({"text": "x{{" + "a." * 1_000 + "a}}"}, {}, ()),
    "deep data": ({"text": "x{{a}}"}, {"a": json.loads("[" * 90 + "]" * 90)}, ()),
    "an open comment": ({"text": "{{!--" * 1_000}, {}, ("Error: Lexical error",)),
}
PARTIALS = {
    "self": {"partial": True, "subject": "{{> self}}"},
    "d0": {"partial": True, "html": "x" * 10_000},
    **{f"d{n}": {"partial": True, "html": f"{{{{> d{n - 1}}}}}" * 4} for n in range(1, 10)},
}


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Besieged]:
    with Besieged(tmp_path_factory.mktemp("besieged")) as besieged:
        for id, document in PARTIALS.items():
            assert besieged.http.put(f"/v1/templates/{id}", json=document).status_code == 201
        hello = {"subject": "s", "text": "Hi {{name}}"}
        assert besieged.http.put("/v1/templates/hello", json=hello).status_code == 201
        yield besieged


def mail(template: str, data: dict[str, Any]) -> dict[str, Any]:
    asked = {"name": template, "data": data}
    return {"to": "a@example.com", "message": {"subject": "s", "text": "t"}, "template": asked}


def ended(http: httpx.Client, id: str) -> dict[str, Any] | None:
    delivery: dict[str, Any] = http.get(f"/v1/mail/{id}").json()["delivery"]
    return delivery if delivery["state"] in ("SUCCESS", "ERROR") else None


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_ends_on_its_own_and_the_next_mail_goes(it: Besieged, name: str) -> None:
    template, data, ends = BOMBS[name]
    assert it.http.put("/v1/templates/bomb", json=template).status_code in (200, 201)
    tried = it.http.post("/v1/templates/bomb/render", json={"data": data})
    draft = it.http.post("/v1/templates/x/render", json={"data": data, "document": template})
    documents = [mail("bomb", data), mail("hello", {"name": "Ada"})]
    ids = [it.http.post("/v1/mail", json=one).json()["id"] for one in documents]
    delivery, after = [until(partial(ended, it.http, id)) for id in ids]
    assert after["state"] == "SUCCESS"
    if not ends:
        assert (tried.status_code, draft.status_code, delivery["state"]) == (200, 200, "SUCCESS")
        return
    assert (delivery["state"], delivery["outcome"], delivery["attempts"]) == (
        "ERROR",
        "not_sent",
        1,
    )
    for told in (delivery["error"], tried.json()["detail"], draft.json()["detail"]):
        assert told.startswith(ends)
    assert it.http.post("/v1/templates/hello/render", json={"data": {"name": "Ada"}}).is_success


def test_a_bomb_in_a_preview_is_told(it: Besieged) -> None:
    fields = {"text": LOOPS, "html": LOOPS, "sample": json.dumps(ROWS)}
    for page, told in (("preview", TIME), ("rendered", "")):
        answer = it.http.post(f"/templates/b/{page}", data=fields, headers={"Origin": it.url})
        assert (answer.status_code in (200, 204), told in answer.text) == (True, True)


def test_attachments_of_a_template_hold_so_many_values(it: Besieged) -> None:
    """Each of them may be a template, and each has a place that its errors name."""
    for value in (
        [1] * MOST_VALUES,
        [[["{{a}}"] * 90] * 90] * 9,
        {str(n): n for n in range(10_000)},
    ):
        answer = it.http.put("/v1/templates/wide", json={"attachments": [{"a": value}]})
        assert (answer.status_code, answer.json()["field"]) == (422, "attachments")
    most = {"attachments": [{"a": [1] * (MOST_VALUES - 3)}]}
    assert it.http.put("/v1/templates/wide", json=most).status_code == 201


@pytest.mark.parametrize("apart", [False, True], ids=["one template", "one each"])
async def test_bombs_that_wait_hold_up_no_mail_without_one(tmp_path: Path, apart: bool) -> None:
    """They are more than there are places, and take longer, one after the other, than one waits."""
    async with Installation(tmp_path) as it:
        names = [f"b{n}" for n in range(100 if apart else 1)]
        for name in names:
            await it.http.put(f"/v1/templates/{name}", json={"text": f"{name}{LOOPS}"})
        bombs = [mail(names[n % len(names)], ROWS) for n in range(150)]
        assert (await it.http.post("/v1/mail/batch", json=bombs)).status_code in (200, 201, 207)
        assert (await it.write(PLAIN))["delivery"]["state"] == "SUCCESS"
        listed = await it.http.get("/v1/mail", params={"state": "PROCESSING", "limit": 200})
        assert len(listed.json()["items"]) > 40, "they still wait"


async def test_a_bomb_in_a_file_ends_the_command(tmp_path: Path) -> None:
    (tmp_path / "bomb.text.hbs").write_text(LOOPS)
    (tmp_path / "data.json").write_text(json.dumps(ROWS))
    given = ("render", "bomb", "--file", "bomb.text.hbs", "--data", "data.json")
    found = await franking(tmp_path, "template", *given)
    assert (found.code, found.out) == (1, "")
    assert found.err.startswith(TIME)


needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc")
PARENT_MOST = 512 * 1024 * 1024


@needs_proc
async def test_bombs_leave_the_process_small_and_no_child_behind(tmp_path: Path) -> None:
    async with mailbox() as box, serving(tmp_path, box.port) as server:
        async with httpx.AsyncClient(base_url=server.url) as http:
            await http.put(
                "/v1/templates/big", json={"text": "{{{a}}}" * 40, "html": "{{{a}}}" * 9}
            )
            await http.put("/v1/templates/loop", json={"text": LOOPS})
            large = {"a": "é" * 1_000_000}
            for number in range(12):
                await http.put(f"/v1/mail/m{number}", json=mail("big", large))
            await eventually(lambda: _all(http, [f"m{number}" for number in range(12)]))
            for number in range(8):
                await http.put(f"/v1/mail/l{number}", json=mail("loop", ROWS))
            await eventually(lambda: asyncio.sleep(0, children(server)))
        assert highest(server.process.pid) < PARENT_MOST
        burning = children(server)
        assert all(highest(pid) <= LIMITS.process_bytes for pid in burning)
        assert await server.stop() == 0
    assert not any(map(highest, burning))


async def _all(http: httpx.AsyncClient, ids: list[str]) -> bool:
    found = [(await http.get(f"/v1/mail/{id}")).json()["delivery"]["state"] for id in ids]
    return set(found) == {"ERROR"}


def children(server: Serving) -> list[int]:
    """The pids of those that render."""
    stats = [
        (entry, Path(f"/proc/{entry}/stat")) for entry in os.listdir("/proc") if entry.isdigit()
    ]
    found = []
    for entry, stat in stats:
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == server.process.pid:
            found.append(int(entry))
    return found


def highest(pid: int) -> int:
    """The most octets that a process had in memory; 0 where it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)
