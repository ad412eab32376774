"""The guide for who comes from Trigger Email: it leaves nothing out, and its examples run."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from eventually import eventually
from franking.apis.schemas import SCHEMAS
from franking.config import SettingRefused, load
from franking.config.readers import READERS
from franking.core.message.shape import ATTACHMENT_FIELDS, RECIPIENT_FIELDS
from postbox import Postbox
from serviced import served

DOCS = Path(__file__).parent.parent / "docs"
GUIDE = (DOCS / "from-trigger-email.md").read_text("utf-8")
DEADLINE_SECONDS = 30.0
# The parameters of version 0.2.8, in the order of its extension.yaml; LOCATION is an older one's.
SAME = (
    *("AUTH_TYPE", "SMTP_CONNECTION_URI", "SMTP_PASSWORD", "HOST", "OAUTH_PORT", "OAUTH_SECURE"),
    *("CLIENT_ID", "CLIENT_SECRET", "REFRESH_TOKEN", "USER", "DEFAULT_FROM", "DEFAULT_REPLY_TO"),
    *("USERS_COLLECTION", "TEMPLATES_COLLECTION", "TTL_EXPIRE_TYPE", "TTL_EXPIRE_VALUE"),
    "TLS_OPTIONS",
)
ONLY_THERE = (
    *("MAIL_COLLECTION", "LOCATION", "DATABASE", "DATABASE_REGION"),
    *("EVENTARC_CHANNEL", "EXT_SELECTED_EVENTS"),
)
FIELDS = (
    *(*RECIPIENT_FIELDS, "from", "replyTo", "headers", "message", "template", "sendGrid"),
    *("categories", "attachments", "delivery", "expireAt", *ATTACHMENT_FIELDS),
    *("touchpointId", "cadenceMemberId", "emailMessageId", "account", "sendAt", "sendBefore"),
    *("priority", "onUnknown", *SCHEMAS["Info"]["properties"]),
    *SCHEMAS["Delivery"]["properties"],
)
FIRESTORE = """
const found = (documents) => ({
  get: async () => ({ docs: Object.entries(documents).map(([id, fields]) => ({
    id, data: () => fields, get: (name) => fields[name],
  })) }),
});
const collections = {
  templates: { "a b": { subject: "S", text: "{{n}}" }, footer: { partial: true, html: "x" } },
  users: { u1: { email: "u1@example.com", name: "One" }, u2: {} },
};
export const db = { collection: (name) => found(collections[name]) };
"""
EXTENSION_ENV = """\
DEFAULT_FROM=Ada's <a@example.com>
DATABASE=(default)
DATABASE_REGION=eur3
EVENTARC_CHANNEL=projects/p/locations/l/channels/firebase
EXT_SELECTED_EVENTS=
firebaseextensions.v1beta.v2function/location=europe-west1
LOCATION=europe-west1
MAIL_COLLECTION=mail
SMTP_CONNECTION_URI=smtps://u@example.com@smtp.example.com:465?pool=true&name=x
SMTP_PASSWORD=projects/1/secrets/firestore-send-email-SMTP_PASSWORD/versions/latest
TEMPLATES_COLLECTION=templates
TTL_EXPIRE_TYPE=day
USERS_COLLECTION=users
"""


def examples(language: str) -> list[str]:
    """The guide's blocks in a language, without the margin of the list that they stand in."""
    blocks = re.findall(rf"^ *```{language}\n(.*?)^ *```$", GUIDE, re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(block) for block in blocks]


@pytest.mark.parametrize("name", SAME)
def test_every_parameter_that_is_taken_over_is_a_setting_and_told(name: str) -> None:
    assert name.lower() in READERS
    assert f"`{name}`" in GUIDE
    assert f"`FRANKING_{name}`" in GUIDE


@pytest.mark.parametrize("name", ONLY_THERE)
def test_every_other_parameter_is_told_and_refused_with_the_guide(name: str) -> None:
    assert f"`{name}`" in GUIDE
    with pytest.raises(SettingRefused, match=r"docs/from-trigger-email\.md"):
        load({f"FRANKING_{name}": "x"}, Path("none.toml"))


def test_every_setting_that_the_guide_names_exists() -> None:
    # FRANKING_ alone is the prefix.
    named = set(re.findall(r"FRANKING_([A-Z][A-Z_]*)", GUIDE))
    assert {name.lower() for name in named} - READERS.keys() == set()


@pytest.mark.parametrize("field", sorted(set(FIELDS)))
def test_every_field_is_told(field: str) -> None:
    assert re.search(rf"`[^`\n]*\b{field}\b[^`\n]*`", GUIDE)


def test_every_page_and_part_that_it_points_to_is_there() -> None:
    for page, part in re.findall(r"\]\(([a-z-]+\.md)?(#[a-z-]+)?\)", GUIDE):
        text = (DOCS / page).read_text("utf-8") if page else GUIDE
        headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
        parts = {"#" + heading.lower().replace(" ", "-") for heading in headings}
        assert not part or part in parts


@pytest_asyncio.fixture
async def box() -> AsyncIterator[Postbox]:
    box = Postbox()
    await box.start()
    yield box
    await box.stop()


@pytest_asyncio.fixture
async def it(tmp_path: Path, box: Postbox) -> AsyncIterator[httpx.AsyncClient]:
    async with served(tmp_path, smtp_connection_uri=f"smtp://127.0.0.1:{box.port}") as http:
        yield http


async def run(folder: Path, http: httpx.AsyncClient | None, *command: str) -> str:
    """What a command printed that ended well."""
    environment = {name: value for name, value in os.environ.items() if "FRANKING" not in name}
    if http is not None:
        environment["FRANKING_URL"] = str(http.base_url).rstrip("/")
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=environment, stdout=pipe, stderr=pipe
    )
    async with asyncio.timeout(DEADLINE_SECONDS):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


async def taken(box: Postbox, *addresses: str) -> None:
    async def all_there() -> bool:
        return sorted(to for _, recipients, _ in box.taken for to in recipients) == [*addresses]

    await eventually(all_there)


async def test_the_python_runs(tmp_path: Path, box: Postbox, it: httpx.AsyncClient) -> None:
    [example] = examples("python")
    assert await run(tmp_path, it, sys.executable, "-c", example) == "PENDING\n"
    await taken(box, "bob@example.com")


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node on this machine")
async def test_the_javascript_runs(tmp_path: Path, box: Postbox, it: httpx.AsyncClient) -> None:
    names = ("franking.mjs", "mail.mjs", "copy.mjs")
    for name, example in zip(names, examples("js"), strict=True):
        (tmp_path / name).write_text(example)
    (tmp_path / "firestore.mjs").write_text(FIRESTORE)
    assert await run(tmp_path, it, "node", "mail.mjs") == "SUCCESS [ 'ada@example.com' ] null\n"
    await taken(box, "ada@example.com", "ada@example.org")
    await run(tmp_path, it, "node", "copy.mjs")
    assert (await it.get("/v1/templates/a b")).json()["text"] == "{{n}}"
    assert (await it.get("/v1/templates/footer")).json()["partial"] is True
    assert (await it.get("/v1/users/u1")).json() == {"id": "u1", "email": "u1@example.com"}
    assert (await it.get("/v1/users/u2")).json() == {"id": "u2"}


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
async def test_the_calls_by_hand_run(tmp_path: Path, box: Postbox, it: httpx.AsyncClient) -> None:
    calls = [example for example in examples("sh") if "curl" in example]
    # The webhook's receiver is an example, and must not be told of what follows it.
    calls.sort(key=lambda example: "webhooks" in example)
    printed = [await run(tmp_path, it, "sh", "-ec", example) for example in calls]
    await taken(box, "eve@example.com")
    assert [text for text in printed if '"detail"' in text] == []
    assert '"@ada is now following you!"' in printed[1]
    assert (await it.get("/v1/mail/from-2025")).json()["delivery"]["state"] == "SUCCESS"
    [hook] = (await it.get("/v1/webhooks")).json()["items"]
    assert hook["types"] == ["onSuccess", "onError"]


async def test_the_extensions_parameters_are_taken_over(tmp_path: Path) -> None:
    [example] = [example for example in examples("sh") if "franking.env" in example]
    (tmp_path / "extensions").mkdir()
    (tmp_path / "extensions" / "firestore-send-email.env").write_text(EXTENSION_ENV)
    show = "set -a; . ./franking.env; set +a; env -0"
    printed = await run(tmp_path, None, "sh", "-ec", f"{example}\n{show}")
    found = dict(one.split("=", 1) for one in printed.split("\0") if one.startswith("FRANKING_"))
    assert found == {
        "FRANKING_DEFAULT_FROM": "Ada's <a@example.com>",
        "FRANKING_SMTP_CONNECTION_URI": (
            "smtps://u@example.com@smtp.example.com:465?pool=true&name=x"
        ),
        "FRANKING_TTL_EXPIRE_TYPE": "day",
    }
    assert load(found, tmp_path / "none.toml").ttl_expire_type == "day"
