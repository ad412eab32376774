"""Lanes: which timers wait for the same receiver."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from franking.core.timer import Callback
from franking.core.timer.lanes import MAIL_LANE, lane


@pytest.mark.parametrize(
    ("transport", "uri", "found"),
    [
        ("http", "http://a.example/hook", "http a.example:80"),
        ("http", "https://a.example/other?q=1#f", "http a.example:443"),
        ("http", "HTTPS://A.Example:443", "http a.example:443"),
        ("http", "http://user:password@a.example:8080/", "http a.example:8080"),
        ("http", "http://[2001:db8::1]:8080/", "http 2001:db8::1:8080"),
        ("tcp", "tcp://a.example:9", "tcp a.example:9"),
        ("tcp", "tcp://a.example", "tcp a.example:0"),
        # What can't be read has a lane too, for its timers must fail when they are due.
        ("http", "", "http ?:0"),
        ("http", "a.example", "http ?:0"),
        ("http", "http://[::1", "http ?:0"),
        ("http", "http://a.example:99999/", "http ?:0"),
        ("http", "http://a.example:x/", "http ?:0"),
        ("http", "http://ex\u2100mple/", "http ?:0"),
        # No database keeps a NUL as it is.
        ("http", "http://a\x00b/", "http ?:80"),
        ("http", "http://a\u200bb/", "http ?:80"),
        ("http", f"http://{'a' * 4_000}/", f"http {'a' * 255}:80"),
        ("mail", "http://a.example/", MAIL_LANE),
        ("smtp", "", MAIL_LANE),
    ],
)
def test_a_lane_is_transport_host_and_port(transport: str, uri: str, found: str) -> None:
    assert lane(Callback(transport, "post", uri)) == found


@given(uri=st.text(), scheme=st.sampled_from(["", "http://", "tcp://", "http://["]))
def test_any_address_has_a_lane_that_a_database_can_keep(uri: str, scheme: str) -> None:
    found = lane(Callback("http", "post", scheme + uri))
    assert found.isprintable()
    assert found != MAIL_LANE
    assert len(found) < 300
