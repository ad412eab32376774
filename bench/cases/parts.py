"""Parts: composing on one core, and the SMTP client with no store behind its gate."""

from __future__ import annotations

from bench.cases import child
from bench.cases.figures import Figure
from bench.cases.run import Run

COMPOSED, COMPOSED_SMALL = 8000, 500
SENT, SENT_SMALL = 16_000, 1000
CONNECTIONS, CONNECTIONS_SMALL = (40, 10), (10,)


def figures(run: Run) -> list[Figure]:
    """Sending needs Postfix's tools."""
    count = COMPOSED_SMALL if run.small else COMPOSED
    told = child.call("composing", count=count)
    what = f"compose, mails of {told['octets']:,.0f} octets"
    found = [Figure(what, count / told["seconds"], "mails/s a core")]
    if run.port is not None:
        for connections in CONNECTIONS_SMALL if run.small else CONNECTIONS:
            found.append(_sent(run, run.port, connections))
    return found


def _sent(run: Run, port: int, connections: int) -> Figure:
    count = SENT_SMALL if run.small else SENT
    with run.limited() as limit:
        told = child.call("sender", port=port, connections=connections, count=count)
    rate = count / told["seconds"]
    return Figure(
        f"SMTP client alone, {connections} connections", rate, "mails/s", limit.ratio(rate)
    )
