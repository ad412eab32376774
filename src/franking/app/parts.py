"""Which calls a process answers that has some roles only; others are told where to go.

On a SQLite file one process has it all, so it answers every call whatever its roles are. On
PostgreSQL a process answers those of its roles, and `/healthz`, `/readyz` and `/metrics`.
"""

from __future__ import annotations

from typing import Any

from litestar.types import ASGIApp, Receive, Scope, Send

from franking.apis.problems import Problem
from franking.apis.skyring_answers import turned_away
from franking.app.roles import Role
from franking.config import Settings

# Where paths begin, and the roles that answer there; all others are answered by every process.
PATHS = (
    (("/v1", "/openapi.json"), (Role.API,)),
    (("/timer", "/ping"), (Role.API, Role.PROXY)),
    (("/cadence", "/services"), (Role.API, Role.CADENCE)),
)
# RFC 9110, section 15.5.20: not here, but the same request may be asked elsewhere.
MISDIRECTED = 421


def parted(app: ASGIApp, settings: Settings, roles: frozenset[Role]) -> ASGIApp:
    """The app, or what answers only for the roles of this process."""
    if not settings.postgresql or Role.API in roles:
        return app
    return Parts(app, roles)


class Parts:
    """An ASGI app in front of `app`, which is asked only for what the roles answer."""

    def __init__(self, app: ASGIApp, roles: frozenset[Role]) -> None:
        self._app = app
        self._doing = ", ".join(sorted(roles))
        self._elsewhere = tuple(
            (root, needs[-1]) for roots, needs in PATHS if not roles & {*needs} for root in roots
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked: Any = scope
        need = self._need(asked.get("path", ""))
        if need is None:
            await self._app(scope, receive, send)
            return
        detail = f"This process runs {self._doing}, and does not answer this call."
        next = f"Ask one that runs {need} (`serve --only {need}`)."
        await turned_away(asked, Problem(MISDIRECTED, "elsewhere", detail, next))(
            scope, receive, send
        )

    def _need(self, path: str) -> Role | None:
        """The role that it takes and that is not here."""
        for root, need in self._elsewhere:
            if path == root or path.startswith(f"{root}/"):
                return need
        return None
