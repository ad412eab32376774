"""How a conversation opens: greeting, EHLO or HELO, STARTTLS, AUTH, each by one function.

Policy. STARTTLS is said where it is offered, and where it is required even if it isn't, so that
the server's own words say why not; once said, nothing but its success leads on. What the server
offered in the clear is forgotten behind the handshake (RFC 3207, section 4.2). A server that
refuses EHLO is greeted with HELO, unless that would leave out an encryption that is required.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from franking.core.fault import Failure
from franking.transports import smtp_failures as say
from franking.transports.smtp_extensions import Extensions, parse_extensions
from franking.transports.smtp_login import Login, script
from franking.transports.smtp_replies import Reply
from franking.transports.smtp_states import Session


class Introduction(msgspec.Struct, frozen=True):
    """How to open: our name, who logs in, and whether STARTTLS may, must or need not be."""

    name: str
    login: Login | None = None
    starttls: Literal["if_offered", "required", "never"] = "if_offered"


class Opening:
    """Reads the replies up to the first mail; each brings an arrow and what to say next."""

    def __init__(self, introduction: Introduction, *, secure: bool) -> None:
        self.server = Extensions()
        self._introduction = introduction
        self._secure = secure
        self._challenges: Iterator[bytes] = iter(())

    def take(self, state: Session, reply: Reply) -> tuple[str, bytes] | Failure:
        """The arrow to take and the bytes to say, or why it is over."""
        match state:
            case Session.GREETING:
                return self._take_greeting(reply)
            case Session.EHLO:
                return self._take_ehlo(reply)
            case Session.HELO:
                return self._take_helo(reply)
            case Session.STARTTLS:
                if reply.code == 220:
                    return "agreed", b""
                return say.from_reply("tls", say.TLS_REFUSED, reply)
            case _:
                return self._take_login(reply)

    def secured(self) -> bytes:
        """Behind the handshake: all is forgotten, and EHLO said again."""
        self._secure = True
        self.server = Extensions()
        return self._hello(b"EHLO")

    def _take_greeting(self, reply: Reply) -> tuple[str, bytes] | Failure:
        if reply.code != 220:
            return say.unwelcome("greeting", "Invalid greeting", reply)
        return "welcomed", self._hello(b"EHLO")

    def _take_ehlo(self, reply: Reply) -> tuple[str, bytes] | Failure:
        if reply.code < 300:
            self.server = parse_extensions(reply)
            return self._after_hello()
        if reply.code == 421:
            return say.unwelcome("hello", "Server terminates connection", reply)
        if self._introduction.starttls == "required" and not self._secure:
            lead = "EHLO failed but HELO does not support required STARTTLS"
            return say.unwelcome("hello", lead, reply)
        return "fall_back", self._hello(b"HELO")

    def _take_helo(self, reply: Reply) -> tuple[str, bytes] | Failure:
        if reply.code >= 300:
            return say.unwelcome("hello", "Invalid HELO", reply)
        return self._after_hello()

    def _after_hello(self) -> tuple[str, bytes]:
        wish = self._introduction.starttls
        offered = self.server.starttls and wish != "never"
        if not self._secure and (offered or wish == "required"):
            return "encrypt", b"STARTTLS\r\n"
        if self._introduction.login is None:
            return "opened", b""
        command, answers = script(self._introduction.login, self.server.auth)
        self._challenges = iter(answers)
        return "log_in", command + b"\r\n"

    def _take_login(self, reply: Reply) -> tuple[str, bytes] | Failure:
        if reply.code < 300:
            return "opened", b""
        if reply.code == 334 and (answer := next(self._challenges, None)) is not None:
            return "challenged", answer + b"\r\n"
        return say.from_reply("login", say.LOGIN_REFUSED, reply)

    def _hello(self, verb: bytes) -> bytes:
        return verb + b" " + self._introduction.name.encode("ascii") + b"\r\n"
