"""Reads a source tree for the rules: its modules, their syntax, and what they import."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

PACKAGE = "franking"
_NOT_OURS = frozenset((".git", ".venv", "__pycache__", "node_modules", "vendor"))
# What the build makes of a `.proto`.
_GENERATED = ("_pb2.py", "_pb2.pyi", "_pb2_grpc.py")


def modules(root: Path) -> list[Path]:
    """The package's files, in order; not those that a build generates."""
    found = (root / "src" / PACKAGE).rglob("*.py")
    return sorted(path for path in found if not path.name.endswith(_GENERATED))


def python_files(root: Path) -> list[Path]:
    return [path for path in tracked(root) if path.suffix == ".py"]


@lru_cache(maxsize=8)
def tracked(root: Path) -> list[Path]:
    """The files that belong to the project, also those that wait to be added."""
    if (root / ".git").exists():
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=root, check=True, capture_output=True).stdout
        paths = [root / name for name in listed.decode().split("\0") if name]
    else:
        paths = [path for path in root.rglob("*") if not _NOT_OURS & set(path.parts)]
    return sorted(path for path in paths if path.is_file() and not path.name.endswith(_GENERATED))


@lru_cache(maxsize=2048)
def syntax(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def where(root: Path, path: Path, line: int | None = None) -> str:
    name = path.relative_to(root).as_posix()
    return name if line is None else f"{name}:{line}"


def module_name(root: Path, path: Path) -> str:
    parts = path.relative_to(root / "src").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@lru_cache(maxsize=8)
def _names(root: Path) -> frozenset[str]:
    return frozenset(module_name(root, module) for module in modules(root))


def imports(root: Path, path: Path) -> Iterator[tuple[int, str]]:
    """Line and name of all that a module imports; of the package, the very module meant."""
    known = _names(root)
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = _base(root, path, node)
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield node.lineno, inner if inner in known else base


def _base(root: Path, path: Path, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = module_name(root, path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    above = package[: len(package) - node.level + 1]
    return ".".join([*above, *([node.module] if node.module else [])])


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(syntax(path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def dotted(node: ast.expr) -> str:
    """The text of a name such as `datetime.now`; calls within are written `()`."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return f"{dotted(node.func)}()" if isinstance(node, ast.Call) else ""


def docstring_nodes(tree: ast.Module) -> set[int]:
    """The ids of the nodes that are docstrings."""
    found = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            found.add(id(body[0].value))
    return found
