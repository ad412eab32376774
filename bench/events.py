"""`franking bench events [case …] [--small] [--markdown]`: how fast the CRM hears what happened."""

from __future__ import annotations

from bench.cases import events_backlog, events_heard, program

CASES: program.Cases = {"heard": events_heard.figures, "backlog": events_backlog.figures}

if __name__ == "__main__":
    program.main("events", CASES)
