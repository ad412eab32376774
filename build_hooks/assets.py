"""Puts the third-party files that `assets.toml` pins where they are used, at every build.

They are never committed and go into sdist and wheel, so that what is installed asks nobody for
them. A tarball is read only after its digest was found to be the pin's, and then only the files
that are named here, under names that are made here: what is in it decides nothing.

Each folder has a stamp, written last, with the pins and the digest of each file. Where it is true
nothing is fetched: a wheel that is built from an sdist needs neither npm nor a network. A pin that
changed, a file that changed or is missing, a build that was interrupted: then it is not true, and
all of that folder are fetched anew.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import tarfile
import tempfile
import tomllib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from build_hooks import npm

PINS = "build_hooks/assets.toml"
FOLDER = "src/franking/web/vendor"
STAMP = "stamp.json"
# npm puts everything below this.
_TOP = "package"


class AssetRefused(Exception):
    """A tarball is not what its pin says; tells which and why, in words."""


@dataclass(frozen=True)
class Pin:
    """One npm package: `integrity` is its tarball's digest, as npm writes it."""

    name: str
    version: str
    integrity: str
    files: list[str]
    license: str
    folder: str = FOLDER

    @property
    def names(self) -> dict[str, str]:
        """What its files are called here, each with its path in the tarball."""
        named = {PurePosixPath(path).name: path for path in self.files}
        flat = self.name.lstrip("@").replace("/", "-")
        return named | {f"LICENSE-{flat}.txt": self.license}

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


def read_pins(root: Path) -> list[Pin]:
    told = tomllib.loads((root / PINS).read_text("utf-8"))
    return [Pin(**package) for package in told["package"]]


def requirements(root: Path) -> list[str]:
    """What a build must have installed to fetch them: an npm, where they and it are missing."""
    if in_place(read_pins(root), root) or npm.on_path():
        return []
    return [npm.IN_A_WHEEL]


def put_assets(root: Path, pack: Callable[[str], bytes] = npm.pack) -> None:
    """Have them all in their folders, or change nothing; raises `AssetRefused` and `NpmFailed`."""
    taken = {}
    for folder, pins in _folders(read_pins(root)).items():
        if not in_place(pins, root):
            files: dict[str, bytes] = {}
            for pin in pins:
                files |= _taken(pin, pack(str(pin)))
            taken[folder] = files, _stamp(pins, files)
    for folder, (files, stamp) in taken.items():
        _write(root / folder, files, stamp)


def in_place(pins: list[Pin], root: Path) -> bool:
    """Are they all there, whole, and those that the pins name?"""
    return all(_whole(few, root / folder) for folder, few in _folders(pins).items())


def _folders(pins: list[Pin]) -> dict[str, list[Pin]]:
    """The pins of each folder."""
    return {
        folder: [pin for pin in pins if pin.folder == folder]
        for folder in dict.fromkeys(pin.folder for pin in pins)
    }


def _whole(pins: list[Pin], folder: Path) -> bool:
    try:
        files = {name: (folder / name).read_bytes() for pin in pins for name in pin.names}
        return (folder / STAMP).read_text("utf-8") == _stamp(pins, files)
    except (OSError, UnicodeDecodeError):
        return False


def _stamp(pins: list[Pin], files: dict[str, bytes]) -> str:
    digests = {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)}
    return json.dumps({"pins": [asdict(pin) for pin in pins], "files": digests}, indent=1) + "\n"


def _taken(pin: Pin, tarball: bytes) -> dict[str, bytes]:
    digest = "sha512-" + base64.b64encode(hashlib.sha512(tarball).digest()).decode()
    if digest != pin.integrity:
        raise AssetRefused(
            f"The tarball of {pin} does not match its pin, and nothing was taken from it. "
            f"{PINS} says {pin.integrity}; it has {digest}."
        )
    with tarfile.open(fileobj=io.BytesIO(tarball)) as archive:
        return {name: _member(pin, archive, path) for name, path in pin.names.items()}


def _member(pin: Pin, archive: tarfile.TarFile, path: str) -> bytes:
    try:
        found = archive.getmember(f"{_TOP}/{path}")
    except KeyError:
        raise AssetRefused(f"The tarball of {pin} has no {path}, which {PINS} names.") from None
    content = archive.extractfile(found) if found.isfile() else None
    if content is None:
        raise AssetRefused(f"{path} in the tarball of {pin} is no file.")
    return content.read()


def _write(folder: Path, files: dict[str, bytes], stamp: str) -> None:
    """Written aside and then moved, so that a franking that serves these reads no half of one."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".vendor-", dir=folder.parent) as aside:
        for name, content in {**files, STAMP: stamp.encode()}.items():
            (Path(aside) / name).write_bytes(content)
        for name in (*files, STAMP):
            os.replace(Path(aside) / name, folder / name)
    for path in folder.iterdir():
        if path.name not in files and path.name != STAMP:
            path.unlink()
