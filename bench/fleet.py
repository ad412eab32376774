"""`franking bench fleet [case …] [--database URL] [--scale 0.1] [--small] [--markdown]`.

Several processes on one PostgreSQL: how fast they drain it, whether many hinder each other, what a
large backlog and years of finished mail cost a claim, and how soon an idle fleet starts a mail.
"""

from __future__ import annotations

from bench.cases import fleet_backlog, fleet_claims, fleet_drain, fleet_start, program

CASES: program.Cases = {
    "drain": fleet_drain.figures,
    "claims": fleet_claims.figures,
    "backlog": fleet_backlog.figures,
    "start": fleet_start.figures,
}

if __name__ == "__main__":
    program.main("fleet", CASES, shared=True)
