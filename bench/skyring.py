"""`franking bench skyring [case …] [--small] [--markdown]`: the load of `timers`, on Skyring.

Installs the npm package `skyring` and its `leveldown` in a temporary folder, and holds one node of
it to the same creates, lateness and burst, with the same callers and the same receiver. It ends
with exit code 1 where npm can't install them.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.cases import child, program, timers_creates, timers_webhook
from bench.cases.serving import Server

PACKAGES = ("skyring", "leveldown")
INSTALL_SECONDS = 300

_SERVER = """
const net = require('node:net');
const Skyring = require('skyring');
const free = net.createServer().listen(0, '127.0.0.1', () => {
  const { port } = free.address();
  free.close(() => {
    const server = new Skyring({
      seeds: [`127.0.0.1:${port}`],
      node: { host: '127.0.0.1', port, app: 'bench' },
      storage: { backend: 'leveldown', path: process.argv[2] },
    });
    if (server.load) server.load();
    const listening = net.createServer().listen(0, '127.0.0.1', () => {
      const http = listening.address().port;
      listening.close(() => server.listen(http, '127.0.0.1', null, (error) => {
        if (error) throw error;
        console.log(JSON.stringify({ port: http }));
      }));
    });
  });
});
"""


def main() -> None:
    """Install, then run the cases that are named, or all."""
    with TemporaryDirectory(prefix="franking-bench-") as folder:
        _install(Path(folder))
        server = _server(Path(folder))
        cases: program.Cases = {
            "creates": lambda run: timers_creates.figures(run, server),
            "lateness": lambda run: timers_webhook.lateness(run, server),
            "burst": lambda run: timers_webhook.burst(run, server),
        }
        program.main("skyring", cases)


def _install(folder: Path) -> None:
    if shutil.which("npm") is None:
        sys.exit("The bench could not run: npm is not installed.")
    (folder / "package.json").write_text("{}")
    (folder / "server.js").write_text(_SERVER)
    command = ["npm", "install", "--no-audit", "--no-fund", "--loglevel", "error", *PACKAGES]
    ended = subprocess.run(command, cwd=folder, check=False, timeout=INSTALL_SECONDS)
    if ended.returncode:
        sys.exit("The bench could not run: npm can't install Skyring; it says above why.")


def _server(installed: Path) -> Server:
    @contextmanager
    def serving(folder: Path) -> Iterator[int]:
        command = ["node", str(installed / "server.js"), str(folder / "skyring")]
        with child.process(command) as port:
            yield port

    return serving


if __name__ == "__main__":
    main()
