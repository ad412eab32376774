"""All that is reached over HTTP, as one ASGI app: the routes, and the guard and the keys before.

Handlers read the request's bytes and answer with bytes. Litestar routes, describes the calls in
OpenAPI, and hands every exception to `problems`. Skyring's paths have an app of their own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

from litestar import delete, get, patch, post, put
from litestar.types import ASGIApp, Receive, Scope, Send

from franking.apis import bodies
from franking.apis.access import Access
from franking.apis.accounts import AccountCalls
from franking.apis.agreement import AgreementCalls
from franking.apis.bounces import BounceCalls
from franking.apis.cadence import cadence_routes
from franking.apis.calls import Ask
from franking.apis.collected import CollectionCalls, TemplateCalls
from franking.apis.console import Console
from franking.apis.errors import ErrorCalls
from franking.apis.guard import Guard
from franking.apis.health import Health
from franking.apis.keys import KeyCalls
from franking.apis.listing import Listing
from franking.apis.live import HEARTBEAT_SECONDS, Live
from franking.apis.mail import Mails
from franking.apis.metrics import Metrics
from franking.apis.openapi import Description
from franking.apis.outbox import OutboxCalls
from franking.apis.retries import RetryCalls
from franking.apis.routing import Route, Routed
from franking.apis.skyring import Fork, Skyring
from franking.apis.suppressions import SuppressionCalls
from franking.apis.timer_list import TimerList
from franking.apis.webhooks import WebhookCalls
from franking.clock import Clock
from franking.engine.meter import Meter
from franking.engine.tracing import Tracer
from franking.office import Office
from franking.office.timer_door import TimerDoor
from franking.outlets.base import Package

BATCH = "/v1/mail/batch"
ONE = "/v1/mail/{id:str}"
ACCOUNT = "/v1/accounts/{id:str}"
TEMPLATE = "/v1/templates/{id:str}"
USER = "/v1/users/{id:str}"
WEBHOOK = "/v1/webhooks/{id:str}"
SUPPRESSION = "/v1/suppressions/{address:str}"


class Front:
    """The ASGI app. `stop` ends the streams that would keep a server from stopping.

    `access` is who may call, for other servers on the same keys.
    """

    def __init__(self, guard: Guard, live: Live, access: Access) -> None:
        self._guard = guard
        self._live = live
        self.access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._guard(scope, receive, send)

    def stop(self) -> None:
        """Call it when the server begins to stop: it waits for open connections."""
        self._live.stop()


def build(
    office: Office,
    clock: Clock,
    *,
    hosts: Collection[str] = (),
    heartbeat_seconds: float = HEARTBEAT_SECONDS,
    trusted: bool = False,
    timers: TimerDoor | None = None,
    max_document_bytes: int = bodies.MAX_DOCUMENT_BYTES,
    package: Package | None = None,
    console: Console | None = None,
    meter: Meter | None = None,
    tracer: Tracer | None = None,
) -> Front:
    """The app; `hosts` are the names that are served beside the loopback's.

    `console` has its pages, where they are served. `meter` is what the process counts, for
    `/metrics`; `tracer` has spans of what is handed in. `package` is the embedded one, if it is
    here.
    `timers` is the door to them, the office's own where there is no other. `trusted` is for who
    holds the database itself and needs no key to it, so never for a socket.
    """
    live = Live(office, clock, heartbeat_seconds)
    door = office.timers if timers is None else timers

    seen = Metrics(office.watching, meter or Meter(), clock)
    calls = routes(office, clock, live, door, seen, max_document_bytes, tracer)
    if package is not None:
        calls += cadence_routes(package)
    pages = () if console is None else console.routes
    app = Routed([*calls, *pages, Route(get, "/openapi.json", Description(calls).show)])
    limits = {BATCH: max(bodies.MAX_BATCH_BYTES, max_document_bytes)}
    both = Fork(Skyring(door, clock), app)
    access = Access(both, office.keys, clock, console)
    behind = both if trusted else access
    return Front(Guard(behind, hosts, max_document_bytes, limits), live, access)


def routes(
    office: Office,
    clock: Clock,
    live: Live,
    timers: TimerDoor,
    metrics: Metrics,
    max_document_bytes: int = bodies.MAX_DOCUMENT_BYTES,
    tracer: Tracer | None = None,
) -> list[Route]:
    """Every route with who answers and its description."""
    table = (
        *_of_mails(office, clock, max_document_bytes, tracer),
        *_of_senders(office, clock),
        *_of_collections(office),
        *_of_events(office, live),
        *_of_returns(office),
        *_of_the_rest(office, clock, timers, metrics),
    )
    return [Route(*row) for row in table]


_Row = tuple[Any, str, Callable[[Ask], Awaitable[ASGIApp]], str]


def _of_mails(
    office: Office, clock: Clock, max_document_bytes: int, tracer: Tracer | None
) -> Sequence[_Row]:
    mails, listing = Mails(office, clock, max_document_bytes, tracer), Listing(office)
    retries = RetryCalls(office, clock)
    return (
        (post, "/v1/mail", mails.submit, "submitMail"),
        (post, BATCH, mails.submit_batch, "submitBatch"),
        (get, "/v1/mail", listing.page, "listMail"),
        (get, ONE, mails.read, "readMail"),
        (put, ONE, mails.put, "putMail"),
        (patch, ONE, mails.patch, "patchMail"),
        (delete, ONE, mails.delete, "deleteMail"),
        (get, f"{ONE}/timeline", mails.timeline, "readTimeline"),
        (post, f"{ONE}/retry", mails.retry, "retryMail"),
        (post, "/v1/mail/retry", retries.retry, "retryMany"),
    )


def _of_senders(office: Office, clock: Clock) -> Sequence[_Row]:
    accounts, keys = AccountCalls(office, clock), KeyCalls(office)
    return (
        (get, "/v1/accounts", accounts.page, "listAccounts"),
        (put, ACCOUNT, accounts.put, "putAccount"),
        (get, ACCOUNT, accounts.read, "readAccount"),
        (delete, ACCOUNT, accounts.delete, "deleteAccount"),
        (post, f"{ACCOUNT}/pause", accounts.pause, "pauseAccount"),
        (post, f"{ACCOUNT}/resume", accounts.resume, "resumeAccount"),
        (post, f"{ACCOUNT}/test", accounts.test, "testAccount"),
        (post, "/v1/accounts/rekey", accounts.rekey, "rekeyAccounts"),
        (post, "/v1/keys", keys.create, "createKey"),
        (get, "/v1/keys", keys.newest, "listKeys"),
        (delete, "/v1/keys/{id:str}", keys.revoke, "revokeKey"),
    )


def _of_collections(office: Office) -> Sequence[_Row]:
    templates = TemplateCalls(office.templates)
    users = CollectionCalls(office.users, "/v1/users", "A user")
    return (
        (get, "/v1/templates", templates.page, "listTemplates"),
        (put, TEMPLATE, templates.put, "putTemplate"),
        (get, TEMPLATE, templates.read, "readTemplate"),
        (delete, TEMPLATE, templates.delete, "deleteTemplate"),
        (post, f"{TEMPLATE}/render", templates.render, "renderTemplate"),
        (get, "/v1/users", users.page, "listUsers"),
        (put, USER, users.put, "putUser"),
        (get, USER, users.read, "readUser"),
        (delete, USER, users.delete, "deleteUser"),
    )


def _of_events(office: Office, live: Live) -> Sequence[_Row]:
    webhooks = WebhookCalls(office)
    return (
        (get, "/v1/events", live.listen, "listen"),
        (post, "/v1/webhooks", webhooks.add, "addWebhook"),
        (get, "/v1/webhooks", webhooks.every, "listWebhooks"),
        (get, WEBHOOK, webhooks.read, "readWebhook"),
        (put, WEBHOOK, webhooks.put, "putWebhook"),
        (delete, WEBHOOK, webhooks.delete, "removeWebhook"),
        (post, f"{WEBHOOK}/test", webhooks.test, "testWebhook"),
        (get, f"{WEBHOOK}/deliveries", webhooks.deliveries, "listDeliveries"),
        (post, f"{WEBHOOK}/resend", webhooks.resend, "resendDeliveries"),
    )


def _of_returns(office: Office) -> Sequence[_Row]:
    bounces, suppressions = BounceCalls(office), SuppressionCalls(office)
    errors = ErrorCalls(office)
    return (
        (post, "/v1/bounces", bounces.take, "fileBounce"),
        (get, "/v1/suppressions", suppressions.page, "listSuppressions"),
        (put, SUPPRESSION, suppressions.put, "putSuppression"),
        (delete, SUPPRESSION, suppressions.delete, "deleteSuppression"),
        (get, "/v1/errors/unknown", errors.unknown, "listUnknownErrors"),
        (get, "/v1/explain", errors.explain, "explain"),
    )


def _of_the_rest(
    office: Office, clock: Clock, timers: TimerDoor, metrics: Metrics
) -> Sequence[_Row]:
    outbox, agreement = OutboxCalls(office), AgreementCalls(office)
    health = Health(office, clock)
    return (
        (get, "/v1/timers", TimerList(timers).page, "listTimers"),
        (get, "/v1/outbox", outbox.page, "listOutbox"),
        (post, "/v1/outbox/resend", outbox.resend, "resendEvents"),
        (get, "/v1/cadence/check", agreement.check, "checkTouchpoints"),
        (post, "/v1/cadence/check/repair", agreement.repair, "repairTouchpoints"),
        (get, "/healthz", health.alive, "healthz"),
        (get, "/readyz", health.ready, "readyz"),
        (get, "/metrics", metrics.show, "metrics"),
    )
