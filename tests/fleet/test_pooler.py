"""Behind PgBouncer in transaction mode, where each transaction may get another connection."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from cli.processes import mailbox
from eventually import eventually
from postgres import NOBODY, cluster

from .processes import Part, part

COUNT = 300
POOL = 3
PORT = 6432
# Debian's knows no prepared statements (1.21 does), so the URL says `prepare=off`.
SETTINGS = """\
[databases]
* = host={server} user=franking
[pgbouncer]
unix_socket_dir = {folder}
listen_addr =
listen_port = {port}
auth_type = any
pool_mode = transaction
default_pool_size = {pool}
max_client_conn = 100
"""

pgbouncer = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
pytestmark = pytest.mark.skipif(pgbouncer is None, reason="pgbouncer is not installed")


@pytest.fixture
def pooler() -> Iterator[Path]:
    """The folder of its socket; it runs as the server does, for it refuses to run as root."""
    assert pgbouncer is not None
    server = cluster().folder
    folder = Path(tempfile.mkdtemp(prefix="fpb"))
    folder.chmod(0o777)
    (folder / "pgbouncer.ini").write_text(
        SETTINGS.format(server=server, folder=folder, port=PORT, pool=POOL)
    )
    root = server.stat().st_uid == NOBODY
    user: dict[str, Any] = {"user": NOBODY, "group": NOBODY} if root else {}
    process = subprocess.Popen(
        [pgbouncer, str(folder / "pgbouncer.ini")],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **user,
    )
    try:
        yield folder
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)


def behind(pooler: Path, database: str, listen: str) -> str:
    """The URL of a database behind the pooler."""
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    url = f"postgresql://franking@/{name}?host={pooler}&port={PORT}"
    return f"{url}&prepare=off&listen={quote(listen, safe='')}"


@pytest.mark.parametrize("around", [True, False])
async def test_mails_go_once_each_behind_a_pooler(
    tmp_path: Path, database: str, pooler: Path, around: bool
) -> None:
    """With a way around it to listen, and without."""
    url = behind(pooler, database, database if around else "off")
    await eventually(lambda: _answers(pooler, database))
    async with (
        mailbox() as capture,
        part(tmp_path / "a", url, "api") as door,
        part(tmp_path / "w", url, "worker", **_to(capture.port)) as one,
        part(tmp_path / "v", url, "worker", **_to(capture.port)) as other,
    ):
        for first in range(0, COUNT, 50):
            await _handed_in(door, range(first, first + 50))

        async def all_sent() -> bool:
            answer = await door.http.get(f"/v1/mail?state=SUCCESS&limit={COUNT}")
            return len(answer.json()["items"]) == COUNT

        await eventually(all_sent)
        assert Counter(mail.recipients for mail in capture.mails) == {
            (f"m{n}@example.com",): 1 for n in range(COUNT)
        }
        for each in (door, one, other):
            assert (await each.http.get("/readyz")).status_code == 200
        assert _connections(database) <= POOL + (3 if around else 0)


def _to(port: int) -> dict[str, str]:
    return {"smtp_connection_uri": f"smtp://127.0.0.1:{port}"}


async def _handed_in(door: Part, numbers: range) -> None:
    mails = [{"to": f"m{n}@example.com", "message": {"subject": "s", "text": "t"}} for n in numbers]
    answer = await door.http.post("/v1/mail/batch", json=mails)
    assert answer.status_code < 300, answer.text


async def _answers(pooler: Path, database: str) -> bool:
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    try:
        psycopg.connect(f"host={pooler} port={PORT} user=franking dbname={name}").close()
    except psycopg.OperationalError:
        return False
    return True


def _connections(database: str) -> int:
    """How many the server has on the database, but for this one."""
    with psycopg.connect(database) as link:
        found = link.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchone()
    assert found is not None
    return int(found[0])
