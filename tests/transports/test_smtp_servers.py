"""Against real servers: aiosmtpd with TLS and AUTH, Postfix's smtp-sink, our own capture."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from franking.transports.base import Receipt, Rejected
from franking.transports.smtp_settings import SmtpSettings, TlsOptions

from .scripted import CONTENT, Yes, mail, scripted, sending, until

SMTP_SINK = shutil.which("smtp-sink", path="/usr/sbin:/usr/bin")


class Mailbox:
    """What aiosmtpd calls back."""

    def __init__(self) -> None:
        self.mails: list[tuple[str | None, bytes, bool]] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        self.mails.append((envelope.mail_from, content, session.ssl is not None))
        return "250 taken"


class Daemon:
    def __init__(self, port: int, mailbox: Mailbox, ca: str) -> None:
        self.port, self.mails = port, mailbox.mails
        self.ca = ca

    def settings(self, **fields: Any) -> SmtpSettings:
        tls = fields.pop("tls", TlsOptions(ca=self.ca))
        return SmtpSettings(host="localhost", port=self.port, tls=tls, **fields)


AUTHORITY = trustme.CA()


def _server_context(name: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    AUTHORITY.issue_cert(name).configure_cert(context)
    return context


def _check(
    _server: SMTP, _session: Session, _envelope: Envelope, _way: str, who: Any
) -> AuthResult:
    known = isinstance(who, LoginPassword) and who == LoginPassword(
        b"u@x.org", "p\u00e4ss".encode()
    )
    return AuthResult(success=known, handled=known)


@asynccontextmanager
async def aiosmtpd(
    *, name: str = "localhost", implicit: bool = False, starttls: bool = True, **options: Any
) -> AsyncIterator[Daemon]:
    loop = asyncio.get_running_loop()
    mailbox = Mailbox()
    context = _server_context(name)
    sessions: list[SMTP] = []

    def session() -> SMTP:
        tls = context if starttls and not implicit else None
        sessions.append(
            SMTP(
                mailbox, hostname="mx", loop=loop, tls_context=tls, authenticator=_check, **options
            )
        )
        return sessions[-1]

    server = await loop.create_server(
        session, "localhost", 0, family=socket.AF_INET, ssl=context if implicit else None
    )
    ca = AUTHORITY.cert_pem.bytes().decode()
    try:
        yield Daemon(server.sockets[0].getsockname()[1], mailbox, ca)
    finally:
        server.close()
        for one in sessions:
            if one.transport is not None:
                one.transport.close()


async def test_starttls_is_used_where_it_is_offered() -> None:
    async with aiosmtpd() as server, sending(server.settings()) as smtp:
        assert isinstance(await smtp.send(mail(), Yes()), Receipt)
        assert server.mails == [("a@x.org", CONTENT, True)]


async def test_tls_is_implicit_where_the_uri_says_so() -> None:
    async with (
        aiosmtpd(implicit=True) as server,
        sending(server.settings(secure=True)) as smtp,
    ):
        assert isinstance(await smtp.send(mail(), Yes()), Receipt)
        assert len(server.mails) == 1


async def test_starttls_is_left_where_we_are_told_to() -> None:
    async with aiosmtpd() as server, sending(server.settings(starttls="never")) as smtp:
        assert isinstance(await smtp.send(mail(), Yes()), Receipt)
        assert server.mails[0][2] is False


async def test_required_tls_is_never_left_out() -> None:
    async with (
        aiosmtpd(starttls=False) as server,
        sending(server.settings(starttls="required")) as smtp,
    ):
        answer = await smtp.send(mail(), Yes())
        assert isinstance(answer, Rejected)
        assert answer.failure.step == "tls"
        assert answer.failure.error.startswith("Error: Error upgrading connection with STARTTLS: ")
        assert server.mails == []


@pytest.mark.parametrize("implicit", [True, False])
@pytest.mark.parametrize(
    ("name", "trusted", "words"),
    [
        ("localhost", False, "unable to get local issuer certificate"),
        ("elsewhere.org", True, "Hostname mismatch, certificate is not valid for 'localhost'."),
    ],
)
async def test_a_certificate_that_does_not_fit_is_refused(
    implicit: bool, name: str, trusted: bool, words: str
) -> None:
    async with aiosmtpd(name=name, implicit=implicit) as server:
        tls = TlsOptions(ca=server.ca) if trusted else TlsOptions()
        async with sending(server.settings(secure=implicit, tls=tls)) as smtp:
            answer = await smtp.send(mail(), Yes())
        assert isinstance(answer, Rejected)
        assert (answer.failure.step, answer.failure.kind) == ("tls", "tls")
        assert answer.failure.error == f"Error: {words}"
        assert server.mails == []


@pytest.mark.parametrize(
    "tls", [TlsOptions(reject_unauthorized=False), TlsOptions(servername="elsewhere.org")]
)
@pytest.mark.parametrize("implicit", [True, False])
async def test_what_is_checked_can_be_set(implicit: bool, tls: TlsOptions) -> None:
    async with aiosmtpd(name="elsewhere.org", implicit=implicit) as server:
        options = msgspec.structs.replace(tls, ca=server.ca if tls.reject_unauthorized else None)
        async with sending(server.settings(secure=implicit, tls=options)) as smtp:
            assert isinstance(await smtp.send(mail(), Yes()), Receipt)


async def test_a_server_that_speaks_no_tls_behind_starttls_is_left() -> None:
    async with (
        scripted(EHLO="250-mx\r\n250 STARTTLS", STARTTLS="220 go") as server,
        sending(server.settings) as smtp,
    ):
        answer = await smtp.send(mail(), Yes())
        assert isinstance(answer, Rejected)
        assert answer.failure.step == "tls"


async def test_a_reply_injected_behind_starttls_is_never_read() -> None:
    injected = "220 go\r\n250-mx\r\n250 AUTH PLAIN"
    async with (
        scripted(EHLO="250-mx\r\n250 STARTTLS", STARTTLS=injected) as server,
        sending(server.settings) as smtp,
    ):
        answer = await smtp.send(mail(), Yes())
        assert isinstance(answer, Rejected)
        assert answer.failure.kind == "protocol"
        assert server.heard == ["GREETING", "EHLO", "STARTTLS"]


@pytest.mark.parametrize("method", [None, "PLAIN", "LOGIN"])
async def test_it_logs_in(method: Any) -> None:
    async with (
        aiosmtpd(auth_required=True) as server,
        sending(server.settings(user="u@x.org", password="p\u00e4ss", auth_method=method)) as smtp,
    ):
        assert isinstance(await smtp.send(mail(), Yes()), Receipt)


async def test_a_wrong_password_is_told_in_the_servers_words() -> None:
    async with (
        aiosmtpd(auth_required=True) as server,
        sending(server.settings(user="u@x.org", password="no")) as smtp,
    ):
        answer = await smtp.send(mail(), Yes())
        assert isinstance(answer, Rejected)
        assert answer.failure.step == "login"
        assert answer.failure.error == (
            "Error: Invalid login: 535 5.7.8 Authentication credentials invalid"
        )


@pytest.mark.skipif(SMTP_SINK is None, reason="Postfix's smtp-sink is not installed")
@pytest.mark.parametrize("flags", [(), ("-p",)], ids=["pipelined", "lockstep"])
async def test_many_mails_go_into_postfixs_sink(flags: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "sink"
    # Sockets outlive it, so a local one is as good as a port, and never taken.
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    sink = await asyncio.create_subprocess_exec(
        str(SMTP_SINK), "-u", "nobody", *flags, f"127.0.0.1:{port}", "100", cwd=path.parent
    )
    settings = SmtpSettings(host="127.0.0.1", port=port)
    try:
        await _until_listening(port)
        async with sending(settings, connections=4) as smtp:
            answers = await asyncio.gather(*(smtp.send(mail(), Yes()) for _ in range(500)))
        assert all(isinstance(answer, Receipt) for answer in answers)
    finally:
        sink.kill()
        await sink.wait()


async def _until_listening(port: int) -> None:
    def listening() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    await until(listening)
