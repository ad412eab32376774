"""A zygote (`cli.zygote`) whose processes have weak spots: run with the path of a socket."""

from __future__ import annotations

import sys

from cli.zygote import until_asked
from franking.cli import main
from kill.worker import weaken

if __name__ == "__main__":
    until_asked(sys.argv[1])
    weaken()
    main()
