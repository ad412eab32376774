"""What no file of the project may hold, and what its documents may point at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from house.layers import LAYERS
from house.source import PACKAGE, tracked, where

# Put together here, so that this file does not hold them.
_STUBS = re.compile(r"\b(TO" + "DO|FIX" + "ME|NotImplemented" + "Error)\\b")
_MACHINE = re.compile(r"(?<![\w.])/(tmp|work|root|farm|home|Users)/[\w.]")
_REGISTRY = re.compile(
    r"(pypi\.org/simple|pythonhosted\.org|registry\.npmjs\.org|registry\.yarnpkg\.com"
    r"|--(extra-)?(index-url|find-links))"
)
_DOCUMENTS = ("README.md", "ARCHITECTURE.md")
_QUOTED = re.compile(r"`([^`\s]+)`|\]\(([^)\s]+)\)")
_FOLDERS = ("src/", "tests/", "docs/", "bench/", ".ci/", *(f"{layer}/" for layer in LAYERS))
_SUFFIXES = (".py", ".md", ".sql")


def nothing_unfinished(root: Path) -> Iterator[str]:
    """Nothing is left for later: what is not there has an issue of its own."""
    yield from _lines_with(root, _STUBS, "unfinished")


def no_machine(root: Path) -> Iterator[str]:
    """No path of somebody's machine, no host that packages came from."""
    yield from _lines_with(root, _MACHINE, "a machine's path")
    yield from _lines_with(root, _REGISTRY, "a registry")


def _lines_with(root: Path, pattern: re.Pattern[str], what: str) -> Iterator[str]:
    for path in tracked(root):
        try:
            lines = path.read_text("utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(lines, 1):
            if found := pattern.search(line):
                yield f"{where(root, path, number)}: {what}: {found[0]}"


def documents_tell_the_truth(root: Path) -> Iterator[str]:
    """README and ARCHITECTURE mention only files that exist."""
    for name in _DOCUMENTS:
        path = root / name
        if not path.exists():
            yield f"{name}: missing"
            continue
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            for quoted, link in _QUOTED.findall(line):
                mentioned = (quoted or link).partition("#")[0].rstrip(".,")
                if _is_a_file(mentioned, bool(link)) and not _exists(root, mentioned):
                    yield f"{name}:{number}: there is no {mentioned}"


def _is_a_file(mentioned: str, link: bool) -> bool:
    if not mentioned or "://" in mentioned or mentioned.startswith(("/", "mailto:")):
        return False
    return link or mentioned.endswith(_SUFFIXES) or mentioned.startswith(_FOLDERS)


def _exists(root: Path, mentioned: str) -> bool:
    """A file or folder, from the root or within the package, with or without `.py`."""
    return any(
        any(base.glob(mentioned.rstrip("/") + suffix))
        for base in (root, root / "src" / PACKAGE)
        for suffix in ("", ".py")
    )
