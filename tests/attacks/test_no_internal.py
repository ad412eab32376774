"""Whatever is asked over gRPC is answered, and never as a fault of ours; the service goes on.

INTERNAL and UNKNOWN say that something broke in here, UNAVAILABLE and DEADLINE_EXCEEDED that
nothing came back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from attacks import hostile
from attacks.besieged import PATIENCE_SECONDS, Besieged
from attacks.hostile import Drawn, examples
from franking.apis.rpc import data_api_pb2 as pb
from franking.apis.rpc import data_api_pb2_grpc

BROKEN = (
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
)

# What protobuf takes for text has no halves of surrogate pairs.
texts = hostile.texts.map(lambda text: text.encode("utf-8", "replace").decode())
ids = st.sampled_from(["g1", "g2"]) | texts
small = st.integers(-(2**31), 2**31 - 1)
large = st.sampled_from([0, 1, -1, 100, 2**31, 2**63 - 1, -(2**63), 253402300800000])
moments = st.builds(
    Timestamp,
    seconds=st.sampled_from([0, 253402300799, 253402300800, -62135596801, 2**63 - 1, -(2**63)]),
    nanos=small,
)
jsons = texts | (hostile.documents | hostile.anything).map(json.dumps)
callbacks = st.builds(
    pb.Callback,
    transport=st.sampled_from(["http", "tcp", "mail", "smtp", "x"]),
    method=texts | st.just("post"),
    uri=texts | st.just("http://127.0.0.1:1/"),
)
data: Drawn = st.fixed_dictionaries({}) | st.builds(dict, text=texts) | st.builds(dict, json=jsons)
when: Drawn = st.fixed_dictionaries({}) | (
    st.builds(dict, timeout_ms=large) | st.builds(dict, due_time=moments)
)
created = st.fixed_dictionaries({}, optional={"created_ms": large})
specs = st.builds(
    lambda callback, *fields: pb.TimerSpec(
        callback=callback, **{name: value for given in fields for name, value in given.items()}
    ),
    st.none() | callbacks,
    data,
    when,
    created,
)
creations = st.builds(pb.CreateTimerRequest, id=st.none() | ids, spec=specs)
asked = st.one_of(
    st.tuples(st.just("CreateTimer"), creations),
    st.tuples(
        st.just("CreateTimers"),
        st.builds(pb.CreateTimersRequest, timers=st.lists(creations, max_size=3)),
    ),
    st.tuples(st.just("GetTimer"), st.builds(pb.GetTimerRequest, id=ids)),
    st.tuples(
        st.just("ListTimers"),
        st.builds(
            pb.ListTimersRequest,
            state=small,
            transport=texts,
            id_prefix=texts,
            page_size=small | st.integers(0, 3),
            page_token=texts | large.map(str),
        ),
    ),
    st.tuples(st.just("ReplaceTimer"), st.builds(pb.ReplaceTimerRequest, id=ids, spec=specs)),
    st.tuples(
        st.just("DeleteTimer"), st.builds(pb.DeleteTimerRequest, id=ids, touchpoint_id=texts)
    ),
    st.tuples(
        st.just("RetryTimer"),
        st.builds(pb.RetryTimerRequest, id=ids, force=st.booleans(), mail_json=st.none() | jsons),
    ),
)
metadata = st.lists(
    st.tuples(
        st.sampled_from(["idempotency-key", "authorization", "x-y"]),
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=9),
    ),
    max_size=2,
)


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Besieged]:
    with Besieged(tmp_path_factory.mktemp("besieged")) as besieged:
        yield besieged
        assert besieged.http.get("/readyz").status_code == 200


def code(call: Any, message: Any, **more: Any) -> grpc.StatusCode:
    """What a call ends with."""
    try:
        call(message, timeout=PATIENCE_SECONDS, **more)
    except grpc.RpcError as error:
        found: grpc.StatusCode = error.code()
        return found
    return grpc.StatusCode.OK


def test_no_message_breaks(it: Besieged) -> None:
    stub = data_api_pb2_grpc.DataApiStub(it.channel)

    @examples(300)
    @given(call=asked, metadata=metadata)
    def throw(call: tuple[str, Any], metadata: list[tuple[str, str]]) -> None:
        name, message = call
        ended = code(getattr(stub, name), message, metadata=metadata)
        assert ended not in BROKEN, call

    throw()


def test_no_bytes_that_are_no_message_break(it: Besieged) -> None:
    """gRPC itself says INTERNAL of what it can't read; what matters is that it goes on."""
    raw: Any = it.channel.unary_unary("/franking.data.v1.DataApi/CreateTimer")

    @examples(30)
    @given(st.binary(max_size=40))
    def throw(octets: bytes) -> None:
        assert code(raw, octets) is not grpc.StatusCode.DEADLINE_EXCEEDED

    throw()
    data_api_pb2_grpc.DataApiStub(it.channel).ListTimers(pb.ListTimersRequest())
