"""What a conversation tells the one who carries its bytes."""

from __future__ import annotations

import msgspec

from franking.core.fault import Failure
from franking.transports.base import Doubt, Receipt, Rejected


class NeedTls(msgspec.Struct, frozen=True):
    """The server agreed to STARTTLS: shake hands, then call `secured`."""


class Opened(msgspec.Struct, frozen=True):
    """Mails may begin."""


class GoAhead(msgspec.Struct, frozen=True):
    """The oldest mail's content may go out."""


class Settled(msgspec.Struct, frozen=True):
    """The oldest mail has its ending."""

    answer: Receipt | Rejected | Doubt


class Untried(msgspec.Struct, frozen=True):
    """The oldest mail never began: the kept connection was dead, or closed with a 421."""


class Over(msgspec.Struct, frozen=True):
    """The conversation has ended; `failure` is None after our own QUIT."""

    failure: Failure | None


Event = NeedTls | Opened | GoAhead | Settled | Untried | Over
