"""Traces: one from the caller's span to the CRM's answer; off, nothing of it is there."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from eventually import eventually
from franking.app.traces import MISSING, Traces
from franking.core import trace
from franking.core.reporting import Heard, Later, Verdict
from franking.engine.outbox import Outbox
from franking.outlets.base import traced
from franking.stores.base import StoredEvent, Waiting
from installation import Installation
from serviced import served

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEADER = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
DOCUMENT = {
    "to": "ada@example.com",
    "message": {"subject": "s3cret", "text": "b0dy"},
    "touchpointId": "t1",
}


@pytest.mark.parametrize(
    "value",
    [
        None,
        7,
        "",
        "00",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"01-{TRACE}-{PARENT}-01",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01-more",
        f"00-{TRACE}-{PARENT}-01\n",
        f" 00-{TRACE}-{PARENT}-01",
    ],
)
def test_what_is_no_traceparent_is_passed_over(value: Any) -> None:
    assert trace.valid(value) is None
    given = {"to": "a", "traceparent": value}
    assert trace.carrying(given, HEADER["traceparent"])["traceparent"] == HEADER["traceparent"]


@pytest.mark.parametrize(
    "document", [b"", b"[]", b"{", b'{"traceparent": {"a": 1}}', b"{}", b"\xff"]
)
def test_a_document_without_one_has_none(document: bytes) -> None:
    assert trace.of(document) is None


def test_a_document_keeps_its_own() -> None:
    own = f"00-{'a' * 32}-{'b' * 16}-00"
    assert trace.carrying({"traceparent": own}, HEADER["traceparent"]) == {"traceparent": own}


def test_nothing_is_copied_where_there_is_no_trace() -> None:
    document = {"to": "a"}
    assert trace.carrying(document, None) is document


class Recorder:
    """An outlet that keeps the trace of each call."""

    def __init__(self, *verdicts: Verdict | Exception) -> None:
        self.verdicts = list(verdicts)
        self.heard: list[dict[str, str]] = []

    def side(self, event: StoredEvent) -> str:
        return "recorder"

    async def tell(self, event: StoredEvent) -> Verdict:
        self.heard.append(traced())
        found = self.verdicts.pop(0) if self.verdicts else Heard()
        if isinstance(found, Exception):
            raise found
        return found

    async def close(self) -> None: ...


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    yield exporter
    exporter.shutdown()


def traces(exporter: InMemorySpanExporter) -> Traces:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Traces(provider)


@asynccontextmanager
async def installed(
    folder: Path, exporter: InMemorySpanExporter, outlet: Recorder
) -> AsyncIterator[Installation]:
    async with Installation(folder, outlet=outlet, tracer=traces(exporter)) as it:
        yield it


def named(exporter: InMemorySpanExporter) -> dict[str, Any]:
    return {span.name: span for span in exporter.get_finished_spans()}


async def test_one_trace_from_the_caller_to_the_crms_answer(
    tmp_path: Path, spans: InMemorySpanExporter
) -> None:
    outlet = Recorder()
    async with installed(tmp_path, spans, outlet) as it:
        answer = await it.http.post("/v1/mail", json=DOCUMENT, headers=HEADER)
        assert answer.status_code == 201
        await it.ended(answer.json()["id"])

        async def told() -> Any:
            return named(spans).get("franking tell")

        await eventually(told)
    found = named(spans)
    assert {f"{span.context.trace_id:032x}" for span in found.values()} == {TRACE}
    taken, attempt, tell = (
        found[f"franking {name}"] for name in ("POST /v1/mail", "attempt", "tell")
    )
    assert f"{taken.parent.span_id:016x}" == PARENT
    assert attempt.parent.span_id == tell.parent.span_id == taken.context.span_id
    for stage in ("claimed", "composed", "transmitting", "answered"):
        assert found[f"franking {stage}"].parent.span_id == attempt.context.span_id
    assert attempt.start_time <= found["franking composed"].start_time <= attempt.end_time
    [heard] = outlet.heard
    assert heard == {"traceparent": f"00-{TRACE}-{tell.context.span_id:016x}-01"}
    text = " ".join(span.to_json() for span in found.values())
    for hidden in ("example.com", "s3cret", "b0dy"):
        assert hidden not in text


async def test_an_outlets_trouble_is_on_its_span_and_fails_nothing(
    tmp_path: Path, spans: InMemorySpanExporter
) -> None:
    outlet = Recorder(ValueError("hunter2"), Later("not now"))
    async with installed(tmp_path, spans, outlet) as it:
        await it.http.put("/v1/mail/m1", json=DOCUMENT, headers=HEADER)
        await eventually(lambda: _three(outlet))
    tells = [span for span in spans.get_finished_spans() if span.name == "franking tell"]
    assert tells[0].status.status_code is StatusCode.ERROR
    assert "hunter2" not in tells[0].to_json()
    assert tells[-1].status.status_code is StatusCode.UNSET
    assert traced() == {}


async def test_the_next_call_is_in_nobody_elses_trace(
    tmp_path: Path, spans: InMemorySpanExporter
) -> None:
    outlet, tracer = Recorder(ValueError("no")), traces(spans)
    async with Installation(tmp_path, started=False, tracer=tracer) as it:
        await it.http.put("/v1/mail/m1", json=DOCUMENT, headers=HEADER)
        event = StoredEvent(1, "e1", "email_Sent", "m1", 0, {}, "t1", 1)
        waiting = Waiting(1, "t1", 0, event)
        outbox = Outbox(it.store, it.clock, outlet, tracer=tracer)
        for _ in range(2):
            await outbox._told(waiting, outbox._side(waiting))
            assert traced() == {}
    assert len({call["traceparent"] for call in outlet.heard}) == 2


async def _three(outlet: Recorder) -> bool:
    return len(outlet.heard) == 3


async def test_a_refused_mail_is_an_error_on_its_span(
    tmp_path: Path, spans: InMemorySpanExporter
) -> None:
    async with installed(tmp_path, spans, Recorder()) as it:
        it.box.rcpt["ada@example.com"] = ["550 5.1.1 no such user ada@example.com"]
        await it.http.put("/v1/mail/m1", json=DOCUMENT)

        async def attempted() -> Any:
            return named(spans).get("franking attempt")

        span = await eventually(attempted)
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "failed")
    assert span.attributes["franking.category"] == "recipient_not_found"
    assert "ada" not in span.to_json()


async def test_a_refused_document_ends_its_span_in_error(
    tmp_path: Path, spans: InMemorySpanExporter
) -> None:
    async with installed(tmp_path, spans, Recorder()) as it:
        answer = await it.http.post("/v1/mail", content=b'{"to": "s3cret', headers=HEADER)
        assert 400 <= answer.status_code < 500
    [span] = spans.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert "s3cret" not in span.to_json()


async def test_each_of_a_batch_carries_its_trace(
    tmp_path: Path, spans: InMemorySpanExporter
) -> None:
    own = f"00-{'a' * 32}-{'b' * 16}-01"
    async with installed(tmp_path, spans, Recorder()) as it:
        batch = [{**DOCUMENT}, {**DOCUMENT, "traceparent": own}, 7]
        answer = await it.http.post("/v1/mail/batch", json=batch, headers=HEADER)
        first, second, third = answer.json()
        read = await it.read(first["id"])
        assert read["traceparent"].startswith(f"00-{TRACE}-")
        assert (await it.read(second["id"]))["traceparent"] == own
        assert third["status"] == 422


async def test_where_it_is_off_documents_and_calls_are_as_they_were(tmp_path: Path) -> None:
    outlet = Recorder()
    async with Installation(tmp_path, outlet=outlet) as it:
        await it.http.put("/v1/mail/m1", json=DOCUMENT, headers=HEADER)
        assert "traceparent" not in await it.ended("m1")

        async def heard() -> bool:
            return bool(outlet.heard)

        await eventually(heard)
    assert outlet.heard == [{}]


async def test_spans_come_to_the_collector(tmp_path: Path) -> None:
    got: list[ExportTraceServiceRequest] = []

    async def take(request: web.Request) -> web.Response:
        got.append(ExportTraceServiceRequest.FromString(await request.read()))
        return web.Response()

    app = web.Application()
    app.router.add_post("/v1/traces", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        given = {"traces": f"http://127.0.0.1:{port}", "outlet": "none"}
        smtp = {"smtp_connection_uri": "smtp://127.0.0.1:9"}
        async with served(tmp_path, **given, **smtp) as http:
            await http.put("/v1/mail/m1", json=DOCUMENT, headers=HEADER)
        # The service sends what is left as it closes.
        spans = [
            s for g in got for r in g.resource_spans for one in r.scope_spans for s in one.spans
        ]
        assert "franking PUT /v1/mail/{id}" in {span.name for span in spans}
        assert {span.trace_id.hex() for span in spans} == {TRACE}
    finally:
        await runner.cleanup()


async def test_a_collector_out_of_reach_holds_up_nothing(tmp_path: Path) -> None:
    given = {"traces": "http://127.0.0.1:9", "smtp_connection_uri": "smtp://127.0.0.1:9"}
    async with asyncio.timeout(30):
        async with served(tmp_path, **given, outlet="none") as http:
            answer: httpx.Response = await http.put("/v1/mail/m1", json=DOCUMENT)
            assert answer.status_code == 201


WITHOUT = """
import sys
for name in ("opentelemetry", "opentelemetry.sdk", "opentelemetry.exporter"):
    sys.modules[name] = None
from franking.app.traces import tracer
from franking.config import SettingRefused, Settings
assert tracer(Settings()) is None
try:
    tracer(Settings(traces="http://127.0.0.1:4318"))
except SettingRefused as error:
    print(error)
"""


def test_where_it_is_not_installed_a_setting_for_it_is_refused() -> None:
    told = subprocess.run(
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == MISSING


def test_nobody_loads_it_who_does_not_want_it() -> None:
    program = (
        "import sys, franking.app.service, franking.cli.commands;"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "[]"
