"""`franking bench console [--small] [--markdown]`: the console's pages over a million mails.

Prints each page's times, then a table of figures and what must be reached. It asserts nothing: it
ends with exit code 1 only where it could not run.
"""

from __future__ import annotations

from bench.cases import console_pages, program

CASES: program.Cases = {"pages": console_pages.figures}

if __name__ == "__main__":
    program.main("console", CASES)
