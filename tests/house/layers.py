"""The order of the layers: who may import whom, without cycles, and who names what is concrete."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from house.source import PACKAGE, imports, module_name, modules, where

LAYERS = (
    *("core", "clock", "config", "stores", "compose", "transports", "outlets", "office"),
    *("engine", "apis", "web", "app", "cli"),
)
# `python -m franking` only calls the commands.
_LAYER_OF = {"__main__": "cli"}
_CONCRETE = ("stores", "transports", "outlets")
_MAY_NAME_THEM = ("app", "cli")


def order(root: Path) -> Iterator[str]:
    """A file imports its own layer or what stands to the left of it."""
    for path, line, source, target in _inner_imports(root):
        if source not in LAYERS:
            yield f"{where(root, path)}: {source} is no layer"
        elif target in LAYERS and LAYERS.index(target) > LAYERS.index(source):
            yield f"{where(root, path, line)}: {source} imports {target}"


def concrete(root: Path) -> Iterator[str]:
    """Only `app` and `cli` name concrete stores, transports and outlets; others, their `base`."""
    for path in modules(root):
        source = _layer(module_name(root, path))
        for line, name in imports(root, path):
            target = _layer(name)
            if target not in _CONCRETE or target == source or source in _MAY_NAME_THEM:
                continue
            if name != f"{PACKAGE}.{target}.base":
                yield f"{where(root, path, line)}: names {name}, which is not {target}.base"


def cycles(root: Path) -> Iterator[str]:
    """No module imports itself by a detour."""
    graph = {
        module_name(root, path): {name for _, name in imports(root, path)} for path in modules(root)
    }
    done: set[str] = set()
    for start in graph:
        if cycle := _cycle(graph, start, [], done):
            done.update(cycle)
            yield "a cycle of imports: " + " > ".join(cycle)


def _cycle(
    graph: Mapping[str, set[str]], name: str, trail: list[str], done: set[str]
) -> list[str] | None:
    if name in done or name not in graph:
        return None
    if name in trail:
        return [*trail[trail.index(name) :], name]
    for target in sorted(graph[name]):
        if found := _cycle(graph, target, [*trail, name], done):
            return found
    done.add(name)
    return None


def _inner_imports(root: Path) -> Iterator[tuple[Path, int, str, str]]:
    for path in modules(root):
        source = _layer(module_name(root, path))
        if source:
            yield path, 0, source, ""
        for line, name in imports(root, path):
            if source and _layer(name):
                yield path, line, source, _layer(name)


def _layer(name: str) -> str:
    """The layer of a module's name; empty for the package itself and for other packages."""
    package, _, rest = name.partition(".")
    first = rest.partition(".")[0]
    return _LAYER_OF.get(first, first) if package == PACKAGE else ""
