"""Who may call, under which Idempotency-Key, and what the Data API tells the others."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from grpc import StatusCode

from franking.apis.problems import Problem
from franking.apis.rpc import data_api_pb2 as pb
from franking.apis.rpc.callers import address
from franking.apis.rpc.client import RemoteTimers
from franking.core.key import Scope
from franking.office.keys import Keys
from franking.office.timer_door import Key, TimerDoor, TimerFilter
from franking.stores.base import KeyReused

from .conftest import new, refused, trailing
from .memory import MemoryTimers

SERVICE = pb.DESCRIPTOR.services_by_name["DataApi"]
LIST = pb.ListTimersRequest()
CALL = pb.Callback(transport="http", method="post", uri="http://h")


async def made(keys: Keys, *scopes: Scope, per_minute: int | None = None) -> str:
    _, text = await keys.create("", scopes, per_minute)
    return text


@pytest.fixture
async def key(keys: Keys) -> str:
    return await made(keys, Scope.TIMERS)


@pytest.mark.parametrize("method", list(SERVICE.methods), ids=lambda method: method.name)
async def test_every_call_asks_for_a_key(
    channel: grpc.aio.Channel, door: MemoryTimers, key: str, method: Any
) -> None:
    call: Any = channel.unary_unary(f"/{SERVICE.full_name}/{method.name}")
    told = await refused(call(b""))
    assert told.code() is StatusCode.UNAUTHENTICATED
    assert told.details() == "This call needs a key."
    assert trailing(told)["reason"] == "key_missing"
    assert door.asked == []


async def test_a_proxy_on_this_machine_is_not_served_without_a_key(stub: Any) -> None:
    told = await refused(stub.ListTimers(LIST, metadata=(("x-forwarded-for", "10.0.0.1"),)))
    assert told.code() is StatusCode.UNAUTHENTICATED
    assert told.details() == "Without a key nothing is served that a proxy carries for others."


@pytest.mark.parametrize(
    "send",
    [
        lambda k: [""],
        lambda k: [f"Bearer {k[:-1]}"],
        lambda k: [f"Bearer {k}", f"Bearer {k}"],
        lambda k: [f"Digest {k}"],
    ],
)
async def test_what_is_no_key_is_refused(
    stub: Any, key: str, send: Callable[[str], list[str]]
) -> None:
    metadata = tuple(("authorization", value) for value in send(key))
    told = await refused(stub.ListTimers(LIST, metadata=metadata))
    assert (told.code(), told.details()) == (StatusCode.UNAUTHENTICATED, "There is no such key.")


async def test_a_key_without_the_scope_is_denied(stub: Any, keys: Keys) -> None:
    other = await made(keys, Scope.MAIL_READ, Scope.MAIL_WRITE, Scope.CADENCE)
    told = await refused(stub.ListTimers(LIST, metadata=(("authorization", f"Bearer {other}"),)))
    assert (told.code(), trailing(told)["reason"]) == (
        StatusCode.PERMISSION_DENIED,
        "scope_missing",
    )
    assert "the scope timers" in (told.details() or "")


async def test_calls_too_many_are_told_when_to_come_back(stub: Any, keys: Keys) -> None:
    bounded = await made(keys, Scope.TIMERS, per_minute=1)
    metadata = (("authorization", f"Bearer {bounded}"),)
    await stub.ListTimers(LIST, metadata=metadata)
    told = await refused(stub.ListTimers(LIST, metadata=metadata))
    assert told.code() is StatusCode.RESOURCE_EXHAUSTED
    assert (trailing(told)["reason"], trailing(told)["retry-after"]) == ("too_often", "60")


@pytest.mark.parametrize(
    "send",
    [
        lambda k: f"Bearer {k}",
        lambda k: f"Basic {base64.b64encode(f'any:{k}'.encode()).decode()}",
    ],
)
async def test_a_key_with_the_scope_is_served(
    stub: Any, keys: Keys, key: str, send: Callable[[str], str]
) -> None:
    for text in (key, await made(keys, Scope.ADMIN)):
        await stub.ListTimers(LIST, metadata=(("authorization", send(text)),))


@pytest.mark.parametrize(
    ("caller", "status", "reason"),
    [
        (None, 401, "key_missing"),
        ("Bearer fk_x", 401, "key_unknown"),
        ("Bearer ä\n\x7f 😀", 401, "key_unknown"),  # gRPC could not even carry it
    ],
)
async def test_the_client_raises_the_problem_that_rest_would_answer(
    remote: RemoteTimers, key: str, caller: str | None, status: int, reason: str
) -> None:
    with pytest.raises(Problem) as caught:
        await remote.read("x", caller=caller)
    problem = caught.value
    assert (problem.status, problem.reason, problem.field) == (status, reason, "Authorization")
    assert problem.next.startswith("Send")
    names = [name for name, _ in problem.headers]
    assert names == [b"www-authenticate", b"www-authenticate"]


CALLS: list[Callable[[TimerDoor, str], Any]] = [
    lambda door, caller: door.create([new("y")], caller=caller),
    lambda door, caller: door.read("x", caller=caller),
    lambda door, caller: door.page(TimerFilter(), 1, caller=caller),
    lambda door, caller: door.replace("x", new().asked, caller=caller),
    lambda door, caller: door.delete("x", caller=caller),
    lambda door, caller: door.retry("x", force=True, caller=caller),
]


async def test_what_the_caller_showed_goes_along_with_every_call(
    remote: RemoteTimers, door: MemoryTimers, key: str
) -> None:
    caller = f"Bearer {key}"
    await remote.create([new("x")], caller=caller)
    for call in CALLS:
        await call(remote, caller)
    assert door.callers == [caller] * (len(CALLS) + 1)


@pytest.mark.parametrize("text", ["", "x" * 256])
async def test_an_idempotency_key_that_is_none_is_refused(stub: Any, text: str) -> None:
    metadata = (("idempotency-key", text),)
    told = await refused(stub.RetryTimer(pb.RetryTimerRequest(id="x"), metadata=metadata))
    assert (told.code(), trailing(told)["reason"]) == (StatusCode.INVALID_ARGUMENT, "bad_key")


KEY = Key("k1", "theirs", "theirs")


async def test_a_repeat_gets_the_first_answer_and_another_request_is_refused(
    remote: RemoteTimers, door: MemoryTimers
) -> None:
    first = await remote.create([new()], KEY)
    assert await remote.create([new()], KEY) == first
    assert len(door.timers) == 1
    with pytest.raises(KeyReused, match="another body"):
        await remote.create([new(timeout_ms=2)], KEY)


async def test_a_key_belongs_to_the_credential_the_call_and_the_id(
    remote: RemoteTimers, stub: Any, door: MemoryTimers, keys: Keys
) -> None:
    await remote.create([new("x")], KEY)
    await remote.replace("x", new().asked, KEY)
    await remote.delete("x")
    await remote.retry("x", key=KEY)
    await stub.CreateTimer(
        pb.CreateTimerRequest(id="y", spec=pb.TimerSpec(callback=CALL, timeout_ms=1)),
        metadata=(("idempotency-key", "k1"),),
    )
    mine = await made(keys, Scope.TIMERS)
    await remote.delete("x", caller=f"Bearer {mine}")
    await remote.retry("x", key=KEY, caller=f"Bearer {mine}")
    found = [key for key in door.keys if key is not None]
    assert {key.key for key in found} == {"k1"}
    assert [key.scope for key in found] == [
        *("local:CreateTimers", "local:ReplaceTimer x", "local:RetryTimer x"),
        *("local:CreateTimer", f"{mine[3:29]}:RetryTimer x"),
    ]
    assert found[2].fingerprint == found[4].fingerprint
    assert len({key.fingerprint for key in found}) == 4


@pytest.mark.parametrize(
    ("peer", "host"),
    [
        ("ipv4:127.0.0.1:5000", "127.0.0.1"),
        ("ipv6:[::1]:5000", "::1"),
        ("ipv6:%5B::1%5D:5000", "::1"),
        ("ipv6:%5Bfe80::1%25eth0%5D:5000", "fe80::1%eth0"),
        ("ipv6:[::ffff:10.0.0.5]:1", "::ffff:10.0.0.5"),
        ("unix:", None),
        ("unix:127.0.0.1:1", None),
        ("ipv4:", None),
        ("127.0.0.1:5000", None),
        ("", None),
    ],
)
def test_the_address_of_a_peer_is_read(peer: str, host: str | None) -> None:
    assert address(peer) == host
