"""What reps have before them: touchpoints that are planned, failed, or wait for a person."""

from __future__ import annotations

from typing import Any

from console.served import Served
from eventually import eventually

NO_SUCH = "550 5.1.1 No such user"
FULL = "552 5.2.2 The mailbox is full"
LATER = "451 4.3.0 Try again later"
DUE = "2026-11-21T00:00:00Z"


def planned(served: Served, to: str, subject: str = "Hello", member: str = "a0Y1") -> str:
    """An automated touchpoint that is due; its id."""
    mail = {"to": to, "message": {"subject": subject, "text": "Hi"}}
    given: dict[str, Any] = {"type": "automated", "cadenceMemberId": member, "dueAt": DUE}
    shown = served.run(served.installation.embedded.package.create(given | {"mail": mail}, None))
    served.installation.engine.due(0)
    return str(shown.touchpoint.id)


def manual(served: Served, member: str = "a0Y2") -> str:
    """A touchpoint whose email a person writes; its id."""
    given = {"type": "manual", "cadenceMemberId": member}
    return str(served.run(served.installation.embedded.package.create(given, None)).touchpoint.id)


def reached(served: Served, id: str, status: str) -> None:
    """Wait until a touchpoint has a status."""

    async def look() -> bool:
        shown = await served.installation.embedded.package.read(id)
        return bool(shown.touchpoint.status == status)

    served.run(eventually(look))


def failed(served: Served, to: str, reply: str = FULL, **given: Any) -> str:
    """A touchpoint in Error: the server answered `reply`, and takes the next; its id."""
    served.box.rcpt[to] = [reply]
    id = planned(served, to, **given)
    reached(served, id, "Error")
    del served.box.rcpt[to]
    return id


def doubtful(served: Served, to: str) -> str:
    """A touchpoint in Error of whose email nobody knows whether it arrived; its id."""
    served.box.hang_up = True
    id = planned(served, to)
    reached(served, id, "Error")
    served.box.hang_up = False
    return id
