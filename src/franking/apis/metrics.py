"""`/metrics`: how the store stands, what this process did, and what it uses, for Prometheus.

Policy. What the store says is true of the whole installation and the same in every process; what
was counted is this process's own, from its start on, so that rates are summed over processes.
Labels have few values, all ours: no mail, address, account or touchpoint is one. FIGURES is all
there is; `docs/running.md` tells of each, and a test holds dashboards and alerts against it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

import msgspec
from prometheus_client import ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from franking import __version__
from franking.apis.answers import Answer
from franking.apis.calls import Ask
from franking.clock import Clock
from franking.engine.meter import BOUNDS, PAUSES, Durations, Meter
from franking.office.watching import Standing, Watching
from franking.stores.base import Usage

Labels = tuple[str, ...]
Samples = Iterable[tuple[Labels, float]]


class Figure(msgspec.Struct, frozen=True):
    """A metric without the suffixes that Prometheus adds by its kind."""

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    help: str
    labels: Labels = ()


FIGURES = (
    Figure("franking_build_info", "gauge", "1, with the version.", ("version",)),
    Figure("franking_store_up", "gauge", "Did the store say how it stands? 1 or 0."),
    Figure("franking_clock_off_seconds", "gauge", "This machine's clock minus the database's."),
    Figure("franking_clock_astray", "gauge", "Is it so far off that nothing is claimed? 1 or 0."),
    Figure(
        "franking_mails",
        "gauge",
        "Mails by state, counted to 100,000; ended ones to 10,000.",
        ("state",),
    ),
    Figure(
        "franking_mails_failing",
        "gauge",
        "Mails in ERROR or RETRY by what they failed of, each counted to 10,000.",
        ("category",),
    ),
    Figure(
        "franking_mails_last_hour",
        "gauge",
        "What happened to mails in the last 60 minutes, in the whole installation.",
        ("what", "category"),
    ),
    Figure(
        "franking_queue_oldest_due_seconds",
        "gauge",
        "For how long a mail has been due that waits, held by its account or not.",
    ),
    Figure(
        "franking_queue_oldest_free_seconds",
        "gauge",
        "For how long a mail has been due that waits, though its account may send.",
    ),
    Figure("franking_inbox_rows", "gauge", "Rows written with INSERT, to 10,000.", ("state",)),
    Figure(
        "franking_inbox_oldest_seconds", "gauge", "How long ago the oldest of them was written."
    ),
    Figure("franking_accounts_held", "gauge", "Accounts that send nothing now.", ("why",)),
    Figure("franking_timers", "gauge", "Timers, each state counted to 10,000.", ("state",)),
    Figure(
        "franking_timers_oldest_due_seconds",
        "gauge",
        "For how long a timer has been due that nobody serves.",
    ),
    Figure("franking_outbox_events", "gauge", "Events the CRM has yet to hear.", ("state",)),
    Figure("franking_outbox_oldest_seconds", "gauge", "How long ago the oldest of them happened."),
    Figure("franking_outbox_paused", "gauge", "Is the CRM's outlet left in peace now? 1 or 0."),
    Figure("franking_webhooks", "gauge", "Webhooks of events.", ("state",)),
    Figure("franking_webhook_events", "gauge", "Events webhooks have yet to hear.", ("state",)),
    Figure("franking_store_commits", "counter", "Transactions that wrote something."),
    Figure("franking_store_connections", "gauge", "Database connections that may be used."),
    Figure("franking_store_connections_used", "gauge", "Database connections at work."),
    Figure("franking_store_callers_waiting", "gauge", "Callers that wait for a connection."),
    Figure("franking_store_writes_waiting", "gauge", "Writes that wait for their commit."),
    Figure("franking_attempts", "counter", "Attempts that ended.", ("event", "category")),
    Figure("franking_stage_seconds", "histogram", "Time of an attempt by stage.", ("stage",)),
    Figure("franking_leases_ended", "counter", "Leases that ended badly.", ("how",)),
    Figure("franking_account_pauses", "counter", "Accounts that had to stop.", ("why",)),
    Figure("franking_events", "counter", "Events told to the CRM, or parked.", ("end",)),
    Figure("franking_event_seconds", "histogram", "From a fact to the CRM's answer."),
    Figure("franking_timer_calls", "counter", "Calls of timers that ended.", ("end",)),
    Figure("franking_retention_removed", "counter", "What RETAIN_DAYS removed.", ("what",)),
)


class Metrics:
    """The handler of `/metrics`."""

    def __init__(self, watching: Watching, meter: Meter, clock: Clock) -> None:
        self._watching = watching
        self._clock = clock
        self._meter = meter
        self._process = ProcessCollector(registry=None)

    async def show(self, request: Ask) -> Answer:
        """GET /metrics, in the text format or as OpenMetrics, by what is asked for."""
        standing, usage = await self._watching.standing(), self._watching.usage()
        own = {**used(usage), **counted(self._meter), **timed(self._clock)}
        samples = {**stood(standing), **own}
        found = _Found([*families(samples, self._meter), *self._process.collect()])
        encode, media_type = choose_encoder(request.headers.get("accept", ""))
        return Answer(200, encode(found), media_type=media_type.encode())


class _Found(Collector):
    """What was found, as prometheus-client's writers want it."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def families(samples: Mapping[str, Samples], meter: Meter) -> Iterator[Metric]:
    """Each of FIGURES with its samples; what the store does not say is left out."""
    histograms: dict[str, list[tuple[Labels, Durations]]] = {
        "franking_stage_seconds": [((stage,), seen) for stage, seen in meter.stages.items()],
        "franking_event_seconds": [((), meter.telling)],
    }
    for figure in FIGURES:
        if figure.kind == "histogram":
            yield _histogram(figure, histograms[figure.name])
        elif figure.name in samples:
            yield _family(figure, samples[figure.name])


def stood(standing: Standing | None) -> dict[str, Samples]:
    """What the store says."""
    told: dict[str, Samples] = {
        "franking_build_info": [((__version__,), 1)],
        "franking_store_up": [((), standing is not None)],
    }
    if standing is None:
        return told
    watched, outbox, at = standing.watched, standing.outbox, standing.at
    webhooks, inbox = watched.webhooks, standing.inbox
    held = {"paused": watched.paused, "disconnected": watched.disconnected}
    paused = outbox.paused_until is not None and outbox.paused_until > at
    return told | {
        "franking_mails": _each(watched.states),
        "franking_mails_failing": _each(watched.categories),
        "franking_mails_last_hour": _summed(standing),
        "franking_queue_oldest_due_seconds": [((), _since(standing.due_since, at))],
        "franking_queue_oldest_free_seconds": [((), _since(watched.free_since, at))],
        "franking_accounts_held": _each(held),
        "franking_timers": _each(watched.timers),
        "franking_timers_oldest_due_seconds": [((), _since(watched.timer_since, at))],
        "franking_inbox_rows": _each({"waiting": inbox.waiting, "put_off": inbox.put_off}),
        "franking_inbox_oldest_seconds": [((), _since(inbox.oldest_at, at))],
        "franking_outbox_events": _each({"waiting": outbox.waiting, "parked": outbox.parked}),
        "franking_outbox_oldest_seconds": [((), _since(outbox.oldest_at, at))],
        "franking_outbox_paused": [((), paused)],
        "franking_webhooks": _of(webhooks, "ok", "paused", "disabled"),
        "franking_webhook_events": _of(webhooks, "waiting", "parked"),
    }


def used(usage: Usage) -> dict[str, Samples]:
    """How busy this process's part of the store is."""
    return {
        "franking_store_commits": [((), usage.commits)],
        "franking_store_connections": [((), usage.connections)],
        "franking_store_connections_used": [((), usage.used)],
        "franking_store_callers_waiting": [((), usage.waiting)],
        "franking_store_writes_waiting": [((), usage.writes)],
    }


def timed(clock: Clock) -> dict[str, Samples]:
    """How this machine's clock stands to the database's; on SQLite it is the same."""
    return {
        "franking_clock_off_seconds": [((), clock.off_ms() / 1000)],
        "franking_clock_astray": [((), clock.astray())],
    }


def counted(meter: Meter) -> dict[str, Samples]:
    """What this process did; what may happen and has not is there with 0, so that rates begin."""
    leases = {**meter.lapses, "lost": meter.lost}
    return {
        "franking_attempts": sorted(meter.attempts.items()),
        "franking_leases_ended": _of(leases, "released", "expired", "lost"),
        "franking_account_pauses": _of(meter.pauses, *PAUSES),
        "franking_events": _of(meter.events, "told", "parked"),
        "franking_timer_calls": _of(meter.timers, "executed", "failed", "again"),
        "franking_retention_removed": _each(dict(sorted(meter.removed.items()))),
    }


def _family(figure: Figure, samples: Samples) -> Metric:
    kind = CounterMetricFamily if figure.kind == "counter" else GaugeMetricFamily
    family = kind(figure.name, figure.help, labels=figure.labels)
    for labels, value in samples:
        family.add_metric(labels, float(value))
    return family


def _histogram(figure: Figure, samples: Iterable[tuple[Labels, Durations]]) -> Metric:
    family = HistogramMetricFamily(figure.name, figure.help, labels=figure.labels)
    for labels, seen in samples:
        buckets, so_far = [], 0
        for bound, count in zip((*map(str, BOUNDS), "+Inf"), seen.buckets, strict=True):
            so_far += count
            buckets.append((bound, so_far))
        family.add_metric(labels, buckets, seen.seconds)
    return family


def _each(counts: Mapping[str, int]) -> Samples:
    return [((name,), count) for name, count in counts.items()]


def _of(counts: Mapping[str, int], *names: str) -> Samples:
    return [((name,), counts.get(name, 0)) for name in names]


def _since(then: int | None, now: int) -> float:
    return 0.0 if then is None else max(now - then, 0) / 1000


def _summed(standing: Standing) -> Samples:
    """Of the last hour; slots that a clock set back left ahead are in it too."""
    found: dict[Labels, int] = {}
    for one in standing.last_hour:
        labels = (one.what, one.category)
        found[labels] = found.get(labels, 0) + one.count
    return sorted(found.items())
