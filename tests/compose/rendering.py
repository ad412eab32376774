"""Templates rendered twice: by franking's renderer, and by handlebars.js in Node."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from franking.compose.envelope import Unsendable
from franking.compose.templates import Rendered, Renderer
from franking.compose.templates.limits import LIMITS, Limits
from franking.compose.templates.process import HANDLEBARS
from franking.core.template import Book, Template, book, read

NODE = shutil.which("node")
# As the extension does it: an environment for each part, partials as texts, `String(exception)`.
ORACLE = """
const create = () => require(process.argv[1]).create();
const options = {subject: {noEscape: true}, text: {noEscape: true}, html: {}, amp: {},
                 attachments: {noEscape: true, strict: true}};
for (const name of Object.keys(console)) console[name] = () => {};
require('node:readline').createInterface({input: process.stdin}).on('line', (line) => {
  const {part, source, partials, data} = JSON.parse(line);
  const environment = create();
  if (part !== 'attachments') environment.registerPartial(partials);
  let told;
  try { told = environment.compile(source, options[part])(data); }
  catch (error) { told = String(error); }
  // The extension compiles the JSON of all attachments: `[{"filename":"` comes before.
  if (part === 'attachments') told = told.replace(/(?<= - 1:)\\d+$/, (column) => +column + 14);
  process.stdout.write(JSON.stringify(told.toWellFormed()) + '\\n');
});
"""

# Here alone the words may differ: V8 quotes its own reading of the compiled code, which is another
# one in each version of it.
_NO_FUNCTION = re.compile(r"\ATypeError: .* is not a function\Z", re.DOTALL)


class Case(msgspec.Struct, frozen=True):
    """One part's source, with its partials and data; `data` is absent where it is None."""

    source: str
    data: Any = {}
    partials: dict[str, str] = {}
    part: str = "html"

    @property
    def book(self) -> Book:
        return book(1, [self._template(), *self._partials()])

    def _template(self) -> Template:
        if self.part == "attachments":
            return Template("it", attachments=({"filename": self.source},))
        return read("it", {self.part: self.source})

    def _partials(self) -> Iterator[Template]:
        if self.part != "attachments":  # which have none
            for name, text in self.partials.items():
                yield read(name, {"partial": True, self.part: text})


class Ours:
    """franking's renderer, called from plain tests; its children live as long as it does."""

    def __init__(self, runner: asyncio.Runner, renderer: Renderer) -> None:
        self._runner = runner
        self.renderer = renderer

    def render(
        self, book: Book, name: str = "it", data: Mapping[str, Any] | None = None
    ) -> Rendered | Unsendable:
        return self._runner.run(self.renderer.render(book, name, data))

    def told(self, case: Case) -> str:
        """What the part came to, or the error."""
        found = self.render(case.book, "it", case.data)
        if isinstance(found, Unsendable):
            return found.error
        if found.attachments is not None:
            return str(found.attachments[0]["filename"])
        told: str | None = getattr(found, case.part)
        return told or ""  # an empty source is no part


@contextmanager
def ours(limits: Limits = LIMITS) -> Iterator[Ours]:
    """A renderer that is closed in the end."""
    with asyncio.Runner() as runner:
        renderer = Renderer(limits)
        try:
            yield Ours(runner, renderer)
        finally:
            runner.run(renderer.close())


class Node:
    """handlebars.js, the same file, in Node."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def told(self, case: Case) -> str:
        """What `Ours.told` must be; without partials for attachments, which have none."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked: dict[str, Any] = {
            "part": case.part,
            "source": case.source,
            "partials": case.partials,
        }
        if case.data is not None:
            asked["data"] = case.data
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        told: str = json.loads(self._process.stdout.readline())
        return _NO_FUNCTION.sub("TypeError: not a function", told)


@contextmanager
def node() -> Iterator[Node]:
    """Needs NODE."""
    assert NODE is not None
    command = [NODE, "-e", ORACLE, str(HANDLEBARS)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, encoding="utf-8") as process:
        try:
            yield Node(process)
        finally:
            process.kill()
