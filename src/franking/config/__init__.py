"""Settings: from the environment, over `franking.toml`, over defaults; each checked by name.

Policy: a wrong value, a name that we don't know and a combination that can't work are refused at
start, all of them together, each with what is accepted. A setting that comes with a later
version is refused as well, for one that is taken and does nothing would be a lie. An empty
value counts as not set, as in the extension. Secrets never show, neither in a `repr` nor in a
refusal.
"""

from franking.config.loading import FILE, load
from franking.config.orgs import salesforce_orgs
from franking.config.salesforce import Org, Orgs
from franking.config.settings import PREFIX, Address, Secret, SettingRefused, Settings

__all__ = [
    "FILE",
    "PREFIX",
    "Address",
    "Org",
    "Orgs",
    "Secret",
    "SettingRefused",
    "Settings",
    "load",
    "salesforce_orgs",
]
