"""What any words of a mail server mean: the same verdict that a failed mail gets."""

from __future__ import annotations

from franking.core.codes import codes
from franking.core.fault import Failure, Fault, judge


def explain(text: str, code: int | None, enhanced: str | None) -> Fault:
    """The verdict on words alone; a code that is given goes before one that the words hold.

    Where a conversation stood is not known, so a bare code is not guessed to be about anyone.
    """
    told_reply, told_enhanced = codes(text)
    return judge(
        Failure(
            step="greeting",
            text=text,
            error=f"Error: {text}",
            reply_code=code if code is not None else told_reply,
            enhanced=enhanced or told_enhanced,
        )
    )
