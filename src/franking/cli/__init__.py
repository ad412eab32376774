"""The command line: `franking serve`, `send`, `import` and the rest.

What a command needs is imported when it runs, so that `franking --help` answers at once.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command that the process was started with."""
    from franking.cli.commands import app
    from franking.cli.exits import check, told

    with told():
        check(sys.argv)
        app()
