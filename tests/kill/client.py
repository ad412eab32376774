"""Who asks an installation of these tests, and the settings with which each is started."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

PATIENCE_SECONDS = 20


def environment(
    smtp_port: int, waits_ms: Sequence[int], claim_ms: int, settings: Mapping[str, Any]
) -> dict[str, str]:
    """The environment of a worker that sends to a port; `settings` by their names in lower case."""
    given = {
        "http": "127.0.0.1:0",
        "grpc": "127.0.0.1:0",
        "smtp_connection_uri": _uri(smtp_port),
        "default_from": "Default <default@example.com>",
        "lease_seconds": 2,
        "retry_seconds": 1,
        "transient_attempts": 3,
        "connections": 3,
        **settings,
    }
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith("FRANKING_")},
        **{f"FRANKING_{name.upper()}": str(value) for name, value in given.items()},
        "KILL_WAITS_MS": ",".join(map(str, waits_ms)),
        "KILL_CLAIM_MS": str(claim_ms or ""),
    }


class Client:
    """Asks at `url`, which changes with each start."""

    def __init__(self, smtp_port: int) -> None:
        self.url = ""
        self._smtp_port = smtp_port
        self._http = httpx.AsyncClient(verify=False, trust_env=False, timeout=PATIENCE_SECONDS)

    async def ask(
        self, method: str, path: str, body: Any = None, key: str | None = None, **headers: str
    ) -> httpx.Response | None:
        """The answer; None where it never came. `timer_id` is the header x-timer-id."""
        headers = {f"x-{name.replace('_', '-')}": value for name, value in headers.items()}
        if key:
            headers["idempotency-key"] = key
        try:
            return await self._http.request(method, self.url + path, json=body, headers=headers)
        except httpx.HTTPError:
            return None

    async def set_account(self, name: str) -> None:
        """A mailbox of its own, which sends through the same server."""
        transport = {"type": "smtp", "uri": _uri(self._smtp_port)}
        answer = await self.ask("PUT", f"/v1/accounts/{name}", {"transport": transport})
        assert answer is not None
        assert answer.is_success, answer.text

    async def close(self) -> None:
        await self._http.aclose()


def _uri(smtp_port: int) -> str:
    return f"smtp://127.0.0.1:{smtp_port}"
