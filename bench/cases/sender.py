"""In its own process: the SMTP client alone, with a gate that is always open."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from bench.cases import child
from bench.limit import OCTETS
from franking.compose.envelope import Envelope
from franking.transports.base import Receipt
from franking.transports.smtp import Smtp
from franking.transports.smtp_settings import SmtpSettings

# So many mails wait for each connection, that none has to wait for a mail.
WAITING = 4
LINE = b"x" * 68 + b"\r\n"


class Open:
    """A gate without a store."""

    async def transmitting(self) -> bool:
        return True

    def begins(self) -> bool:
        return True

    def held(self) -> bool:
        return True


async def send(port: int, connections: int, count: int) -> dict[str, Any]:
    """Send `count` ready mails of the limit's size."""
    smtp = Smtp(SmtpSettings(host="127.0.0.1", port=port), connections=connections)
    content = b"Subject: bench\r\n\r\n" + LINE * (OCTETS // len(LINE))
    envelope = Envelope("a@example.com", ("b@example.com",), content, "<1@example.com>")
    numbers = iter(range(count))

    async def caller() -> None:
        for _ in numbers:
            answer = await smtp.send(envelope, Open())
            assert isinstance(answer, Receipt), answer

    began = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(connections * WAITING)))
    seconds = time.perf_counter() - began
    await smtp.close()
    return {"seconds": seconds}


if __name__ == "__main__":
    child.answer(send)
