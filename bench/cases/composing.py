"""In its own process: documents to bytes, as the engine composes them, on one core."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from bench.cases import child
from bench.cases.documents import SENDER, document
from franking.clock import SystemClock
from franking.compose.envelope import Envelope
from franking.core.delivery import Delivery, State
from franking.core.event import Links
from franking.engine.compose import Composer
from franking.stores.base import Claimed, Mail


async def composing(count: int) -> dict[str, Any]:
    """Check and compose `count` documents; how long, and how large a mail was."""
    clock = SystemClock()
    composer = Composer(clock, SENDER, "")
    mails = [_claimed(number, clock) for number in range(count)]
    octets, began = 0, time.process_time()
    for claimed in mails:
        envelope = await composer.compose(claimed)
        assert isinstance(envelope, Envelope)
        octets += len(envelope.content)
    return {"seconds": time.process_time() - began, "octets": octets / count}


def _claimed(number: int, clock: SystemClock) -> Claimed:
    now = clock.now()
    mail = Mail(
        seq=number,
        id=clock.new_id(),
        account="default",
        priority=0,
        created_at=now,
        revision=1,
        version=1,
        on_unknown="ask",
        links=Links(),
        delivery=Delivery(state=State.PROCESSING, due_at=now),
        message_token=clock.new_id(),
    )
    return Claimed(mail, msgspec.Raw(msgspec.json.encode(document(number))))


if __name__ == "__main__":
    child.answer(composing)
