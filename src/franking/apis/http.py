"""All that is reached over HTTP, as one ASGI app: the routes, and the guard and the keys before.

Handlers read the request's bytes and answer with bytes. Litestar routes, describes the calls in
OpenAPI, and hands every exception to `problems`. Skyring's paths have an app of their own.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from litestar import Litestar, delete, get, patch, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.types import Receive, Scope, Send

from franking.apis import bodies, problems
from franking.apis.access import Access
from franking.apis.accounts import AccountCalls
from franking.apis.agreement import AgreementCalls
from franking.apis.bounces import BounceCalls
from franking.apis.cadence import cadence_routes
from franking.apis.collected import CollectionCalls, TemplateCalls
from franking.apis.errors import ErrorCalls
from franking.apis.guard import Guard
from franking.apis.health import Health
from franking.apis.keys import KeyCalls
from franking.apis.listing import Listing
from franking.apis.live import HEARTBEAT_SECONDS, Live
from franking.apis.mail import Mails
from franking.apis.openapi import Description, operations
from franking.apis.outbox import OutboxCalls
from franking.apis.retries import RetryCalls
from franking.apis.skyring import Fork, Skyring
from franking.apis.suppressions import SuppressionCalls
from franking.apis.timer_list import TimerList
from franking.clock import Clock
from franking.office import Office
from franking.office.timer_door import TimerDoor
from franking.outlets.base import Package

BATCH = "/v1/mail/batch"
ONE = "/v1/mail/{id:str}"
ACCOUNT = "/v1/accounts/{id:str}"
TEMPLATE = "/v1/templates/{id:str}"
USER = "/v1/users/{id:str}"
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
    pages: Sequence[HTTPRouteHandler] = (),
) -> Front:
    """The app; `hosts` are the names that are served beside the loopback's, `pages` the console's.

    `package` is the embedded one, where it is here. `timers` is the door to them, the office's own
    where there is no other. `trusted` is for who holds the database itself and needs no key to it,
    so never for a socket.
    """
    live = Live(office, heartbeat_seconds)
    door = office.timers if timers is None else timers

    def table() -> Sequence[HTTPRouteHandler]:
        cadence = [] if package is None else cadence_routes(package)
        return [*routes(office, clock, live, door, max_document_bytes), *cadence]

    description = Description(table)
    app = Litestar(
        [*table(), *pages, get("/openapi.json", status_code=200)(description.show)],
        openapi_config=None,
        exception_handlers={Exception: problems.respond},
        logging_config=None,
        request_max_body_size=None,
    )
    limits = {BATCH: max(bodies.MAX_BATCH_BYTES, max_document_bytes)}
    both = Fork(Skyring(door, clock), app)
    access = Access(both, office.keys, clock)
    behind = both if trusted else access
    return Front(Guard(behind, hosts, max_document_bytes, limits), live, access)


def routes(
    office: Office,
    clock: Clock,
    live: Live,
    timers: TimerDoor,
    max_document_bytes: int = bodies.MAX_DOCUMENT_BYTES,
) -> Sequence[HTTPRouteHandler]:
    """Every route with its handler and its description."""
    mails, listing, health = (
        Mails(office, clock, max_document_bytes),
        Listing(office),
        Health(office),
    )
    keys, accounts, retries = (
        KeyCalls(office),
        AccountCalls(office, clock),
        RetryCalls(office, clock),
    )
    bounces, suppressions = BounceCalls(office), SuppressionCalls(office)
    errors, outbox, agreement = ErrorCalls(office), OutboxCalls(office), AgreementCalls(office)
    templates = TemplateCalls(office.templates)
    users = CollectionCalls(office.users, "/v1/users", "A user")
    described = operations()
    table = (
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
        (get, "/v1/accounts", accounts.page, "listAccounts"),
        (put, ACCOUNT, accounts.put, "putAccount"),
        (get, ACCOUNT, accounts.read, "readAccount"),
        (delete, ACCOUNT, accounts.delete, "deleteAccount"),
        (post, f"{ACCOUNT}/pause", accounts.pause, "pauseAccount"),
        (post, f"{ACCOUNT}/resume", accounts.resume, "resumeAccount"),
        (post, f"{ACCOUNT}/test", accounts.test, "testAccount"),
        (post, "/v1/accounts/rekey", accounts.rekey, "rekeyAccounts"),
        (get, "/v1/templates", templates.page, "listTemplates"),
        (put, TEMPLATE, templates.put, "putTemplate"),
        (get, TEMPLATE, templates.read, "readTemplate"),
        (delete, TEMPLATE, templates.delete, "deleteTemplate"),
        (post, f"{TEMPLATE}/render", templates.render, "renderTemplate"),
        (get, "/v1/users", users.page, "listUsers"),
        (put, USER, users.put, "putUser"),
        (get, USER, users.read, "readUser"),
        (delete, USER, users.delete, "deleteUser"),
        (get, "/v1/events", live.listen, "listen"),
        (post, "/v1/bounces", bounces.take, "fileBounce"),
        (get, "/v1/suppressions", suppressions.page, "listSuppressions"),
        (put, SUPPRESSION, suppressions.put, "putSuppression"),
        (delete, SUPPRESSION, suppressions.delete, "deleteSuppression"),
        (get, "/v1/errors/unknown", errors.unknown, "listUnknownErrors"),
        (get, "/v1/explain", errors.explain, "explain"),
        (get, "/v1/timers", TimerList(timers).page, "listTimers"),
        (get, "/v1/outbox", outbox.page, "listOutbox"),
        (post, "/v1/outbox/resend", outbox.resend, "resendEvents"),
        (get, "/v1/cadence/check", agreement.check, "checkTouchpoints"),
        (post, "/v1/cadence/check/repair", agreement.repair, "repairTouchpoints"),
        (post, "/v1/keys", keys.create, "createKey"),
        (get, "/v1/keys", keys.newest, "listKeys"),
        (delete, "/v1/keys/{id:str}", keys.revoke, "revokeKey"),
        (get, "/healthz", health.alive, "healthz"),
        (get, "/readyz", health.ready, "readyz"),
    )
    # An answer carries its own status; Litestar only wants one that may have a body.
    return [
        method(path, operation_id=name, operation_class=described[name], status_code=200)(call)
        for method, path, call, name in table
    ]
