"""The same stories with the package in a Salesforce org: other settings, the same code."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from eventually import eventually
from franking.apis.access import Access
from franking.apis.http import build
from franking.apis.proxy import build_proxy
from franking.apis.rpc.client import RemoteTimers
from franking.apis.rpc.server import Rpc
from franking.app.listening import Listener, address, bound
from franking.clock import SystemClock
from franking.config import Address, load, salesforce_orgs
from franking.core.delivery import Bounds
from franking.outlets.salesforce import Salesforce
from installation import Installation
from salesforce import FakeSalesforce, loses_answer, unavailable

UNKNOWN = "550 5.1.1 No such user"
LIMITED = "550 5.4.5 Daily user sending limit exceeded."
MAIL = {"to": ["ada@example.com"], "message": {"subject": "Hi", "text": "Hello"}}
DUE = 1_767_225_600_000


class Org:
    """A rep's view of an org whose emails this installation sends, and its way to the timers."""

    def __init__(self, it: Installation, salesforce: FakeSalesforce, url: str) -> None:
        self.it = it
        self.salesforce = salesforce
        self.url = url

    async def automated(self) -> str:
        """An automated touchpoint whose timer is due; its id."""
        return (await self.salesforce.package.schedule(self.url, MAIL, due_at=DUE)).id

    async def reached(self, id: str, status: str) -> dict[str, Any]:
        """The touchpoint once it has the status."""

        async def look() -> dict[str, Any] | None:
            found = self.salesforce.package.shown(id)
            return found if found["actionStatus"] == status else None

        return await eventually(look)


@asynccontextmanager
async def connected(
    folder: Path, way: str = "direct", flow: Any = "jwt", **settings: Any
) -> AsyncIterator[Org]:
    """An installation that tells a fake org, with its proxy `direct` or `apart`."""
    async with AsyncExitStack() as parts:
        salesforce = await parts.enter_async_context(FakeSalesforce())
        found = load({**salesforce.settings(flow, folder)}, folder / "none.toml")
        outlet = Salesforce(salesforce_orgs(found), SystemClock())
        parts.push_async_callback(outlet.close)
        it = await parts.enter_async_context(Installation(folder, outlet=outlet, **settings))
        app: Any = build(it.office, it.clock)
        if way == "apart":
            access = Access(app, it.office.keys, it.clock)
            rpc = Rpc(it.office.timers, access, Address("127.0.0.1", 0))
            await rpc.start()
            parts.push_async_callback(rpc.stop)
            timers = RemoteTimers(str(rpc.address))
            parts.push_async_callback(timers.close)
            app = build_proxy(timers, it.clock)
        socket = parts.enter_context(bound(Address("127.0.0.1", 0)))
        listener = Listener(app, socket)
        parts.push_async_callback(listener.stop)
        await listener.started()
        yield Org(it, salesforce, f"http://{address(socket)}")


def statuses(touchpoint: dict[str, Any]) -> list[str]:
    """Of its conquer errors, oldest first."""
    return [error["status"] for error in reversed(touchpoint["errors"])]


@pytest.mark.parametrize("way", ["direct", "apart"])
async def test_an_automated_email_that_fails_is_retried_and_sent(tmp_path: Path, way: str) -> None:
    async with connected(tmp_path, way) as org:
        org.it.box.rcpt["ada@example.com"] = [UNKNOWN]
        id = await org.automated()
        failed = await org.reached(id, "Error")
        assert failed["errorCode"] == "550 5.1.1"
        org.it.box.rcpt.clear()
        pressed = await org.salesforce.package.retry(org.url, id)
        assert pressed.toast is None
        sent = await org.reached(id, "Sent")
        assert (sent["manualRetryCount"], statuses(sent)) == (1, ["Error", "Manual Retry"])
        assert sent["errorMessage"] is None
        again = await org.salesforce.package.retry(org.url, id)
        assert again.toast == "This email was already sent."
        assert org.salesforce.package.shown(id) == sent


async def test_a_rate_limit_is_said(tmp_path: Path) -> None:
    async with connected(tmp_path, flow="client_credentials", bounds=Bounds()) as org:
        org.it.box.mail_from = [LIMITED]
        id = await org.automated()
        limited = await org.reached(id, "Rate Limited")
        assert limited["errorCategory"] == "send_limit"
        pressed = await org.salesforce.package.retry(org.url, id)
        assert (pressed.toast or "").startswith("Your mailbox has reached its sending limit.")
        assert org.salesforce.package.shown(id) == limited


async def test_lost_answers_and_an_org_that_is_away_lose_no_event(tmp_path: Path) -> None:
    async with connected(tmp_path, flow="refresh_token") as org:
        org.salesforce.troubles.next(loses_answer(), unavailable())
        org.it.box.rcpt["ada@example.com"] = [UNKNOWN]
        id = await org.automated()
        failed = await org.reached(id, "Error")
        assert statuses(failed) == ["Error"]


async def test_an_event_that_the_org_never_takes_is_parked_and_passed(tmp_path: Path) -> None:
    async with connected(tmp_path) as org:
        org.it.box.rcpt["ada@example.com"] = [UNKNOWN]
        id = await org.automated()
        await org.reached(id, "Error")
        org.salesforce.package.delete(id)
        assert (await org.it.http.post(f"/timer/{id}/retry")).status_code == 200

        async def parked() -> bool:
            return (await org.it.store.outbox.counts()).parked == 1

        await eventually(parked)
        [unheard] = await org.it.store.outbox.page("parked", id, None, 10)
        assert "INVALID_ID" in (unheard.error or "")
        other = await org.automated()
        await org.reached(other, "Error")
