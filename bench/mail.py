"""`franking bench mail [case …] [--small] [--markdown]`: the figures of a mail's whole way.

Prints a table of figures, their ratios to the limit taken in the same run, and what must be
reached. It asserts nothing: it ends with exit code 1 only where it could not run.
"""

from __future__ import annotations

from bench.cases import (
    accept,
    backlog,
    drain,
    errors,
    fairness,
    http,
    idle,
    parts,
    program,
    templates,
)

CASES: program.Cases = {
    "drain": drain.figures,
    "accept": accept.figures,
    "http": http.figures,
    "backlog": backlog.figures,
    "fairness": fairness.figures,
    "errors": errors.figures,
    "idle": idle.figures,
    "parts": parts.figures,
    "templates": templates.figures,
}

if __name__ == "__main__":
    program.main("mail", CASES)
