"""A real SMTP server in the test process, that answers as each test wants."""

from __future__ import annotations

import asyncio
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class Postbox:
    """Keeps what it took; `rcpt` and `data` hold replies for addresses and for every mail.

    `mail_from` is the reply to MAIL. A list of replies is used up one by one, then all is taken.
    `hang_up` closes the connection after the dot instead of answering. Where there are `users`,
    nobody else may send; `logins` are who came, in order. `sessions` counts connections.
    `offered` is all content that came, taken or not.
    """

    def __init__(self) -> None:
        self.taken: list[tuple[str, list[str], EmailMessage]] = []
        self.offered: list[EmailMessage] = []
        self.rcpt: dict[str, list[str]] = {}
        self.data: list[str] = []
        self.mail_from: list[str] = []
        self.users: dict[str, str] = {}
        self.logins: list[str] = []
        self.hang_up = False
        self.dots = 0
        self.sessions = 0
        self.port = 0

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._session, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        await self._server.wait_closed()

    @property
    def mails(self) -> list[EmailMessage]:
        return [mail for _, _, mail in self.taken]

    def _session(self) -> SMTP:
        self.sessions += 1
        return SMTP(
            self,
            enable_SMTPUTF8=True,
            data_size_limit=None,
            authenticator=self._admitted,
            auth_require_tls=False,
        )

    def _admitted(
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        mechanism: str,
        data: LoginPassword,
    ) -> AuthResult:
        user, password = data.login.decode(), data.password.decode()
        if self.users.get(user) != password:
            reply = "535 5.7.8 Username and Password not accepted"
            return AuthResult(success=False, handled=False, message=reply)
        self.logins.append(user)
        return AuthResult(success=True)

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.users and not session.authenticated:
            return "530 5.7.0 Authentication required"
        if self.mail_from:
            return self.mail_from.pop(0)
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        replies = self.rcpt.get(address)
        if replies:
            return replies.pop(0) if len(replies) > 1 or replies[0].startswith("4") else replies[0]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.dots += 1
        content = cast(bytes, envelope.original_content)
        mail = message_from_bytes(content, policy=policy.default)
        self.offered.append(mail)
        if self.hang_up:
            cast(asyncio.Transport, cast(Any, server).transport).abort()
            return "250 never heard"
        if self.data:
            return self.data.pop(0)
        self.taken.append((envelope.mail_from or "", list(envelope.rcpt_tos), mail))
        return "250 Accepted"
