"""An npm in reach of a tree with pins, which has the packages that a test publishes."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from build_hooks import assets

# Answers as npm does, from the tarballs that lie beside it, and keeps what it was asked.
FAKE_NPM = """#!/bin/sh
[ "$1" = --version ] && exit 0
echo "$*" >> "$0.asked"
[ -e "$0.$2.tgz" ] && exec /bin/cp "$0.$2.tgz" .
echo "npm error code ENOTFOUND" >&2
exit 1
"""


class Registry:
    """A tree with pins, and an npm on PATH that has their packages; nothing else is on it."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.npm = tmp_path / "tree", tmp_path / "bin" / "npm"
        self.folder = self.root / assets.FOLDER
        self.pins: dict[str, dict[str, Any]] = {}
        for folder in (self.npm.parent, (self.root / assets.PINS).parent):
            folder.mkdir(parents=True)
        self.npm.write_text(FAKE_NPM)
        self.npm.chmod(0o755)
        monkeypatch.setenv("PATH", str(self.npm.parent))

    def publish(self, name: str, version: str, files: dict[str, bytes]) -> None:
        """Have a package with these files, and pin all of them."""
        self.have(name, version, tarball({f"package/{path}": files[path] for path in files}))
        self.pin(name, files=[path for path in files if path != "LICENSE"])

    def have(self, name: str, version: str, content: bytes) -> None:
        """Have this for a tarball, and pin its digest."""
        kept = self.npm.parent / f"npm.{name}@{version}.tgz"
        kept.parent.mkdir(exist_ok=True)
        kept.write_bytes(content)
        self.pin(name, version=version, integrity=integrity(content))

    def pin(self, name: str, **said: Any) -> None:
        known = self.pins.setdefault(name, {"name": name, "files": [], "license": "LICENSE"})
        known |= said
        lines = [
            line
            for pin in self.pins.values()
            for line in ("[[package]]", *(f"{key} = {value!r}" for key, value in pin.items()))
        ]
        (self.root / assets.PINS).write_text("\n".join(lines))

    @property
    def asked(self) -> list[str]:
        asked = self.npm.with_name("npm.asked")
        return asked.read_text().splitlines() if asked.exists() else []

    @property
    def packed(self) -> list[str]:
        return [line.split()[1] for line in self.asked]

    @property
    def made(self) -> dict[str, bytes]:
        if not self.folder.exists():
            return {}
        return {path.name: path.read_bytes() for path in self.folder.iterdir()}

    @property
    def whole(self) -> bool:
        return assets.in_place(assets.read_pins(self.root), self.root)

    @property
    def left_over(self) -> list[Path]:
        return list(self.folder.parent.glob(".vendor-*"))


def integrity(content: bytes) -> str:
    """Its digest, as npm writes it."""
    return "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()


def tarball(files: dict[str, bytes], links: tuple[str, ...] = ()) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for path, data in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        for path in links:
            member = tarfile.TarInfo(path)
            member.type, member.linkname = tarfile.SYMTYPE, "package.json"
            archive.addfile(member)
    return content.getvalue()
