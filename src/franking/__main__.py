"""`python -m franking` is `franking`."""

from franking.cli import main

main()
