"""What a hostile server says is bounded, shown and no more, and says nothing of the next mail.

What each client makes of nonsense by itself is in `transports/test_smtp_endings.py`,
`test_webhook_endings.py`, `test_fetching_endings.py`, `test_oauth.py`, `transports/sendgrid` and
`outlets/`; what a browser makes of it, in `console/test_hostile.py`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from attacks.besieged import Besieged
from cli.processes import Ended, franking
from eventually import until
from transports.scripted import Scripted

TERMINAL = "\x1b]0;pwned\x07\x1b[2J\x1b[8m"
HTML = "<script>alert(1)</script><img src=x onerror=alert(2)>"
# ESC, BEL, NUL, a CR that would write over what was said, C1, an override, no UTF-8, and HTML.
ODD = f"{TERMINAL}\x00\r\x9b31m\u202egpj.exe\udcff\udcc0\udcaf{HTML}"
LINES = "\r\n".join(["550-x" * 8] * 10_000)
LONG = "550 " + "x" * 10_000_000
FLOOD = "flood"
# What a server says at which verb, and how its mail ends: its outcome, and what is told of it.
REPLIES: dict[str, tuple[dict[str, str], str, str, str]] = {
    "odd refusal": ({"RCPT": f"550 5.1.1 {ODD}"}, "ERROR", "not_sent", "550 5.1.1 \ufffd]0;pwned"),
    "odd refusal after the dot": ({"DOT": f"554 {ODD}"}, "ERROR", "not_sent", "554 \ufffd]0;pwned"),
    "odd welcome": ({"GREETING": f"554 {ODD}"}, "ERROR", "not_sent", "554 \ufffd]0;pwned"),
    "odd acceptance": ({"DOT": f"250 {ODD}"}, "SUCCESS", "sent", "250 \ufffd]0;pwned"),
    "no reply at all": ({"MAIL": ODD}, "ERROR", "not_sent", "not an SMTP reply"),
    "no reply after the dot": ({"DOT": ODD}, "ERROR", "unknown", "not an SMTP reply"),
    "a long line": ({"RCPT": LONG}, "ERROR", "not_sent", "a reply line of more than"),
    "a long line after the dot": ({"DOT": LONG}, "ERROR", "unknown", "a reply line of more than"),
    "many lines": ({"EHLO": LINES}, "ERROR", "not_sent", "a reply of more than"),
    "many lines after the dot": ({"DOT": LINES}, "ERROR", "unknown", "a reply of more than"),
    "a flood": ({"GREETING": FLOOD}, "ERROR", "not_sent", "a reply"),
    "a flood after the dot": ({"DOT": FLOOD}, "ERROR", "unknown", "a reply"),
    "a reply and a half": ({"DOT": "250 ok\r\n550 no\r\n250 ok"}, "SUCCESS", "sent", "250 ok"),
}
SETTINGS = {"webhook_private_addresses": "allow", "transient_attempts": "1"}
# A flood that nobody reads stops at what the sockets between us hold.
FLOOD_OCTETS = 32 * 1024 * 1024
SHOWN_OCTETS = 20_000


class Hostile(Scripted):
    """Says what it is told to; `flooded` is how many octets of a flood it got rid of."""

    flooded = 0

    async def _answer(self, verb: str, writer: asyncio.StreamWriter) -> bool:
        if self.answers.get(verb) != FLOOD:
            return await super()._answer(verb, writer)
        some = (b"250-" + b"x" * 1_000 + b"\r\n") * 60
        while True:
            writer.write(some)
            self.flooded += len(some)
            await writer.drain()


@asynccontextmanager
async def hostile(answers: dict[str, str]) -> AsyncIterator[tuple[Hostile, int]]:
    script = Hostile(answers)
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    yield script, server.sockets[0].getsockname()[1]
    server.close()
    for writer in tuple(script.open):
        writer.transport.abort()


class Told:
    """A mail for each hostile server, each through an account of its own, once all have ended."""

    def __init__(self, it: Besieged, folder: Path) -> None:
        self.it, self.folder = it, folder
        self.floods: dict[str, Hostile] = {}
        self._servers = [hostile(answers) for answers, *_ in REPLIES.values()]

    def __enter__(self) -> Told:
        for name, server in zip(REPLIES, self._servers, strict=True):
            self.floods[name], port = self.it.run(server.__aenter__())
            transport = {"type": "smtp", "uri": f"smtp://127.0.0.1:{port}"}
            account = self.it.http.put(f"/v1/accounts/{name}", json={"transport": transport})
            assert account.status_code == 201, account.text
            self.send(name, name)
        for name in REPLIES:
            self.ended(name)
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            self.it.run(server.__aexit__(None, None, None))

    def send(self, id: str, account: str) -> None:
        mail = {"to": "b@x.org", "account": account, "message": {"subject": "s", "text": "t"}}
        assert self.it.http.put(f"/v1/mail/{id}", json=mail).status_code == 201

    def ended(self, id: str) -> dict[str, Any]:
        return until(lambda: self._final(id))

    def _final(self, id: str) -> dict[str, Any] | None:
        found: dict[str, Any] = self.it.http.get(f"/v1/mail/{id}").json()
        return found if found["delivery"]["state"] in ("SUCCESS", "ERROR") else None

    def run(self, *commands: Sequence[str]) -> list[Ended]:
        """Commands against the service, at once."""

        async def all() -> list[Ended]:
            runs = (franking(self.folder, *command, url=self.it.url) for command in commands)
            return await asyncio.gather(*runs)

        return self.it.run(all())


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("hostile")
    with Besieged(folder, **SETTINGS) as it, Told(it, folder) as told:
        yield told


@pytest.mark.parametrize("name", REPLIES)
def test_it_ends_by_where_it_was_said_and_is_shown_in_bounds(told: Told, name: str) -> None:
    _, state, outcome, words = REPLIES[name]
    delivery = told.ended(name)["delivery"]
    assert (delivery["state"], delivery["outcome"]) == (state, outcome)
    for path in (f"/v1/mail/{name}", f"/v1/mail/{name}/timeline"):
        answer = told.it.http.get(path)
        assert len(answer.content) < SHOWN_OCTETS
        assert not re.search(rb"[\x00-\x1f\x7f]|\xc2[\x80-\x9f]", answer.content), path
    attempt = told.it.http.get(f"/v1/mail/{name}/timeline").json()["attempts"][-1]
    assert words in attempt["text"] or words in (attempt["response"] or ""), attempt


@pytest.mark.parametrize("name", [name for name in REPLIES if "flood" in name])
def test_an_endless_reply_is_hung_up_on(told: Told, name: str) -> None:
    server = told.floods[name]
    assert not server.open
    assert server.flooded < FLOOD_OCTETS


def test_what_was_said_harms_no_later_mail(told: Told) -> None:
    """The same accounts, once their servers are in their right mind."""
    for name, server in told.floods.items():
        server.answers |= {"GREETING": "220 hi", "EHLO": "250 mx", "MAIL": "250 ok"}
        server.answers |= {"RCPT": "250 ok", "DOT": "250 taken"}
        told.it.http.post(f"/v1/accounts/{name}/resume")
        told.send(f"{name} again", name)
    for name in told.floods:
        delivery = told.ended(f"{name} again")["delivery"]
        assert (delivery["state"], delivery["info"]["response"]) == ("SUCCESS", "250 taken")


def test_the_list_and_the_stream_hold_it_all(told: Told) -> None:
    listed = told.it.http.get("/v1/mail?limit=100")
    assert {item["id"] for item in listed.json()["items"]} >= {*REPLIES}
    assert len(listed.content) < SHOWN_OCTETS * len(REPLIES)
    frames: list[str] = []
    headers = {"last-event-id": "0"}
    wanted = "email_Sent,email_Error"
    with told.it.http.stream("GET", f"/v1/events?types={wanted}", headers=headers) as stream:
        for line in stream.iter_lines():
            assert line.isprintable() or "\u202e" in line, line
            assert len(line) < SHOWN_OCTETS
            frames += [line] if line.startswith("data: ") else []
            if len(frames) >= len(REPLIES):
                break
    assert all(httpx.Response(200, text=frame[6:]).json() for frame in frames)


def test_nothing_of_it_reaches_a_terminal(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    for ended in told.run(
        ("mail", "show", "odd refusal"),
        ("mail", "show", "odd acceptance", "--json"),
        ("mail", "list"),
        ("account", "test", "odd welcome"),
        ("explain", f"550 {TERMINAL}\u202e{HTML}"),
    ):
        assert ended.out
        assert "Traceback" not in ended.err
        assert harmless(ended.out + ended.err), (ended.out, ended.err)


def test_no_field_of_a_document_plays_with_the_terminal_of_who_imports_it(told: Told) -> None:
    """The contract's texts name fields, and a field's name is the document's."""
    attachment = {"headers": {f"{TERMINAL}\u202e": 1}}
    message = {"subject": "s", "text": "t", "attachments": [attachment]}
    content = httpx.Request("POST", "http://x", json={"to": "a@x.org", "message": message}).content
    (told.folder / "mails.jsonl").write_bytes(content + b"\n")
    (told.folder / "mail.json").write_bytes(content)
    for ended in told.run(("import", "mails.jsonl"), ("send", "--file", "mail.json")):
        assert (ended.code, ended.out) == (1, "")
        assert "headers.\\x1b]0;pwned\\x07" in ended.err
        assert harmless(ended.err)


def test_no_template_plays_with_the_terminal_of_who_renders_it(told: Told) -> None:
    text = "\x9b31m\u202e\U000e0041é"
    assert told.it.http.put("/v1/templates/t", json={"text": text}).status_code == 201
    [ended] = told.run(("template", "render", "t"))
    assert harmless(ended.out)
    assert '"\\u009b31m\\u202e\\udb40\\udc41é"' in ended.out
    assert httpx.Response(200, text=ended.out).json()["text"] == text


def harmless(text: str) -> bool:
    """Does it print, but for line ends and our own colours?"""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    return "\x1b[8m" not in text and all(mark.isprintable() or mark == "\n" for mark in plain)
