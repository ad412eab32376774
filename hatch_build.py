"""The build hook: makes what is never committed, for an editable install, an sdist and a wheel.

`build_hooks/` has what it makes: the Data API's stubs, and the console's third-party files.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.append(str(Path(__file__).parent))  # hatchling loads this file alone

from build_hooks import assets, npm, stubs


class Made(BuildHookInterface):  # type: ignore[type-arg,misc]
    """The build hook `custom` of hatchling."""

    def dependencies(self) -> list[str]:
        """What this build needs besides pyproject.toml's: an npm, where there is none."""
        return assets.requirements(Path(self.root))

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make all of it, or end the build with the reason in words."""
        stubs.make_stubs(Path(self.root))
        try:
            assets.put_assets(Path(self.root))
        except (assets.AssetRefused, npm.NpmFailed) as failed:
            self.app.abort(str(failed))
