"""The Salesforce orgs that events go to: the settings' own, and those of SALESFORCE_ORGS' file.

The file is TOML with a table for each org. A table named `default` is for all accounts that no
other names; else the table's name is its account, or `accounts` lists several. What a table may
hold is what the settings `SALESFORCE_…` may, in lower case: `login_url`, `client_id`,
`client_secret`, `refresh_token`, `username`, `private_key` (a path, from the file's folder on).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from franking.config.readers import READERS
from franking.config.salesforce import FIELDS, Org, Orgs, Spelled, contradictions, given, setting
from franking.config.settings import Secret, SettingRefused, Settings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

DEFAULT = "default"
FILE_BYTES_MAX = 1024 * 1024
KEY_BYTES_MAX = 64 * 1024
KEY_BITS_MIN = 2048
ORGS_MAX = 1_000
ACCOUNTS_MAX = 10_000


def salesforce_orgs(settings: Settings) -> Orgs:
    """The orgs, with the files that the settings name. Raises `SettingRefused`."""
    values = given(settings)
    own = _org(DEFAULT, values, setting, Path()) if values else None
    file = settings.salesforce_orgs
    if file is None:
        return Orgs(own)
    found = _from_file(file)
    if own is not None and found.default is not None:
        raise SettingRefused(
            f"[{DEFAULT}] of {file.name} and {setting('client_id')} can't both be set."
        )
    return msgspec.structs.replace(found, default=own or found.default)


def rsa_key(pem: str) -> RSAPrivateKey:
    """The key in a PEM. Raises ValueError, which completes "it …"."""
    # Imported late: only who logs in by JWT pays for it.
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem.encode(), None)
    except TypeError:
        raise ValueError("is locked with a password: store it without one") from None
    except Exception:
        raise ValueError("holds no private key in PEM") from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < KEY_BITS_MIN:
        raise ValueError(f"must hold an RSA key of {KEY_BITS_MIN} bits or more")
    return key


def _org(name: str, values: Mapping[str, Any], spelled: Spelled, folder: Path) -> Org:
    refusals = list(contradictions(values, spelled))
    if refusals:
        raise SettingRefused(*refusals)
    if "private_key" not in values:
        return Org(name=name, **values)
    label = spelled("private_key")
    return Org(name=name, **{**values, "private_key": _pem(folder / values["private_key"], label)})


def _pem(file: Path, label: str) -> Secret:
    try:
        with file.open("rb") as stream:
            text = stream.read(KEY_BYTES_MAX).decode("ascii")
        rsa_key(text)
    except OSError as error:
        raise SettingRefused(f"{label}: {file} can't be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise SettingRefused(f"{label}: {file} holds no private key in PEM.") from None
    except ValueError as error:
        raise SettingRefused(f"{label}: {file} can't be used: it {error}.") from None
    return Secret(text)


def _from_file(file: Path) -> Orgs:
    tables = _tables(file)
    refusals: list[str] = []
    default, by_account = None, {}
    for name, table in tables.items():
        try:
            org, accounts = _read_table(name, table, file)
        except SettingRefused as refused:
            refusals += refused.refusals
            continue
        if name == DEFAULT:
            default = org
        refusals += [
            f"{file.name} names the account {one!r} twice." for one in accounts if one in by_account
        ]
        by_account.update(dict.fromkeys(accounts, org))
    if len(by_account) > ACCOUNTS_MAX:
        refusals.append(f"{file.name} names more than {ACCOUNTS_MAX} accounts.")
    if refusals:
        raise SettingRefused(*refusals)
    return Orgs(default, by_account)


def _tables(file: Path) -> dict[str, Any]:
    label = setting("orgs")
    try:
        with file.open("rb") as stream:
            tables = tomllib.loads(stream.read(FILE_BYTES_MAX).decode())
    except OSError as error:
        raise SettingRefused(f"{label}: {file} can't be read: {error.strerror}.") from None
    except ValueError:
        # What TOML says of it could repeat a secret.
        raise SettingRefused(f"{label}: {file} is not TOML.") from None
    if not 0 < len(tables) <= ORGS_MAX:
        raise SettingRefused(f"{label}: {file} must have 1 to {ORGS_MAX} tables, one an org.")
    return tables


def _read_table(name: str, table: Any, file: Path) -> tuple[Org, list[str]]:
    def spelled(field: str) -> str:
        return f"{field} of [{name}] in {file.name}"

    if not isinstance(table, dict):
        raise SettingRefused(f"{name} in {file.name} is no table: write [{name}] above an org.")
    accounts = table.pop("accounts", [] if name == DEFAULT else [name])
    listed = isinstance(accounts, list) and all(isinstance(a, str) and a for a in accounts)
    if not listed or (name == DEFAULT and accounts):
        raise SettingRefused(f"{spelled('accounts')} must be a list of accounts.")
    values: dict[str, Any] = {}
    refusals: list[str] = []
    for field, value in table.items():
        try:
            values[field] = _read_field(field, value)
        except ValueError as error:
            refusals.append(f"{spelled(field)} can't be used: it {error}.")
    if refusals:
        raise SettingRefused(*refusals)
    return _org(name, values, spelled, file.parent), accounts


def _read_field(field: str, value: Any) -> Any:
    if field not in FIELDS:
        raise ValueError(f"is not known: there are accounts, {', '.join(FIELDS)}")
    if not isinstance(value, str) or not value:
        raise ValueError("must be a text")
    return READERS[f"salesforce_{field}"](value)
