"""The database goes away and comes back: it is told, and everything goes on by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from cli.processes import mailbox
from eventually import eventually
from postgres import Cluster, new_cluster

from .processes import part
from .test_waking import MAIL, at


@pytest.fixture
def mortal() -> Iterator[Cluster]:
    """A cluster that the test may stop."""
    made = new_cluster()
    yield made
    made.remove()


async def test_it_says_that_the_database_is_away_and_goes_on_when_it_is_back(
    tmp_path: Path, mortal: Cluster
) -> None:
    database = mortal.url(mortal.create())
    async with (
        mailbox() as capture,
        part(tmp_path, database, "api,console") as door,
        part(
            tmp_path,
            database,
            "worker,timers,outbox",
            smtp_connection_uri=at(capture.port),
            lease_seconds="5",
        ) as worker,
    ):
        assert (await door.http.get("/readyz")).status_code == 200
        mortal.crash()
        for one in (door, worker):
            away = await one.http.get("/readyz")
            assert away.status_code == 503
            assert "can't be reached" in away.json()["detail"]
            assert (await one.http.get("/healthz")).status_code == 200
            # Nobody can say whether there is a key for it.
            assert (await one.http.get("/metrics")).status_code == 503
        refused = await door.http.post("/v1/mail", json=MAIL)
        assert (refused.status_code, refused.json()["reason"]) == (503, "store_unavailable")
        mortal.start()
        for one in (door, worker):
            await eventually(lambda one=one: ready(one.http))  # type: ignore[misc]
        assert (await door.http.post("/v1/mail", json=MAIL)).status_code == 201

        async def came() -> bool:
            return len(capture.mails) == 1

        await eventually(came)
        # And news come again, too: what others commit is heard.
        before = len(capture.mails)
        assert (await door.http.post("/v1/mail", json=MAIL)).status_code == 201

        async def another() -> bool:
            return len(capture.mails) == before + 1

        await eventually(another)


async def ready(http: httpx.AsyncClient) -> bool:
    return (await http.get("/readyz")).status_code == 200
