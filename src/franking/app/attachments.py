"""Who fetches attachments from other servers: by the settings, and from nobody without a list."""

from __future__ import annotations

from franking.config import Settings
from franking.transports.fetching import HttpFetcher, Limits
from franking.transports.names import Names


def fetching(settings: Settings) -> HttpFetcher:
    """To be closed."""
    limits = Limits(
        seconds=settings.attachment_seconds,
        octets=settings.attachment_max_bytes,
        mail_octets=settings.attachment_max_mail_bytes,
    )
    names = Names(settings.attachment_private_addresses)
    return HttpFetcher(settings.attachment_hosts, names, limits)
