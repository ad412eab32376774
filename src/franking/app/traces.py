"""OpenTelemetry, where it is installed (`franking[traces]`) and `TRACES` names a collector.

Policy. Spans are sent in batches by a thread of their own; where the collector is out of reach they
are lost, and nothing else is. Attributes are ids, the machine's events and categories: no address,
no subject, no text of anybody's. What to sample is OpenTelemetry's own setting
(OTEL_TRACES_SAMPLER), as is what the collector asks for (OTEL_EXPORTER_OTLP_HEADERS).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from franking import __version__
from franking.app.closing import Closing
from franking.config import PREFIX, SettingRefused, Settings
from franking.core.attempt import Settlement
from franking.core.delivery import Outcome
from franking.stores.base import StoredEvent

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

HEADER = "traceparent"
FLUSH_MS = 3_000
MILLION = 1_000_000
MISSING = (
    f"{PREFIX}TRACES is set, which needs OpenTelemetry: install `franking[traces]`, or unset it."
)


class Traces:
    """`franking.engine.tracing.Tracer` on a provider of OpenTelemetry's."""

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._provider = provider
        self._tracer = provider.get_tracer("franking", __version__)
        self._w3c = TraceContextTextMapPropagator()

    @contextmanager
    def taken(self, traceparent: str | None, route: str) -> Iterator[str]:
        from opentelemetry.trace import SpanKind

        span = self._tracer.start_span(
            f"franking {route}", self._context(traceparent), SpanKind.SERVER
        )
        with self._ending(span):
            yield self._carried(span)

    def attempted(
        self, traceparent: str, settlement: Settlement, steps: Sequence[Mapping[str, Any]]
    ) -> None:
        from opentelemetry.trace import SpanKind, StatusCode, set_span_in_context

        attempt = settlement.attempt
        told: dict[str, Any] = {
            "franking.mail": attempt.mail,
            "franking.attempt": attempt.number,
            "franking.event": attempt.event,
            "franking.outcome": attempt.outcome.value,
            "franking.category": attempt.category or "",
        }
        span = self._tracer.start_span(
            "franking attempt",
            self._context(traceparent),
            SpanKind.CLIENT,
            told,
            start_time=attempt.started_at * MILLION,
        )
        if attempt.outcome is not Outcome.SENT:
            span.set_status(StatusCode.ERROR, attempt.event)
        stages = [step for step in steps if "stage" in step]
        ends = [*(step["at"] for step in stages[1:]), attempt.ended_at]
        inside = set_span_in_context(span)
        for step, ended_at in zip(stages, ends, strict=True):
            part = self._tracer.start_span(
                f"franking {step['stage']}", inside, start_time=step["at"] * MILLION
            )
            part.end(ended_at * MILLION)
        span.end(attempt.ended_at * MILLION)

    @contextmanager
    def telling(self, traceparent: str, event: StoredEvent) -> Iterator[str]:
        from opentelemetry.trace import SpanKind

        told = {"franking.mail": event.mail, "franking.event": event.kind, "franking.id": event.id}
        span = self._tracer.start_span(
            "franking tell", self._context(traceparent), SpanKind.CLIENT, told
        )
        with self._ending(span):
            yield self._carried(span)

    async def close(self) -> None:
        """Send what is left, for a while."""
        await asyncio.to_thread(self._provider.force_flush, FLUSH_MS)
        await asyncio.to_thread(self._provider.shutdown)

    def _context(self, traceparent: str | None) -> Context:
        from opentelemetry.context import Context

        carrier = {} if traceparent is None else {HEADER: traceparent}
        return self._w3c.extract(carrier, Context())

    def _carried(self, span: Span) -> str:
        from opentelemetry.trace import set_span_in_context

        carrier: dict[str, str] = {}
        self._w3c.inject(carrier, set_span_in_context(span))
        return carrier.get(HEADER, "")

    @contextmanager
    def _ending(self, span: Span) -> Iterator[None]:
        """Ends the span; what is raised is told by its kind alone."""
        from opentelemetry.trace import StatusCode

        try:
            yield
        except BaseException as error:
            span.set_status(StatusCode.ERROR, type(error).__name__)
            raise
        finally:
            span.end()


def begun(settings: Settings, to_close: Closing) -> Traces | None:
    """As `tracer`, closed with the other parts."""
    found = tracer(settings)
    return None if found is None else to_close(found)


def tracer(settings: Settings) -> Traces | None:
    """As the settings say; None where none is wanted. Raises `SettingRefused`."""
    if settings.traces is None:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise SettingRefused(MISSING) from None
    service = {"service.name": "franking", "service.version": __version__}
    provider = TracerProvider(resource=Resource.create(service), shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=f"{settings.traces}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return Traces(provider)
