"""Fields that come from outside, each checked by its name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from franking.core import times
from franking.core.ids import unfit
from franking.outlets.base import Refused

LINK_CHARACTERS = 255


def known(given: Mapping[str, Any], names: Collection[str]) -> None:
    """Refuse what nobody reads: a slip of the pen would else be passed over. Raises `Refused`."""
    for name in given:
        if name not in names:
            raise wrong(name[:50], f"is not known here; there are {', '.join(names)}")


def link(given: Mapping[str, Any], name: str, required: bool = False) -> str | None:
    """The id of a record in the CRM. Raises `Refused`."""
    value = given.get(name)
    if value is None:
        if required:
            raise wrong(name, "is required")
        return None
    if not isinstance(value, str) or not 0 < len(value) <= LINK_CHARACTERS:
        raise wrong(name, f"must be a string of 1 to {LINK_CHARACTERS} characters")
    if not value.isprintable() or not value.strip():
        raise wrong(name, "must be printable")
    return value


def time(given: Mapping[str, Any], name: str) -> int:
    """A time that has to be there. Raises `Refused`."""
    value = given.get(name)
    if value is None:
        raise wrong(name, "is required")
    try:
        return times.parse(value)
    except (TypeError, ValueError):
        raise wrong(name, "must be an RFC 3339 time with a zone") from None


def mail(given: Mapping[str, Any], name: str = "mail") -> dict[str, Any]:
    """A mail document that has to be there. Raises `Refused`."""
    value = given.get(name)
    if value is None:
        raise wrong(name, "is required")
    if not isinstance(value, dict):
        raise wrong(name, "must be an object: the mail document")
    return value


def own_id(id: str) -> str:
    """A touchpoint's id that its maker chose; its timer and its mail get it too."""
    why = unfit(id, "A touchpoint")
    if why is None and not id.isprintable():
        why = "A touchpoint's id has printable characters only."
    if why is not None:
        raise Refused(400, f"Field 'id': {why}", "bad_field")
    return id


def wrong(name: str, what: str) -> Refused:
    return Refused(400, f"Field '{name}' {what}.", "bad_field")
