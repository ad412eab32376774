"""The log: hostile documents and secrets never come into it, whoever writes the line."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from franking.app import logs
from franking.core.attempt import Attempt, Lease, Settlement
from franking.core.delivery import Delivery, Outcome, Stage, State
from franking.core.discreet import MOST_CHARACTERS, discreet
from franking.engine.saying import QUIET, say
from franking.stores.base import StoreUnavailable

KEY = "fk_01M7ZPYQX2ANKM37PK05TF9YZP_" + "s" * 43


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ada.lovelace@example.com", "a…@example.com"),
        ("<ada@example.com>, 'bob@b.example'", "<a…@example.com>, 'b…@b.example'"),
        ('"Ada L"@example.com', '"…@example.com'),
        ("größe@exämple.de", "g…@exämple.de"),
        (f"the key {KEY} was", "the key fk_01M7ZPYQX2ANKM37PK05TF9YZP_… was"),
        (f"Authorization: Bearer {KEY}", "Authorization: Bearer …"),
        ("authorization: basic eDpmazpzZWNyZXQ=", "authorization: basic …"),
        ("AUTH XOAUTH2 dXNlcj1hQGIBYXV0aA==", "AUTH XOAUTH2 …"),
        ("AUTH PLAIN AGFkYQBodW50ZXIyaHVudGVy", "AUTH PLAIN …"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_…"),
        ("SG.abcdefghij.klmnopqrst", "SG.…"),
        ("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln", "eyJ…"),
        ("smtp://ada:hunter2@mail.example.com:587", "smtp://mail.example.com:587"),
        ("smtp://ada@example.com:hunter2@mail.example.com", "smtp://mail.example.com"),
        ("https://x.example/a?sig=hunter2&b=c", "https://x.example/a?…"),
        ("password=hunter2", "password=…"),
        ('{"clientSecret": "hunter2"}', '{"clientSecret": "…"}'),
        ("refresh_token: hunter2", "refresh_token: …"),
        ("one\r\ntwo\x00three", "one two\x00three"),
        ("550 5.1.1 no such user", "550 5.1.1 no such user"),
        ("The disk is full: nothing was written.", "The disk is full: nothing was written."),
        ("", ""),
    ],
)
def test_a_text_says_what_it_may(text: str, shown: str) -> None:
    assert discreet(text) == shown


@given(st.text(max_size=3000))
def test_any_text_is_one_bounded_line(text: str) -> None:
    found = discreet(text)
    assert len(found) <= MOST_CHARACTERS
    assert "\n" not in found
    assert "\r" not in found


def test_a_secret_at_the_cut_is_left_out_before_it_is_cut() -> None:
    for before in range(MOST_CHARACTERS - 60, MOST_CHARACTERS + 10):
        assert "ssss" not in discreet("x" * before + " " + KEY)


class Odd(Exception):
    """One whose text is the document's."""


def raised(error: Exception, cause: Exception | None = None) -> Exception:
    try:
        if cause is None:
            raise error
        raise error from cause
    except Exception as found:
        return found


def lines(write: Callable[[Any], None], capfd: Any, form: Any, level: Any = "info") -> str:
    before = logging.getLogger().handlers[:]
    structlog.reset_defaults()
    logs.configure(form, level)
    try:
        write(structlog.get_logger("franking.test"))
    finally:
        logging.getLogger().handlers[:] = before
        structlog.reset_defaults()
    return str(capfd.readouterr().err)


FORMS = pytest.mark.parametrize("form", ["json", "people"])
BODY = "hunter2 is in the body of ada.lovelace@example.com"


@FORMS
def test_the_text_of_a_foreign_exception_is_never_told(capfd: Any, form: Any) -> None:
    def write(log: Any) -> None:
        log.error("it failed", why=Odd(BODY))
        log.error("it failed", exc_info=raised(Odd(BODY), raised(KeyError(BODY))))
        try:
            raise ValueError(BODY)
        except ValueError:
            log.exception("it failed", mail="m1")

    said = lines(write, capfd, form)
    assert "hunter2" not in said
    assert "lovelace" not in said
    for kind in ("Odd", "KeyError", "ValueError"):
        assert kind in said
    assert "raise ValueError" in said


@FORMS
def test_what_the_system_says_is_told_discreetly(capfd: Any, form: Any) -> None:
    gone = StoreUnavailable("The disk is full.")
    said = lines(
        lambda log: log.error("no", why=gone, or_=OSError(f"no {KEY} for ada@example.com")),
        capfd,
        form,
    )
    assert "StoreUnavailable: The disk is full." in said
    assert "a…@example.com" in said
    assert "ssss" not in said


@FORMS
def test_every_value_is_told_discreetly_and_so_is_the_event(capfd: Any, form: Any) -> None:
    def write(log: Any) -> None:
        log.warning(f"from {BODY}".replace("hunter2", KEY), to=["ada.lovelace@example.com"])
        log.warning("no", given={"to": "ada.lovelace@example.com", "password": "swordfish"})

    said = lines(write, capfd, form)
    for word in ("lovelace", "ssss", "swordfish"):
        assert word not in said


@FORMS
def test_what_a_library_says_is_its_first_line(capfd: Any, form: Any) -> None:
    def write(log: Any) -> None:
        library = logging.getLogger("aiohttp.access")
        library.info("quiet")
        library.warning("a warning of %s", "ada.lovelace@example.com")
        logging.getLogger("asyncio").error(
            "Task exception was never retrieved\nfuture: <Task exception=Odd('%s')>",
            BODY,
            exc_info=raised(Odd(BODY)),
        )

    said = lines(write, capfd, form)
    assert "quiet" not in said
    assert "a…@example.com" in said
    assert "Task exception was never retrieved" in said
    assert "Odd" in said
    assert "hunter2" not in said
    assert "lovelace" not in said


def test_a_line_for_programs_is_one_object(capfd: Any) -> None:
    said = lines(lambda log: log.warning("a\nb", mail="m1", n=3, of=None), capfd, "json")
    [line] = said.splitlines()
    found = json.loads(line)
    assert found.pop("timestamp").endswith("Z")
    assert found == {"event": "a b", "level": "warning", "mail": "m1", "n": 3, "of": None}


@pytest.mark.parametrize(
    ("level", "said"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_less_than_the_level_is_not_said(capfd: Any, level: Any, said: list[str]) -> None:
    def write(log: Any) -> None:
        for name in ("debug", "info", "warning", "error"):
            getattr(log, name)("said")

    found = [json.loads(line) for line in lines(write, capfd, "json", level).splitlines()]
    assert [line["level"] for line in found] == said


PROGRAM = "from franking.app import logs; import structlog; logs.configure({}); {}"


def test_where_nobody_looks_on_lines_are_for_programs() -> None:
    tell = 'structlog.get_logger("franking").error("said")'
    command = [sys.executable, "-c", PROGRAM.format("None", tell)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    assert json.loads(told)["event"] == "said"


async def test_an_end_is_said_by_ids_and_the_loud_ones_at_info() -> None:
    await asyncio.sleep(0)
    for event in (*QUIET, "failed", "doubted", "expired"):
        common: Any = {"mail": "m1", "epoch": 1, "number": 1, "revision": 1, "event": event}
        times: Any = {"stage": Stage.CLAIMED, "outcome": Outcome.NOT_SENT, "started_at": 1}
        attempt = Attempt(**common, **times, ended_at=9, text=BODY, error=BODY, response=BODY)
        ended = Settlement(Lease(1, 1), Delivery(state=State.ERROR, due_at=0, error=BODY), attempt)
        with capture_logs() as found:
            say(ended, "rep")
        [line] = found
        assert line["log_level"] == ("debug" if event in QUIET else "info")
        assert (line["mail"], line["ended"], line["took_ms"]) == ("m1", event, 8)
        assert "hunter2" not in str(line)
