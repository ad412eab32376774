"""The Data API of this process, and the way to another process's."""

from __future__ import annotations

import structlog

from franking.apis.access import Access
from franking.apis.rpc.client import RemoteTimers, Trust
from franking.apis.rpc.server import Pem, Rpc
from franking.config import PREFIX, SettingRefused, Settings
from franking.office.timer_door import TimerDoor

SYSTEM = "system"

_log = structlog.get_logger("franking.app")


def served(settings: Settings, door: TimerDoor, access: Access) -> Rpc:
    """The Data API on the settings' address, with HTTP's certificate where there is one."""
    pem = None
    if settings.tls_certificate is not None and settings.tls_key is not None:
        pem = Pem(settings.tls_certificate, settings.tls_key)
    return Rpc(door, access, settings.grpc, pem)


def remote(settings: Settings) -> RemoteTimers:
    """The timers of the Data API that the settings name. Raises `SettingRefused`."""
    target = settings.data_api or ""
    try:
        return RemoteTimers(target, _trust(settings))
    except OSError as error:
        words = f"is '{settings.data_api_ca}', which can't be read: {error.strerror}"
        raise SettingRefused(f"{PREFIX}DATA_API_CA {words}.") from None


def _trust(settings: Settings) -> Trust | None:
    if settings.data_api_ca is None:
        host = (settings.data_api or "").rpartition(":")[0]
        if host not in ("localhost", "127.0.0.1", "[::1]"):
            _log.warning("unencrypted", data_api=settings.data_api, set=f"{PREFIX}DATA_API_CA")
        return None
    own = str(settings.data_api_ca) != SYSTEM
    return Trust(settings.data_api_ca if own else None)
