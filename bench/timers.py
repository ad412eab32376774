"""`franking bench timers [case …] [--small] [--markdown]`: the figures of timers.

Prints a table of figures, the ratio of creates to a bare Node server in the same run, and what
must be reached. It asserts nothing: it ends with exit code 1 only where it could not run.
"""

from __future__ import annotations

from bench.cases import program, timers_creates, timers_mail, timers_pending, timers_webhook

CASES: program.Cases = {
    "creates": timers_creates.figures,
    "lateness": timers_webhook.lateness,
    "burst": timers_webhook.burst,
    "pending": timers_pending.figures,
    "mail": timers_mail.figures,
}

if __name__ == "__main__":
    program.main("timers", CASES)
