"""A remainder's end, written into its parent's `info`."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from franking.core.delivery import FINAL, Delivery, Info, Outcome
from franking.stores.queries import Db


def tell_parent(db: Db, seq: int, parent: str, delivery: Delivery) -> None:
    """Move the addresses of remainder `seq` out of its parent's `pending`, once it has ended.

    One that ended in doubt stays pending there: nobody knows. A parent that is gone needs no news.
    """
    if delivery.state not in FINAL or delivery.outcome is Outcome.UNKNOWN:
        return
    found = db.value("read_info", id=parent)
    if found is None:
        return
    envelope: dict[str, Any] = msgspec.json.decode(db.value("body_of", seq=seq))
    info = moved(msgspec.json.decode(found, type=Info), envelope["recipients"], delivery.info)
    db.run("write_info", id=parent, info=msgspec.json.encode(info).decode())


def moved(info: Info, recipients: list[str], end: Info | None) -> Info:
    """The parent's info once the attempt at these recipients has ended so."""
    accepted = end.accepted if end is not None else ()
    waiting = end.pending if end is not None else ()
    rejected = tuple(a for a in recipients if a not in accepted and a not in waiting)
    left = {*accepted, *rejected}
    return replace(
        info,
        accepted=(*info.accepted, *accepted),
        rejected=(*info.rejected, *rejected),
        pending=tuple(address for address in info.pending if address not in left),
    )
