"""What docs/timers.md shows a receiver to run does tell our calls from others'."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from franking.transports.webhook_signature import secret_key, signed

DOCUMENT = Path(__file__).parents[2] / "docs" / "timers.md"
SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
BODY = '{"order": 7, "name": "Grüße"}'.encode()
KEYS = (b"an older key that goes on for now", secret_key(SECRET))


@pytest.fixture
def genuine() -> Callable[..., bool]:
    """The function in the document."""
    [code] = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    found: Callable[..., bool] = names["genuine"]
    return found


def test_it_refuses_what_is_not_ours(genuine: Callable[..., bool]) -> None:
    now = int(time.time())
    ours = dict(signed(KEYS, "order-7.1", now, BODY))
    assert not genuine(ours, BODY + b" ", SECRET)
    assert not genuine(ours | {"webhook-id": "order-8.1"}, BODY, SECRET)
    assert not genuine(ours | {"webhook-timestamp": str(now - 1)}, BODY, SECRET)
    assert not genuine(dict(signed(KEYS[:1], "order-7.1", now, BODY)), BODY, SECRET)
    assert not genuine(dict(signed(KEYS, "order-7.1", now - 301, BODY)), BODY, SECRET)


def test_it_takes_what_is_ours(genuine: Callable[..., bool]) -> None:
    assert genuine(dict(signed(KEYS, "order-7.1", int(time.time()), BODY)), BODY, SECRET)
