"""Clients of Skyring as they are written today, against a real `serve`, unchanged but for its URL.

Each program posts a timer whose request has the shape of Skyring's README, reads the id from
`location`, replaces the timer, posts another and deletes it; then the first one fires.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from cli.processes import serving
from eventually import eventually
from transports.receiver import OK, Receiver, receiving

CURL = """
set -eu
timer() { printf '{"timeout": %s, "data" : "{\\\\"foo\\\\":\\\\"%s\\\\"}", "callback":
  {"transport": "http", "method": "post", "uri": "%s"}}' "$1" "$2" "$HOOK"; }
created=$(curl -s -i -XPOST "$URL/timer" -d "$(timer 60000 old)")
id=$(printf '%s' "$created" | tr -d '\\r' | sed -n 's#^location: /timer/##p')
curl -s -o /dev/null -w '%{http_code}\\n' -XPUT "$URL/timer/$id" -d "$(timer 1 new)"
other=$(curl -s -i -XPOST "$URL/timer" -d "$(timer 60000 other)" | tr -d '\\r' \
  | sed -n 's#^location: ##p')
curl -s -o /dev/null -w '%{http_code}\\n' -XDELETE "$URL$other"
curl -s -o /dev/null -w '%{http_code}\\n' -XDELETE "$URL$other"
"""
NODE = """
const http = require('http')
const { URL: base, HOOK: uri } = process.env
const timer = (timeout, foo) => JSON.stringify({
  timeout, data: JSON.stringify({ foo }), callback: { transport: 'http', method: 'post', uri }
})
const call = (method, path, body) => new Promise((done, failed) => {
  const request = http.request(base + path, { method }, (response) => {
    response.resume()
    response.on('end', () => done(response))
  })
  request.on('error', failed)
  request.end(body)
})
const main = async () => {
  const created = await call('POST', '/timer', timer(60000, 'old'))
  const replaced = await call('PUT', created.headers.location, timer(1, 'new'))
  const other = await call('POST', '/timer', timer(60000, 'other'))
  const first = await call('DELETE', other.headers.location)
  const second = await call('DELETE', other.headers.location)
  for (const { statusCode } of [replaced, first, second]) console.log(statusCode)
}
main()
"""
PYTHON = """
import json, os, urllib.request, urllib.error
base, uri = os.environ["URL"], os.environ["HOOK"]
def timer(timeout, foo):
    return json.dumps({"timeout": timeout, "data": json.dumps({"foo": foo}, separators=(",", ":")),
        "callback": {"transport": "http", "method": "post", "uri": uri}}).encode()
def call(method, path, body=None):
    try:
        return urllib.request.urlopen(urllib.request.Request(base + path, body, method=method))
    except urllib.error.HTTPError as error:
        return error
created = call("POST", "/timer", timer(60000, "old"))
print(call("PUT", created.headers["location"], timer(1, "new")).status)
other = call("POST", "/timer", timer(60000, "other"))
print(call("DELETE", other.headers["location"]).status)
print(call("DELETE", other.headers["location"]).status)
"""
RUBY = """
require 'net/http'
require 'json'
base, hook = URI(ENV['URL']), ENV['HOOK']
def timer(timeout, foo, uri)
  { timeout: timeout, data: { foo: foo }.to_json,
    callback: { transport: 'http', method: 'post', uri: uri } }.to_json
end
Net::HTTP.start(base.host, base.port) do |http|
  created = http.post('/timer', timer(60000, 'old', hook), 'Content-Type' => 'application/json')
  puts http.send_request('PUT', created['location'], timer(1, 'new', hook)).code
  other = http.post('/timer', timer(60000, 'other', hook))
  2.times { puts http.delete(other['location']).code }
end
"""
CLIENTS = {
    "curl": ["sh", "-c", CURL],
    "node": ["node", "-e", NODE],
    "python": [sys.executable, "-c", PYTHON],
    "ruby": ["ruby", "-e", RUBY],
}


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_client_of_skyring_works_unchanged(client: str, tmp_path: Path) -> None:
    if client != "python" and shutil.which(client) is None:
        pytest.skip(f"no {client} here")
    async with receiving(OK) as receiver, serving(tmp_path, 1) as server:
        statuses = await _run(CLIENTS[client], server.url, receiver)
        assert statuses == ["200", "202", "404"]

        async def fired() -> bool:
            return bool(receiver.heard)

        await eventually(fired)
    assert [json.loads(heard.body) for heard in receiver.heard] == [{"foo": "new"}]


async def _run(command: list[str], url: str, receiver: Receiver) -> list[str]:
    process = await asyncio.create_subprocess_exec(
        *command,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "URL": url, "HOOK": receiver.url()},
        stdout=PIPE,
        stderr=PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode().split()
