"""What a million mails that wait and five million that have ended cost a claim.

Claims from there and from a database with 1,000 mails that wait take turns, a worker's way: what
was claimed is settled, and as much is submitted again. Then the same with what queues in
PostgreSQL suffer most from: a transaction that stays open elsewhere while tens of thousands of
mails are claimed and settled, so that no dead row can be cleared away.
"""

from __future__ import annotations

from typing import Any

from bench.cases import child, fleet_rows
from bench.cases.figures import Figure, Goal
from bench.cases.fleet_server import connected, server
from bench.cases.run import Run

FEW = 1_000
WAITING, FINISHED = 1_000_000, 5_000_000
SMALL = 0.0005
ROUNDS, ROUNDS_SMALL = 100, 5
CHURNED, CHURNED_SMALL = 50_000, 500
ACCOUNTS = 100


def figures(run: Run) -> list[Figure]:
    """Claims from the many against claims from the few, at rest and after a churn."""
    scale = SMALL if run.small else run.scale
    waiting, finished = round(WAITING * scale), round(FINISHED * scale)
    here = server(run)
    with here.database() as few, here.database() as many:
        fleet_rows.fill(run, few, fleet_rows.Rows(FEW, accounts=ACCOUNTS))
        fleet_rows.fill(run, many, fleet_rows.Rows(waiting, finished, ACCOUNTS))
        what = f"claim, {waiting:,} wait and {finished:,} ended"
        found = [_figure(what, _claims(run, few, many))]
        churned = CHURNED_SMALL if run.small else CHURNED
        with connected(many) as connection, connection.transaction():
            # From here on no row that dies can be cleared away.
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            connection.execute("SELECT count(*) FROM account")
            child.call("fleet_churn", url=many, count=churned)
            told = _claims(run, few, many)
        found.append(_figure(f"{what}; after {churned:,}, nothing cleared away", told))
    return found


def _claims(run: Run, few: str, many: str) -> dict[str, Any]:
    rounds = ROUNDS_SMALL if run.small else ROUNDS
    return child.call("claims", few=few, many=many, rounds=rounds)


def _figure(what: str, told: dict[str, Any]) -> Figure:
    rate = told["limit"] / told["many_ms"] * 1000
    ratio = told["few_ms"] / told["many_ms"]
    goal = Goal(0.8, 0.95, of_ratio=True)
    return Figure(what, rate, "mails/s", ratio, f"rate at {FEW:,}", goal)
