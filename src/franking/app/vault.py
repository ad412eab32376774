"""The keys that accounts' secrets are sealed with: from FRANKING_SECRET_KEY, or a file of ours.

Policy. Where the setting names no key, one is made when the first secret is set, in a file beside
the database that its owner alone may read; a file that others can read is refused, as ssh does.
Where the database is in PostgreSQL there is no such file: the setting names the key. A service
whose secrets need a key that is not there is refused at start: each of its mails would else fail.
Whoever has the database and the key file has the secrets, so a backup of the one should not lie
beside the other.
"""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path

from franking.config import PREFIX, SettingRefused, Settings
from franking.core.sender import SecretLost
from franking.stores.base import Store
from franking.stores.secrets import HEADER_BYTES, KEY_BYTES, Vault, parse_keys

SETTING = f"{PREFIX}SECRET_KEY"
FILE_BYTES_MAX = 4096


def vault(settings: Settings) -> Vault:
    """The keys as set, or as kept in the file. Raises `SettingRefused`."""
    if settings.secret_key is not None:
        return Vault(parse_keys(settings.secret_key.value), SETTING)
    if settings.postgresql:
        return Vault([], SETTING, _missing)
    file = key_file(settings.database_path)
    return Vault(_kept(file), f"{SETTING} or {file}", lambda: _made(file))


async def check_keys(vault: Vault, store: Store) -> None:
    """Every secret can be opened. Raises `SettingRefused` with the first key that is missing."""
    for header, count in await store.accounts.secret_headers():
        id = header[1:HEADER_BYTES]
        if not vault.knows(id):
            raise SettingRefused(vault.lost(count, id))
    for hook in await store.webhooks.every():
        id = hook.secret[1:HEADER_BYTES]
        if not vault.knows(id):
            lost = vault.lost(1, id).replace("The secret of an account", "A webhook's secret")
            raise SettingRefused(lost)


def key_file(database: Path) -> Path:
    """The file that holds a database's key."""
    return database.with_name(database.name + "-key")


def _kept(file: Path) -> list[bytes]:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise SettingRefused(f"{file} can't be read: {error.strerror}.") from None
    with os.fdopen(descriptor) as stream:
        mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
        if mode & 0o077:
            words = f"is open to others (mode {mode:04o}), and holds the key to your secrets"
            raise SettingRefused(f"{file} {words}: chmod 600 {file}, or set {SETTING}.")
        try:
            return parse_keys(stream.read(FILE_BYTES_MAX).strip())
        except ValueError as error:
            words = f"holds no key that can be read: {error}. Restore it, or set {SETTING}."
            raise SettingRefused(f"{file} {words}") from None


def _missing() -> bytes:
    """Beside a database that many hosts share there is no place for a file of ours."""
    raise SecretLost(f"There is no key to seal it with. Set {SETTING}, the same in every process.")


def _made(file: Path) -> bytes:
    """A new key, on disk before anything is sealed with it."""
    key = os.urandom(KEY_BYTES)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(base64.b64encode(key) + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        words = f"The key file {file} can't be made: {error.strerror}."
        raise SecretLost(f"{words} Make its folder writable, or set {SETTING}.") from None
    _sync_folder(file.absolute().parent)
    return key


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
