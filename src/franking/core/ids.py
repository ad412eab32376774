"""Which ids a mail or an account may have: Firestore's rule for the ids of documents."""

from __future__ import annotations

import re
from collections.abc import Collection

MOST_CHARACTERS = 255
# Other calls live at these places beside the mails.
RESERVED = ("batch", "retry")


def unfit(id: str, whose: str, reserved: Collection[str] = RESERVED) -> str | None:
    """Why `whose` id can't be this one; None where it can."""
    if not 0 < len(id) <= MOST_CHARACTERS:
        return f"{whose}'s id has 1 to {MOST_CHARACTERS} characters; this has {len(id)}."
    if _BARRED.search(id):
        return f"{whose}'s id has no '/' and no control characters."
    if id in (".", "..") or (id.startswith("__") and id.endswith("__")):
        return f"{whose}'s id is not '.', '..' or of the form '__…__'."
    if id in reserved:
        return f"{whose}'s id can't be '{id}': another call lives at this path."
    return None


_BARRED = re.compile(r"[/\x00-\x1f\x7f-\x9f]")
