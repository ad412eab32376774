"""The shape of files and functions: lengths, docstrings, names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from house.source import functions, modules, python_files, syntax, where

MAX_FILE_LINES = 300
USUAL_FILE_LINES = 250
MAX_FUNCTION_LINES = 70
MAX_MEDIAN_LINES = 10

# Data, not code.
_MAY_BE_LONG = ("src/franking/core/rules.py", "src/franking/core/rules/")
_PROMISES = ("stores/base.py", "transports/base.py", "outlets/base.py")
_FORBIDDEN = frozenset(
    ("util", "utils", "common", "helper", "helpers", "manager", "managers", "handler", "handlers")
)
_DEFINITIONS = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def file_lengths(root: Path) -> Iterator[str]:
    """A file is never over 300 lines, and one in ten at most is over 250."""
    long = []
    counted = [path for path in modules(root) if not _is_data(root, path)]
    for path in counted:
        lines = len(path.read_text("utf-8").splitlines())
        if lines > MAX_FILE_LINES:
            yield f"{where(root, path)}: {lines} lines, more than {MAX_FILE_LINES}"
        elif lines > USUAL_FILE_LINES:
            long.append(f"{where(root, path)} ({lines})")
    if len(long) * 10 > len(counted):
        yield f"not rarely over {USUAL_FILE_LINES} lines: {', '.join(long)}"


def _is_data(root: Path, path: Path) -> bool:
    return where(root, path).startswith(_MAY_BE_LONG)


def function_lengths(root: Path) -> Iterator[str]:
    """A function has 70 lines at most, tests and benches too."""
    for path in python_files(root):
        for function in functions(path):
            if _lines(function) > MAX_FUNCTION_LINES:
                at = where(root, path, function.lineno)
                yield f"{at}: {function.name} has {_lines(function)} lines"


def median_function(root: Path) -> Iterator[str]:
    """The package's functions have a median under 10 lines, promises without a body not counted."""
    lengths = [
        _lines(function)
        for path in modules(root)
        for function in functions(path)
        if not _is_promise(function)
    ]
    if lengths and median(lengths) >= MAX_MEDIAN_LINES:
        yield f"the median function has {median(lengths)} lines"


def _lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def _is_promise(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return all(
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        for node in function.body
    )


def module_docstrings(root: Path) -> Iterator[str]:
    """Every file begins by saying in a sentence what it holds."""
    for path in python_files(root):
        told = ast.get_docstring(syntax(path))
        if not told:
            yield f"{where(root, path)}: no docstring"
        elif not told.split("\n\n")[0].endswith("."):
            yield f"{where(root, path)}: its docstring begins with no sentence"


def promises(root: Path) -> Iterator[str]:
    """In a `base`, every public class and function says what it promises.

    A method of a class that is no protocol is a value's own, and its name may be enough.
    """
    for path in modules(root):
        if not path.as_posix().endswith(_PROMISES):
            continue
        for name, node in _public(syntax(path)):
            if not ast.get_docstring(node):
                yield f"{where(root, path, node.lineno)}: {name} promises nothing"


def _public(
    tree: ast.Module,
) -> Iterator[tuple[str, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in tree.body:
        if isinstance(node, _DEFINITIONS) and not node.name.startswith("_"):
            yield node.name, node
        if isinstance(node, ast.ClassDef) and "Protocol" in map(ast.unparse, node.bases):
            for inner in node.body:
                if isinstance(inner, _DEFINITIONS):
                    yield f"{node.name}.{inner.name}", inner


def names(root: Path) -> Iterator[str]:
    """No file, class or function is named for nothing in particular; no class waits for heirs."""
    for path in python_files(root):
        if _words(path.stem) & _FORBIDDEN or _words(path.parent.name) & _FORBIDDEN:
            yield f"{where(root, path)}: its name says nothing"
        for node in ast.walk(syntax(path)):
            if isinstance(node, _DEFINITIONS) and (bad := _words(node.name) & _FORBIDDEN):
                yield f"{where(root, path, node.lineno)}: {node.name} says {', '.join(bad)}"
            if isinstance(node, (ast.Name, ast.Attribute)) and _last(node) in {"ABC", "ABCMeta"}:
                yield f"{where(root, path, node.lineno)}: a base class with hooks"


def _words(name: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(name)}


def _last(node: ast.Name | ast.Attribute) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr
