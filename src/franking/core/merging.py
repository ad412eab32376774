"""JSON Merge Patch (RFC 7396) for a mail document: the top level and `message`, no deeper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NESTED = "message"


def merged(document: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """The document with `patch` merged in: null removes a field; `delivery` is not ours to merge.

    A `message` that is a map is merged field by field, into an empty one where there was none; any
    other value replaces the old one.
    """
    fields = {name: value for name, value in patch.items() if name != "delivery"}
    result = _over(document, fields)
    old, new = document.get(NESTED), fields.get(NESTED)
    if isinstance(new, Mapping):
        result[NESTED] = _over(old if isinstance(old, Mapping) else {}, new)
    return result


def _over(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    result = {**old, **new}
    return {name: value for name, value in result.items() if name not in new or value is not None}
