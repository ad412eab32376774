"""The wheel that is built from the sdist holds all that franking serves, and needs no Node."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from subprocess import DEVNULL, PIPE

import aiohttp
import pytest

from build_hooks import assets, npm
from franking.web import shelf

ROOT = Path(__file__).parent.parent
WEB = "franking/web"
STUBS = {f"franking/apis/rpc/data_api_pb2{end}" for end in (".py", ".pyi", "_grpc.py")}
BUILD_SECONDS = 60
# What a build reads of the project.
READ = ("src", "build_hooks", "hatch_build.py", "pyproject.toml", "README.md", "LICENSE")
ASSETS = sorted(f"{pin.folder}/{name}" for pin in assets.read_pins(ROOT) for name in pin.names)


@pytest.fixture(scope="module")
def nowhere(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment with nothing on PATH, so without Node."""
    kept = {name: value for name, value in os.environ.items() if "FRANKING" not in name}
    return {**kept, "PATH": str(tmp_path_factory.mktemp("empty")), "PYTHONPATH": ""}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, nowhere: dict[str, str]) -> Path:
    """A folder with an sdist of this tree, and a wheel made from that."""
    tree, folder = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("dist")
    copy(tree, "__pycache__", "*_pb2*.py*")
    (tree / assets.FOLDER).with_name(".vendor-killed").mkdir()
    (tree / assets.FOLDER).with_name(".vendor-killed").joinpath("half.js").touch()
    ended = build(tree, nowhere, "--outdir", str(folder))
    assert ended.returncode == 0, ended.stdout
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    [found] = built.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """The programs of a fresh environment with the wheel in it, and what it needs from ours."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install"]
    subprocess.run([*pip, "--quiet", "--no-deps", "--no-index", str(wheel)], check=True)
    [packages] = folder.glob("lib/python*/site-packages")
    # Our own .pth, which leads to the source, is not followed from there.
    (packages / "ours.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python.parent


@pytest.fixture(scope="module")
def served(
    installed: Path, nowhere: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a `serve` of what is installed."""
    settings = {
        "FRANKING_HTTP": "127.0.0.1:0",
        "FRANKING_GRPC": "127.0.0.1:0",
        "FRANKING_SMTP_CONNECTION_URI": "smtp://127.0.0.1:9",
        "FRANKING_DEFAULT_FROM": "franking <franking@example.com>",
        "COLUMNS": "200",
        "PYTHONUNBUFFERED": "1",
    }
    process = subprocess.Popen(
        [str(installed / "franking"), "serve"],
        cwd=tmp_path_factory.mktemp("serves"),
        env={**nowhere, **settings},
        stdout=PIPE,
        stderr=DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        lines = (line for line in process.stdout if line.startswith("franking listens on "))
        line = next(lines, None)
        assert line is not None, "it ended before it listened"
        yield line.split()[3].rstrip(",")
    finally:
        process.kill()
        process.communicate()


def copy(tree: Path, *without: str) -> None:
    for name in (*READ, ".gitignore"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns(*without))
        else:
            shutil.copy(ROOT / name, tree / name)


def build(
    tree: Path, environment: dict[str, str], *options: str
) -> subprocess.CompletedProcess[str]:
    """Build with what is installed here, so without a network."""
    return subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", *options],
        cwd=tree,
        env=environment,
        stdout=PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=BUILD_SECONDS,
    )


def kept(folder: str) -> set[str]:
    """The files of a folder of the console, as the wheel names them."""
    found = (path for path in (ROOT / "src" / WEB / folder).rglob("*") if path.is_file())
    return {path.relative_to(ROOT / "src").as_posix() for path in found}


MADE = {
    f"{pin.folder.removeprefix('src/')}/{name}"
    for pin in assets.read_pins(ROOT)
    for name in (*pin.names, assets.STAMP)
}
ENGINE = {f"franking/compose/templates/{name}" for name in ("script.js", "child.py")}
HELD = MADE | STUBS | ENGINE | kept("assets") | kept("templates")


def test_the_pins_of_this_project_are_whole() -> None:
    pins = assets.read_pins(ROOT)
    names = [name for pin in pins for name in pin.names]
    assert {"htmx.org", "idiomorph", "uplot", "handlebars"} <= {pin.name for pin in pins}
    assert len(names) == len(set(names)), "two packages have a file of one name"
    for pin in pins:
        assert pin.version.replace(".", "").isdigit(), "a range is no pin"
        assert len(base64.b64decode(pin.integrity.removeprefix("sha512-"), validate=True)) == 64
        assert len(pin.names) == len(pin.files) + 1


def test_the_wheel_holds_the_console_and_the_stubs(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert HELD - names == set()
    assert {name for name in names if "vendor" in name} == MADE
    assert {name.partition("/")[0] for name in names} == {"franking", "franking-0.1.0.dist-info"}


def test_the_sdist_holds_them_too_and_what_makes_them(built: Path) -> None:
    [sdist] = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"src/{name}" for name in HELD} - names == set()
    assert {"hatch_build.py", assets.PINS, "build_hooks/npm.py"} <= names
    assert not [name for name in names if ".vendor-" in name]


def test_what_is_made_is_the_same_at_every_build(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    for name in sorted(MADE | STUBS):
        assert archive.read(name) == (ROOT / "src" / name).read_bytes(), name


def test_without_npm_a_build_says_what_is_missing(tmp_path: Path, nowhere: dict[str, str]) -> None:
    copy(tmp_path, "__pycache__", "vendor")
    ended = build(tmp_path, nowhere, "--wheel")
    assert ended.returncode != 0
    assert f"\t{npm.IN_A_WHEEL}" in ended.stdout, "asked for, with all else that is missing"
    ended = build(tmp_path, nowhere, "--wheel", "--skip-dependency-check")
    assert ended.returncode != 0
    assert "There is no npm here, which the console's files are fetched with." in ended.stdout
    assert "NpmFailed" not in ended.stdout, "words, and no traceback of ours"
    assert not (tmp_path / assets.FOLDER).exists()


SHOW = """
import franking, sys
from importlib.resources import files
assert franking.__file__.startswith(sys.prefix), franking.__file__
for name in sys.argv[1:]:
    print(name, len((files("franking") / name.partition("/franking/")[2]).read_bytes()))
"""


def test_what_is_installed_has_every_asset(
    installed: Path, nowhere: dict[str, str], tmp_path: Path
) -> None:
    command = [str(installed / "python"), "-c", SHOW, *ASSETS]
    shown = subprocess.run(command, cwd=tmp_path, env=nowhere, stdout=PIPE, text=True, check=True)
    sizes = {name: (ROOT / name).stat().st_size for name in ASSETS}
    assert shown.stdout.splitlines() == [f"{name} {sizes[name]}" for name in ASSETS]


def test_what_is_installed_runs_without_node(
    installed: Path, nowhere: dict[str, str], tmp_path: Path
) -> None:
    command = [str(installed / "franking"), "--version"]
    told = subprocess.run(command, cwd=tmp_path, env=nowhere, stdout=PIPE, text=True, check=True)
    assert told.stdout == "franking 0.1.0\n"


# What is asked of it over HTTP: the API's description, and what pages name.
@pytest.mark.parametrize("name", ["/openapi.json", "console.js", *shelf.NEEDED])
async def test_what_is_installed_serves_it_without_node(served: str, name: str) -> None:
    url = name if name.startswith("/") else shelf.Shelf().url(name)
    async with aiohttp.ClientSession(served) as client, client.get(url) as answer:
        assert answer.status == 200
        content = await answer.read()
    if name in shelf.NEEDED:
        assert content == (ROOT / assets.FOLDER / name).read_bytes()
