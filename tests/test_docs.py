"""The drawn documents are what the tables say today."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

from franking.core import delivery, timer, touchpoint

DOCS = Path(__file__).parent.parent / "docs"


def test_the_machines_are_drawn_as_they_are() -> None:
    drawn = runpy.run_path(str(DOCS / "draw.py"))["drawn"]()
    told = "docs/machines.md is stale: `make docs` draws it anew"
    assert (DOCS / "machines.md").read_text("utf-8") == drawn, told


def test_drawing_writes_the_file_beside_it(tmp_path: Path) -> None:
    shutil.copy(DOCS / "draw.py", tmp_path)
    subprocess.run([sys.executable, tmp_path / "draw.py"], cwd=tmp_path, check=True)
    assert (tmp_path / "machines.md").read_bytes() == (DOCS / "machines.md").read_bytes()


def test_every_state_and_arrow_is_in_the_picture() -> None:
    text = (DOCS / "machines.md").read_text("utf-8")
    pictured = re.findall(r"^    (\S+) --> (\w+): ", text, re.MULTILINE)
    machines = (delivery.ARROWS, timer.ARROWS, touchpoint.ARROWS)
    assert len(pictured) == sum(map(len, machines))
    states = {*delivery.State, *timer.TimerState, *touchpoint.Status}
    assert {target.replace("_", " ") for _, target in pictured} == states
