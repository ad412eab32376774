"""Where the keys of secrets come from, and every way that they are refused."""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path

import pytest

from franking.app.vault import check_keys, key_file, vault
from franking.config import Secret, SettingRefused, Settings, load
from franking.core.sender import SecretLost, Sender, Settled
from franking.stores.secrets import Vault, key_id
from franking.stores.sqlite import SqliteStore

KEY = base64.b64encode(b"k" * 32).decode()
OTHER = base64.b64encode(b"o" * 32).decode()


def settings(folder: Path, keys: str | None = None) -> Settings:
    secret = None if keys is None else Secret(keys)
    return Settings(database_url=f"sqlite:///{folder}/franking.db", secret_key=secret)


@pytest.mark.parametrize(
    "text",
    ["geheim", KEY[:-2], KEY + "A", f"{KEY},{KEY}", f"{KEY},", ",".join([KEY, "geheim"])],
)
def test_a_setting_that_is_no_key_is_refused_and_not_told(text: str) -> None:
    with pytest.raises(SettingRefused) as caught:
        load({"FRANKING_SECRET_KEY": text}, Path("none.toml"))
    assert str(caught.value).startswith("FRANKING_SECRET_KEY can't be used: it must be 32 bytes")
    assert "geheim" not in str(caught.value)
    assert KEY not in str(caught.value)


def test_several_keys_may_be_set() -> None:
    found = load({"FRANKING_SECRET_KEY": f"{KEY}, {OTHER}"}, Path("none.toml"))
    assert found.secret_key == Secret(f"{KEY},{OTHER}")
    assert KEY not in repr(found)


def test_no_key_file_is_made_before_there_is_a_secret(tmp_path: Path) -> None:
    vault(settings(tmp_path))
    assert os.listdir(tmp_path) == []


def test_a_key_file_is_made_for_its_owner_alone_and_read_again(tmp_path: Path) -> None:
    sealed = vault(settings(tmp_path)).seal("rep", b"geheim")
    file = key_file(tmp_path / "franking.db")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert vault(settings(tmp_path)).open("rep", sealed) == b"geheim"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    vault(settings(tmp_path)).seal("rep", b"geheim")
    key_file(tmp_path / "franking.db").chmod(mode)
    with pytest.raises(SettingRefused, match=rf"is open to others \(mode 0{mode:o}\).*chmod 600"):
        vault(settings(tmp_path))


def test_a_key_file_that_holds_no_key_is_refused_and_not_told(tmp_path: Path) -> None:
    file = key_file(tmp_path / "franking.db")
    file.touch(0o600)
    file.write_text("geheim")
    with pytest.raises(SettingRefused, match=r"holds no key that can be read") as caught:
        vault(settings(tmp_path))
    assert "geheim" not in str(caught.value)


def test_a_folder_that_takes_no_key_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(SecretLost, match=r"key file .* can't be made: No such file or directory"):
        vault(settings(tmp_path / "none")).seal("rep", b"geheim")


async def test_a_service_without_the_key_of_its_secrets_is_refused(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "franking.db")
    await store.open()
    old = Vault([b"o" * 32], "elsewhere")
    sealed = old.seal("rep", b"{}")
    for id in ("rep", "boss"):
        await store.accounts.save(id, lambda _: Settled(0, Sender(), None, sealed), 1)
    with pytest.raises(SettingRefused) as caught:
        await check_keys(vault(settings(tmp_path, KEY)), store)
    assert str(caught.value).startswith(
        f"The secrets of 2 accounts are sealed with the key {key_id(b'o' * 32).hex()},"
        " which is not in FRANKING_SECRET_KEY."
    )
    await check_keys(vault(settings(tmp_path, f"{KEY},{OTHER}")), store)
    await store.close()
