"""Which parts of franking a process runs: all of them, or those named by `serve --only`."""

from __future__ import annotations

from enum import StrEnum

from franking.config import PREFIX, SettingRefused, Settings


class Role(StrEnum):
    """The parts, as `--only` names them."""

    API = "api"
    PROXY = "proxy"
    WORKER = "worker"
    TIMERS = "timers"
    DATA_API = "data-api"
    OUTBOX = "outbox"
    CADENCE = "cadence"
    CONSOLE = "console"


ALL = frozenset(Role)
# Those that take work for a while, which others must be able to take when they don't end it.
CLAIMING = frozenset((Role.WORKER, Role.TIMERS, Role.OUTBOX))
ALONE = frozenset((Role.PROXY,))


def chosen(only: str | None) -> frozenset[Role]:
    """The roles in a list with commas. Raises `SettingRefused` for one that is none."""
    if only is None:
        return ALL
    names = [name.strip() for name in only.split(",") if name.strip()]
    unknown = [name for name in names if name not in list(Role)]
    if unknown or not names:
        known = ", ".join(Role)
        raise SettingRefused(f"--only is {only!r}, which must be one or several of: {known}.")
    return frozenset(map(Role, names))


def apart(roles: frozenset[Role], settings: Settings) -> bool:
    """Is this a proxy without a database? Raises `SettingRefused` where it has no Data API."""
    if roles != ALONE:
        return False
    if settings.data_api is None:
        words = "is not set, and a proxy that runs apart needs it"
        raise SettingRefused(f"{PREFIX}DATA_API {words}: the host:port of the Data API.")
    return True


def doing(roles: frozenset[Role]) -> str:
    """The roles in a word, those that claim first."""
    if roles == ALL:
        return "all"
    return ",".join(sorted(roles, key=lambda role: (role not in CLAIMING, role)))
