"""Secrets at rest: what can't be opened, by whom, and how keys change."""

from __future__ import annotations

import pytest

from franking.core.sender import SecretLost
from franking.stores.secrets import HEADER_BYTES, Vault, key_id, parse_keys

OLD, NEW = b"o" * 32, b"n" * 32
SECRET = b'{"password":"geheim"}'


def test_a_sealed_secret_does_not_hold_it_and_is_never_the_same_twice() -> None:
    vault = Vault([OLD], "here")
    first, second = vault.seal("rep", SECRET), vault.seal("rep", SECRET)
    assert first != second
    assert b"geheim" not in first
    assert vault.open("rep", first) == SECRET
    assert first[:HEADER_BYTES] == vault.header()


def test_another_key_says_which_one_is_missing() -> None:
    sealed = Vault([OLD], "here").seal("rep", SECRET)
    with pytest.raises(SecretLost) as caught:
        Vault([NEW], "FRANKING_SECRET_KEY").open("rep", sealed)
    assert key_id(OLD).hex() in str(caught.value)
    assert "is not in FRANKING_SECRET_KEY. Put that key back" in str(caught.value)


def test_a_secret_in_another_accounts_row_does_not_open() -> None:
    vault = Vault([OLD], "here")
    with pytest.raises(SecretLost, match='"rep" is damaged, or belongs to another account'):
        vault.open("rep", vault.seal("boss", SECRET))


def test_a_secret_with_one_bit_changed_does_not_open() -> None:
    vault = Vault([OLD], "here")
    sealed = bytearray(vault.seal("rep", SECRET))
    sealed[-1] ^= 1
    with pytest.raises(SecretLost, match="damaged"):
        vault.open("rep", bytes(sealed))


def test_the_first_key_seals_and_all_open() -> None:
    sealed = Vault([OLD], "here").seal("rep", SECRET)
    both = Vault([NEW, OLD], "here")
    assert both.open("rep", sealed) == SECRET
    assert Vault([NEW], "here").open("rep", both.seal("rep", SECRET)) == SECRET


def test_a_vault_does_not_show_its_keys() -> None:
    assert repr(Vault([OLD, NEW], "here")) == "Vault(here, 2 keys)"


@pytest.mark.parametrize("text", ["", "geheim", "Z2VoZWlt", "===="])
def test_what_is_no_key_is_refused_without_telling_it(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_keys(text)
    assert "geheim" not in str(caught.value)
