"""Every role alone, and twice; and what a process answers that has some roles only."""

from __future__ import annotations

from pathlib import Path

import pytest

from franking.app.roles import Role

from .processes import part

CALLS = (
    ("/v1/mail", Role.API),
    ("/openapi.json", Role.API),
    ("/timer/none", Role.PROXY),
    ("/ping", Role.PROXY),
    ("/cadence/touchpoints", Role.CADENCE),
    ("/services/apexrest/DS_Packages/DialSourceCadenceServices", Role.CADENCE),
)
EVERYWHERE = ("/healthz", "/readyz")


@pytest.mark.parametrize("role", list(Role))
async def test_each_role_runs_alone_and_twice(tmp_path: Path, database: str, role: Role) -> None:
    # Alone, a proxy has no database at all; the timers that it needs are elsewhere.
    only = f"{role},data-api" if role is Role.PROXY else str(role)
    async with part(tmp_path, database, only) as one, part(tmp_path, database, only) as other:
        for process in (one, other):
            for path in EVERYWHERE:
                assert (await process.http.get(path)).status_code == 200
            for path, need in CALLS:
                answer = await process.http.get(path)
                here = role in (need, Role.API)
                assert (answer.status_code == 421) is not here, path


async def test_a_call_that_is_answered_elsewhere_says_where(tmp_path: Path, database: str) -> None:
    async with part(tmp_path, database, "worker,timers") as process:
        answer = await process.http.post("/v1/mail", json={})
        assert answer.status_code == 421
        assert answer.json()["detail"] == (
            "This process runs timers, worker, and does not answer this call."
        )
        assert answer.json()["next"] == "Ask one that runs api (`serve --only api`)."


async def test_the_console_alone_has_its_pages_and_no_api(tmp_path: Path, database: str) -> None:
    async with part(tmp_path, database, "console") as process:
        assert (await process.http.get("/timers")).status_code == 200
        assert (await process.http.get("/v1/timers")).status_code == 421


async def test_on_a_file_every_call_is_answered(tmp_path: Path) -> None:
    async with part(tmp_path, f"sqlite:///{tmp_path}/franking.db", "worker") as process:
        assert (await process.http.get("/v1/mail")).status_code == 200
