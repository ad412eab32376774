"""Errors in Apex's own shape, and the checks of a row before it is written."""

from __future__ import annotations

from typing import Any

import msgspec

from franking.core.touchpoint import ConquerError, Touchpoint

LOCKED = (
    "System.DmlException: Update failed. First exception on row 0 with id {id}; first error:"
    " UNABLE_TO_LOCK_ROW, unable to obtain exclusive access to this record: []"
    "\n\nClass.DS_Packages.DialSourceCadenceServices.doPost: line 57, column 1"
)
TOO_LONG = (
    "System.DmlException: Update failed. First exception on row 0; first error: STRING_TOO_LONG,"
    " {field}: data value too large: (max length={units}): [{field}]"
)
TOUCHPOINT_UNITS = {
    "status": 255,
    "error_message": 5_000,
    "error_message_truncated": 255,
    "error_code": 255,
    "error_category": 40,
    "last_event_id": 255,
}
ERROR_UNITS = {
    "status": 255,
    "error_message": 5_000,
    "error_message_truncated": 255,
    "error_code": 255,
    "event_id": 255,
}


class ApexError(Exception):
    """An answer of Apex that is no success."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = errors(code, message)


def errors(code: str, message: str) -> bytes:
    """The array that every error comes in."""
    return msgspec.json.encode([{"errorCode": code, "message": message}])


def check_lengths(row: Touchpoint | ConquerError) -> None:
    """Raises `ApexError` for a text that its field can't hold, as DML does."""
    limits = TOUCHPOINT_UNITS if isinstance(row, Touchpoint) else ERROR_UNITS
    for field, units in limits.items():
        value: Any = getattr(row, field)
        if value is not None and len(value.encode("utf-16-le")) // 2 > units:
            raise ApexError(500, "APEX_ERROR", TOO_LONG.format(field=field, units=units))
