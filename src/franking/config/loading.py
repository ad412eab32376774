"""From the environment and `franking.toml` to `Settings`, or to everything that is wrong."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from franking.config.readers import MAY_BE_EMPTY, READERS, SECRETS
from franking.config.salesforce import FIELDS, contradictions, setting
from franking.config.settings import PREFIX, SettingRefused, Settings

FILE = "franking.toml"
FILE_BYTES_MAX = 1024 * 1024

_OAUTH_NEEDS = ("host", "user", "client_id", "client_secret", "refresh_token")
_TLS = ("tls_certificate", "tls_key")
# Parameters of the Trigger Email extension that say nothing here, and what is done instead.
_EXTENSIONS_OWN = {
    "mail_collection": "documents are written with PUT /v1/mail/{id}",
    "location": "franking runs where it is started",
    "database": "FRANKING_DATABASE_URL says where mails are kept",
    "database_region": "FRANKING_DATABASE_URL says where mails are kept",
    "eventarc_channel": "events go to webhooks",
    "ext_selected_events": "each webhook has its own types",
}
_GUIDE = "docs/from-trigger-email.md"


class _Given(msgspec.Struct, frozen=True):
    """One value as it was given: `label` is how its giver spells its name."""

    name: str
    label: str
    text: str


def load(environment: Mapping[str, str], file: Path = Path(FILE)) -> Settings:
    """The settings. Raises `SettingRefused` with a line for each thing that is wrong."""
    given = [*_from_file(file), *_from_environment(environment)]
    refusals: list[str] = []
    values: dict[str, Any] = {}
    for one in given:
        try:
            values[one.name] = _read(one)
        except ValueError as error:
            refusals.append(str(error))
    refusals += _missing(values)
    if refusals:
        raise SettingRefused(*refusals)
    return Settings(**values)


def _from_environment(environment: Mapping[str, str]) -> Iterator[_Given]:
    for label in sorted(environment):
        name, value = label.removeprefix(PREFIX).lower(), environment[label]
        if label.startswith(PREFIX) and (value or name in MAY_BE_EMPTY):
            yield _Given(name, label, value)


def _from_file(file: Path) -> Iterator[_Given]:
    for name, value in _parsed(file).items():
        if value != "" or name.lower() in MAY_BE_EMPTY:
            yield _Given(name.lower(), f"{name} in {file.name}", _as_text(value))


def _parsed(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            return tomllib.loads(stream.read(FILE_BYTES_MAX).decode())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SettingRefused(f"{file} can't be read: {error}.") from error


def _as_text(value: Any) -> str:
    """A value of TOML as the environment would spell it, so that one reader reads both."""
    if isinstance(value, list):
        return ",".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _read(given: _Given) -> Any:
    reader = READERS.get(given.name)
    if reader is None:
        raise ValueError(_unknown(given))
    try:
        return reader(given.text)
    except ValueError as error:
        shown = "can't be used" if _secret(given) else f"is {_excerpt(given.text)}"
        raise ValueError(f"{given.label} {shown}: it {error}.") from None


def _secret(given: _Given) -> bool:
    """May it have a password in it?"""
    named = given.name == "database_url" and ("@" in given.text or "password" in given.text)
    return named or given.name in SECRETS


def _unknown(given: _Given) -> str:
    if given.name in _EXTENSIONS_OWN:
        instead = _EXTENSIONS_OWN[given.name]
        return f"{given.label} is the Trigger Email extension's, not ours: {instead} ({_GUIDE})."
    spelled = {name: _spelled(name, given) for name in READERS}
    near = difflib.get_close_matches(given.name, READERS, n=1)
    if near:
        return f"{given.label} is not a setting: did you mean {spelled[near[0]]}?"
    return f"{given.label} is not a setting: there are {', '.join(spelled.values())}."


def _spelled(name: str, given: _Given) -> str:
    return PREFIX + name.upper() if given.label.startswith(PREFIX) else name


def _excerpt(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:79] + "…")


def _missing(values: Mapping[str, Any]) -> Iterator[str]:
    for name, other in (_TLS, _TLS[::-1]):
        if name in values and other not in values:
            yield f"{PREFIX}{other.upper()} is not set: {PREFIX}{name.upper()} needs it."
    if values.get("auth_type") == "OAuth2":
        for name in _OAUTH_NEEDS:
            if name not in values:
                told = f"{PREFIX}AUTH_TYPE is OAuth2, which needs it."
                yield f"{PREFIX}{name.upper()} is not set: {told}"
    yield from _outlet(values)


def _outlet(values: Mapping[str, Any]) -> Iterator[str]:
    """What events go to Salesforce by; what is set for it and would do nothing is refused."""
    names = [f"salesforce_{name}" for name in FIELDS]
    own = {name: values[f"salesforce_{name}"] for name in FIELDS if f"salesforce_{name}" in values}
    if values.get("outlet") != "salesforce":
        for name in (*names, "salesforce_orgs", "event_rate_limited"):
            if name in values:
                yield f"{PREFIX}{name.upper()} needs {PREFIX}OUTLET=salesforce."
        if values.get("outlet") == "none" and "events" in values:
            yield f"{PREFIX}EVENTS needs an outlet: {PREFIX}OUTLET is none."
    elif own:
        yield from contradictions(own, setting)
    elif "salesforce_orgs" not in values:
        named = f"{setting('client_id')} or {setting('orgs')}"
        yield f"{named} is not set: {PREFIX}OUTLET is salesforce, which needs one."
