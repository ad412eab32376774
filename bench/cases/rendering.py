"""In its own process: a template of three parts rendered for many mails, here and in Node."""

from __future__ import annotations

import asyncio
import resource
import shutil
import subprocess
import time
from typing import Any

import msgspec

from bench.cases import child
from franking.compose.templates import Rendered, Renderer
from franking.compose.templates.process import HANDLEBARS
from franking.core.template import Template, book

AT_ONCE = 40
_LOREM = "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor. "
_ROW = "<tr><td>{{@index}}</td><td>{{name}}</td><td>{{#if cut}}<b>{{price}}</b>{{/if}}</td></tr>\n"
TEMPLATE = Template(
    "order",
    subject="{{user.first}}, your order {{order.id}} is on its way",
    html=f"<html><body><p>Dear {{{{user.first}}}} {{{{user.last}}}},</p><p>{_LOREM * 12}</p>"
    f"<table>{{{{#each order.items}}}}{_ROW}{{{{/each}}}}</table>{{{{> footer}}}}</body></html>",
    text=f"Dear {{{{user.first}}}} {{{{user.last}}}},\n{_LOREM * 12}\n"
    "{{#each order.items}}- {{name}}: {{price}}\n{{/each}}{{company.name}}",
)
FOOTER = Template("footer", partial=True, html="<p>{{company.name}}<br>{{company.street}}</p>")
DATA: dict[str, Any] = {
    "user": {"first": "Ada", "last": "Lovelace & Co"},
    "order": {
        "id": 7,
        "items": [{"name": f"Thing {i}", "price": f"{i}.99", "cut": i % 2} for i in range(10)],
    },
    "company": {"name": "Example Ltd", "street": "1 Main Street"},
}
_NODE = """
const {template, footer, data, count} = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const {create} = require(process.argv[1]);
const html = create();
html.registerPartial('footer', footer);
const parts = [create().compile(template.subject, {noEscape: true}), html.compile(template.html),
               create().compile(template.text, {noEscape: true})];
const text = JSON.stringify(data);
const run = (times) => { while (times--) for (const part of parts) part(JSON.parse(text)); };
run(count / 10);
const before = process.cpuUsage();
run(count);
const {user, system} = process.cpuUsage(before);
console.log((user + system) / 1e6);
"""


async def rendering(count: int) -> dict[str, Any]:
    """Render `count` mails; CPU seconds of both processes, wall time, and what Node takes."""
    shelf = book(1, [TEMPLATE, FOOTER])
    renderer = Renderer()
    for _ in range(count // 10):
        await renderer.render(shelf, "order", DATA)
    warm = renderer.pids[0]
    before = _cpu(warm)
    began = time.perf_counter()
    left = iter(range(count))

    async def one_after_another() -> None:
        for _ in left:
            assert isinstance(await renderer.render(shelf, "order", DATA), Rendered)

    await asyncio.gather(*(one_after_another() for _ in range(AT_ONCE)))
    wall, cpu = time.perf_counter() - began, _cpu(warm) - before
    assert renderer.pids[0] == warm
    peak = child.memory_bytes("VmHWM", warm)
    await renderer.close()
    return {"cpu": cpu, "wall": wall, "peak": peak, "node": _node(count)}


def _cpu(pid: int | None) -> float:
    """What this process and its child have used, in seconds."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    return own.ru_utime + own.ru_stime + ticks / 100


def _node(count: int) -> float | None:
    node = shutil.which("node")
    if node is None:
        return None
    asked = {"template": TEMPLATE, "footer": FOOTER.html, "data": DATA, "count": count}
    ended = subprocess.run(
        [node, "-e", _NODE, str(HANDLEBARS)],
        input=msgspec.json.encode(asked),
        capture_output=True,
        check=True,
    )
    return float(ended.stdout)


if __name__ == "__main__":
    child.answer(rendering)
