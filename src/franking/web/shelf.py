"""The console's style sheets, scripts and icon, held in memory and named by what they hold.

`vendor/` is made at build from pinned npm packages, `assets/` is ours. A name that ends in the
file's own digest never changes its content, so browsers keep it; nothing else is served.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.resources import files

from franking.apis.answers import Answer
from franking.apis.calls import Ask
from franking.apis.problems import Problem

PATH = "/assets"
FOLDERS = ("assets", "vendor")
TYPES = {
    "css": b"text/css; charset=utf-8",
    "js": b"text/javascript; charset=utf-8",
    "svg": b"image/svg+xml",
}
# What pages name: were one missing, a page would stay without life and nobody know why.
NEEDED = ("htmx.min.js", "idiomorph-ext.min.js", "uPlot.iife.min.js", "uPlot.min.css")


class AssetsMissing(Exception):
    """This franking was installed without what its build makes; the text says what to do."""


class Shelf:
    """Every asset by its path. Raises `AssetsMissing`."""

    def __init__(self) -> None:
        found = _read()
        missing = [name for name in NEEDED if name not in found]
        if missing:
            raise AssetsMissing(
                f"The console's {', '.join(missing)} are missing: this franking was not built"
                " whole. Install it with pip, which builds it, or run without the console"
                " (`franking serve --only api,worker,…`)."
            )
        self._names = {name: _named(name, content) for name, content in found.items()}
        self._answers = {
            self._names[name]: _Asset(200, content, media_type=TYPES[_kind(name)])
            for name, content in found.items()
        }

    def url(self, name: str) -> str:
        """The path of an asset by its file's name. Raises `KeyError`."""
        return f"{PATH}/{self._names[name]}"

    async def show(self, request: Ask) -> Answer:
        """GET /assets/{name}."""
        found = self._answers.get(request.scope["path_params"]["name"])
        if found is None:
            raise Problem(404, "unknown_path", "There is no such asset.", "Load the page again.")
        return found


class _Asset(Answer):
    """An answer that browsers keep, since its name would change with its content."""

    __slots__ = ()

    always = (
        (b"cache-control", b"public, max-age=31536000, immutable"),
        (b"x-content-type-options", b"nosniff"),
    )


def _read() -> Mapping[str, bytes]:
    found: dict[str, bytes] = {}
    for folder in FOLDERS:
        place = files("franking.web") / folder
        if not place.is_dir():
            continue
        for file in place.iterdir():
            if _kind(file.name) in TYPES:
                found[file.name] = file.read_bytes()
    return found


def _kind(name: str) -> str:
    return name.rpartition(".")[2]


def _named(name: str, content: bytes) -> str:
    stem, _, kind = name.rpartition(".")
    return f"{stem}-{hashlib.sha256(content).hexdigest()[:12]}.{kind}"
