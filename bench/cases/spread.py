"""Where a share of the values lies."""

from __future__ import annotations

from collections.abc import Sequence


def at(values: Sequence[float], share: float) -> float:
    """The value that `share` of them do not exceed: 0.5 is the median, 1 the largest."""
    ordered = sorted(values)
    return ordered[max(0, round(share * len(ordered)) - 1)]
