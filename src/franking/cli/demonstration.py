"""`franking demo`: a service with a mailbox on this machine, and mails that end in every way.

In a folder that has no database yet the demo stands in for it: it takes that database's lock, so
that commands find the demo by themselves. Elsewhere they are told where it is, with `--url`.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from rich.live import Live

from franking.apis import wire
from franking.app import logs, service
from franking.app.lock import DEMO, Lock
from franking.cli import screen, story
from franking.config import Secret, Settings
from franking.office import Office
from franking.stores.base import Filter, StoreRefused
from franking.transports.capture import Capture

LEASE_SECONDS = 10
RETRY_SECONDS = 5
LOOK_SECONDS = 0.25
SHOWN = 30
DEMO_FROM = "franking demo <demo@example.com>"

GUIDE = """\
franking demo: {url}  (Ctrl+C stops; its mails are in {database})

Open {url} in a browser: what a rep and an operator look at. Under Touchpoints, press
Retry on the email to once@example.com, and see it sent.

Send one yourself, from another terminal:
  curl -s {url}/v1/mail -H 'content-type: application/json' \\
    -d '{{"to": "ada@example.com", "message": {{"subject": "Hello", "text": "Hi"}}}}'
  {franking} send{where} --to ada@example.com --subject Hello --text Hi
  {franking} send{where} --to unknown@example.com --subject Hello --text Hi
Look at what happened:
  {franking} mail list{where}
  {franking} mail show{where} ID

The mailbox takes every mail but those to unknown@, full@, spam@, limit@, greylist@ and once@ (the
first time), busy@ and drop@; slow@ takes a while.
"""


async def demo(settings: Settings, database: Path | None) -> None:
    """Run until a signal asks to stop. Raises as `serve` does."""
    # What becomes of mails is on the screen already.
    least = "warning" if settings.log_level == "info" else settings.log_level
    logs.configure(settings.log_format, least)
    stop = service.signalled()
    async with _mailbox() as mailbox, _running(settings, database, mailbox) as (running, path):
        with _standing_in(settings, running.url, path) as found:
            found = found or path == settings.database_path.absolute()
            print(_guide(running.url, path, found), flush=True)
            await story.set_up(running.office, f"smtp://127.0.0.1:{mailbox.port}")
            await story.hand_in(running.office)
            telling = [
                asyncio.create_task(story.plan(running.package, running.office)),
                asyncio.create_task(_watch(running.office)),
            ]
            try:
                await service.until(stop, running)
            finally:
                for task in telling:
                    task.cancel()
                await asyncio.wait(telling)


@asynccontextmanager
async def _mailbox() -> AsyncIterator[Capture]:
    mailbox = Capture("127.0.0.1", 0)
    await mailbox.start()
    try:
        yield mailbox
    finally:
        await mailbox.stop()


@asynccontextmanager
async def _running(
    settings: Settings, database: Path | None, mailbox: Capture
) -> AsyncIterator[tuple[service.Service, Path]]:
    with tempfile.TemporaryDirectory(prefix="franking-demo-") as folder:
        path = (database or Path(folder) / "franking.db").absolute()
        async with service.running(_settings(settings, path, mailbox), DEMO) as running:
            yield running, path


def _settings(settings: Settings, path: Path, mailbox: Capture) -> Settings:
    """The demo sends to its own mailbox only, whatever else is set."""
    return replace(
        settings,
        database_url=f"sqlite:///{path}",
        smtp_connection_uri=Secret(f"smtp://127.0.0.1:{mailbox.port}"),
        smtp_password=None,
        auth_type="UsernamePassword",
        tls_options=None,
        default_from=DEMO_FROM,
        default_reply_to=None,
        outlet="package",
        events=(),
        lease_seconds=LEASE_SECONDS,
        retry_seconds=RETRY_SECONDS,
    )


@contextmanager
def _standing_in(settings: Settings, url: str, path: Path) -> Iterator[bool]:
    """Let commands of this folder find the demo, if it has no database; whether they do."""
    if settings.database_path.exists():
        yield False
        return
    try:
        lock = Lock(settings.database_path, DEMO)
    except StoreRefused:
        yield False
        return
    with lock:
        lock.announce(url, path)
        yield True


def _guide(url: str, database: Path, found: bool) -> str:
    where = "" if found else f" --url {url}"
    return GUIDE.format(url=url, database=database, franking=_called(), where=where)


def _called() -> str:
    """How this command can be called again."""
    if Path(sys.argv[0]).name == "__main__.py":
        return f"{sys.executable} -m franking"
    return "franking" if shutil.which("franking") else sys.argv[0]


async def _watch(office: Office) -> None:
    """Show what becomes of each mail: a table that is kept up to date, or a line a change."""
    if screen.console().is_terminal:
        await _watch_table(office)
    else:
        await _watch_lines(office)


async def _watch_table(office: Office) -> None:
    with Live(console=screen.console(), auto_refresh=False) as live:
        while True:
            live.update(screen.mails(await _newest(office)), refresh=True)
            await asyncio.sleep(LOOK_SECONDS)


async def _watch_lines(office: Office) -> None:
    told: dict[str, str] = {}
    while True:
        for document in reversed(await _newest(office)):
            line = _line(document)
            if told.get(document["id"]) != line:
                told[document["id"]] = line
                print(line, flush=True)
        await asyncio.sleep(LOOK_SECONDS)


def _line(document: dict[str, Any]) -> str:
    delivery = document["delivery"]
    to = screen.one_line(screen.recipients(document))
    return f"{delivery['state']:<10} {to:<24} {screen.one_line(screen.words(delivery))}".rstrip()


async def _newest(office: Office) -> list[dict[str, Any]]:
    return [json.loads(wire.mail(stored)) for stored in await office.page(Filter(), SHOWN)]
