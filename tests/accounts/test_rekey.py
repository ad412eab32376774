"""Keys change while accounts send: all under the new one, and the old one may go."""

from __future__ import annotations

import httpx

from franking.apis.http import build
from franking.app.routes import Routes
from franking.core.fault import Failure
from franking.office import Office
from franking.stores.secrets import Vault
from installation import Installation
from postbox import Postbox

from .conftest import account

OLD, NEW = bytes(32), b"n" * 32  # the installation's own key is the old one


def routes(it: Installation, *keys: bytes) -> Routes:
    return Routes(it.store, Vault(keys, "this test"), it.clock, None, 1)


async def rekeyed(it: Installation, *keys: bytes) -> httpx.Response:
    office = Office(it.store, it.clock, lambda: None, routes(it, *keys))
    app = httpx.ASGITransport(build(office, it.clock))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=app, base_url="http://127.0.0.1:8025") as http:
        return await http.post("/v1/accounts/rekey")


async def test_secrets_whose_key_is_gone_are_told_and_stay(it: Installation, box: Postbox) -> None:
    await it.http.put("/v1/accounts/rep", json=account(box.port))
    before = await it.store.accounts.settings("rep")
    answer = await rekeyed(it, NEW)
    assert (answer.status_code, answer.json()["reason"]) == (409, "secret_lost")
    assert await it.store.accounts.settings("rep") == before


async def test_every_secret_is_put_under_the_first_key_once(it: Installation, box: Postbox) -> None:
    for n in range(120):
        await it.http.put(f"/v1/accounts/a{n}", json=account(box.port))
    assert (await rekeyed(it, NEW, OLD)).json() == {"resealed": 120}
    assert (await rekeyed(it, NEW, OLD)).json() == {"resealed": 0}
    assert await routes(it, NEW).sign_in("a7") is None
    assert isinstance(await routes(it, OLD).sign_in("a7"), Failure)
