"""The conversation line by line, without a network."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from franking.compose.envelope import Envelope
from franking.transports.base import Doubt, Receipt, Rejected
from franking.transports.smtp_events import Event, GoAhead, NeedTls, Opened, Over, Settled, Untried
from franking.transports.smtp_login import Login
from franking.transports.smtp_opening import Introduction
from franking.transports.smtp_protocol import Conversation
from franking.transports.smtp_states import MAIL, SESSION, Misuse, Session, Stage

CONTENT = b"Subject: x\r\n\r\nhello\r\n"
MAIL_1 = Envelope("a@x.org", ("b@x.org",), CONTENT, "<1@x.org>")
MAIL_2 = Envelope("a@x.org", ("b@x.org", "c@x.org"), CONTENT, "<2@x.org>")
PIPELINING = b"250-mx\r\n250 PIPELINING\r\n"


def feed(talk: Conversation, data: bytes) -> list[Event]:
    talk.receive(data)
    events = []
    while event := talk.next_event():
        events.append(event)
    return events


def opened(ehlo: bytes = PIPELINING) -> Conversation:
    talk = Conversation(Introduction("me"))
    assert feed(talk, b"220 hi\r\n" + ehlo) == [Opened()]
    assert talk.output() == b"EHLO me\r\n"
    return talk


def dotted(ehlo: bytes = PIPELINING) -> Conversation:
    """A conversation whose first mail awaits the answer to its dot."""
    talk = opened(ehlo)
    assert talk.begin(MAIL_1) is None
    for _ in range(3):
        talk.output()
        feed(talk, b"250 ok\r\n" if talk.awaited != "DATA" else b"354 go\r\n")
    assert talk.content() == CONTENT
    talk.dot()
    talk.output()
    return talk


@pytest.mark.parametrize(
    ("introduction", "lines"),
    [
        (Introduction("me"), [(b"220 hi", b"EHLO me"), (b"250 mx", b"")]),
        # A server from before 1995.
        (
            Introduction("me"),
            [(b"220 hi", b"EHLO me"), (b"502 what?", b"HELO me"), (b"250 mx", b"")],
        ),
        (
            Introduction("me", Login("u", "p")),
            [
                (b"220 hi", b"EHLO me"),
                (b"250-mx\r\n250 AUTH LOGIN PLAIN", b"AUTH PLAIN AHUAcA=="),
                (b"235 in", b""),
            ],
        ),
        # The initial response is ignored and asked for.
        (
            Introduction("me", Login("u", "p")),
            [
                (b"220 hi", b"EHLO me"),
                (b"250-mx\r\n250 AUTH=PLAIN", b"AUTH PLAIN AHUAcA=="),
                (b"334 ", b"AHUAcA=="),
                (b"235 in", b""),
            ],
        ),
        (
            Introduction("me", Login("u", "p")),
            [
                (b"220 hi", b"EHLO me"),
                (b"250-mx\r\n250 AUTH LOGIN", b"AUTH LOGIN"),
                (b"334 VXNlcm5hbWU6", b"dQ=="),
                (b"334 UGFzc3dvcmQ6", b"cA=="),
                (b"235 in", b""),
            ],
        ),
        (
            Introduction("me", Login("u", "t", "XOAUTH2")),
            [
                (b"220 hi", b"EHLO me"),
                (b"250-mx\r\n250 AUTH XOAUTH2", b"AUTH XOAUTH2 dXNlcj11AWF1dGg9QmVhcmVyIHQBAQ=="),
                (b"235 in", b""),
            ],
        ),
        # STARTTLS that is offered, and that we are told to leave.
        (
            Introduction("me", starttls="never"),
            [(b"220 hi", b"EHLO me"), (b"250-mx\r\n250 STARTTLS", b"")],
        ),
    ],
)
def test_it_opens(introduction: Introduction, lines: list[tuple[bytes, bytes]]) -> None:
    talk = Conversation(introduction)
    events: list[Event] = []
    for theirs, ours in lines:
        events += feed(talk, theirs + b"\r\n")
        assert talk.output() == (ours + b"\r\n" if ours else b"")
    assert events == [Opened()]


@pytest.mark.parametrize(
    ("introduction", "lines", "step", "error"),
    [
        (
            Introduction("me"),
            b"554 no\r\n",
            "greeting",
            "Error: Invalid greeting. response=554 no: 554 no",
        ),
        (
            Introduction("me"),
            b"421 full\r\n",
            "greeting",
            "Error: Invalid greeting. response=421 full: 421 full",
        ),
        (
            Introduction("me"),
            b"220 hi\r\n421 off\r\n",
            "hello",
            "Error: Server terminates connection. response=421 off: 421 off",
        ),
        (
            Introduction("me"),
            b"220 hi\r\n500 ?\r\n500 ??\r\n",
            "hello",
            "Error: Invalid HELO. response=500 ??: 500 ??",
        ),
        (
            Introduction("me", starttls="required"),
            b"220 hi\r\n500 ?\r\n",
            "hello",
            "Error: EHLO failed but HELO does not support required STARTTLS. response=500 ?: 500 ?",
        ),
        # Required and not offered, offered and refused: never in the clear.
        (
            Introduction("me", starttls="required"),
            b"220 hi\r\n250 mx\r\n502 no tls\r\n",
            "tls",
            "Error: Error upgrading connection with STARTTLS: 502 no tls",
        ),
        (
            Introduction("me"),
            b"220 hi\r\n250-mx\r\n250 STARTTLS\r\n454 not now\r\n",
            "tls",
            "Error: Error upgrading connection with STARTTLS: 454 not now",
        ),
        (
            Introduction("me", Login("u", "p")),
            b"220 hi\r\n250 mx\r\n535 5.7.8 wrong\r\n",
            "login",
            "Error: Invalid login: 535 5.7.8 wrong",
        ),
        # XOAUTH2's error comes as a challenge first.
        (
            Introduction("me", Login("u", "t", "XOAUTH2")),
            b"220 hi\r\n250 mx\r\n334 eyJzdGF0dXMiOiI0MDEifQ==\r\n535 no\r\n",
            "login",
            "Error: Invalid login: 535 no",
        ),
        (
            Introduction("me", Login("u", "p")),
            b"220 hi\r\n250 mx\r\n334 a\r\n334 b\r\n",
            "login",
            "Error: Invalid login: 334 b",
        ),
        (Introduction("me"), b"SSH-2.0-x\r\n", "greeting", "Error: not an SMTP reply: SSH-2.0-x"),
    ],
)
def test_it_does_not_open(introduction: Introduction, lines: bytes, step: str, error: str) -> None:
    (over,) = feed(Conversation(introduction), lines)
    assert isinstance(over, Over)
    assert over.failure is not None
    assert (over.failure.step, over.failure.error) == (step, error)


def test_what_was_offered_in_the_clear_is_forgotten_behind_starttls() -> None:
    talk = Conversation(Introduction("me", Login("u", "p")))
    assert feed(talk, b"220 hi\r\n250-mx\r\n250-AUTH LOGIN\r\n250 STARTTLS\r\n") == []
    assert feed(talk, b"220 go\r\n") == [NeedTls()]
    talk.output()
    talk.secured()
    assert not talk.server.auth
    assert talk.output() == b"EHLO me\r\n"
    assert feed(talk, b"250-mx\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n") == []
    assert talk.output() == b"AUTH PLAIN AHUAcA==\r\n"


@pytest.mark.parametrize("injected", [b"250 mx\r\n", b"2"])
@pytest.mark.parametrize("at_once", [True, False])
def test_plaintext_behind_starttls_is_never_trusted(injected: bytes, at_once: bool) -> None:
    # https://nostarttls.secvuln.info
    talk = Conversation(Introduction("me"))
    feed(talk, b"220 hi\r\n250-mx\r\n250 STARTTLS\r\n")
    if at_once:
        events = feed(talk, b"220 go\r\n" + injected)
        assert [type(event) for event in events] == [Over]
    else:
        assert feed(talk, b"220 go\r\n") == [NeedTls()]
        events = feed(talk, injected + b"50 mx\r\n")
        assert [type(event) for event in events] == [Over]
    assert talk.state is Session.CLOSED


@pytest.mark.parametrize(
    ("ehlo", "envelope", "line"),
    [
        (b"250 mx", MAIL_1, b"MAIL FROM:<a@x.org>"),
        (b"250-mx\r\n250 SIZE 1000", MAIL_1, b"MAIL FROM:<a@x.org> SIZE=21"),
        (b"250-mx\r\n250 SIZE", MAIL_1, b"MAIL FROM:<a@x.org> SIZE=21"),
        (b"250-mx\r\n250 8BITMIME", MAIL_1, b"MAIL FROM:<a@x.org>"),
        (
            b"250-mx\r\n250 8bitmime",
            Envelope("", ("b@x.org",), CONTENT, "", eight_bit=True),
            b"MAIL FROM:<> BODY=8BITMIME",
        ),
        (
            b"250-mx\r\n250 SMTPUTF8",
            Envelope("ä@x.org", ("b@x.org",), CONTENT, "", smtputf8=True),
            "MAIL FROM:<ä@x.org> SMTPUTF8".encode(),
        ),
        (
            b"250 mx",
            Envelope('"a b"@x.org', ("b@x.org",), CONTENT, ""),
            b'MAIL FROM:<"a b"@x.org>',
        ),
    ],
)
def test_mail_says_what_is_offered_and_needed(ehlo: bytes, envelope: Envelope, line: bytes) -> None:
    talk = opened(ehlo + b"\r\n")
    assert talk.begin(envelope) is None
    assert talk.output() == line + b"\r\n"


@pytest.mark.parametrize(
    ("envelope", "enhanced", "error"),
    [
        (
            Envelope("a@x.org", ("b@x.org",), b"x" * 11 + b"\r\n", ""),
            "5.3.4",
            "Error: Message size larger than allowed 10",
        ),
        (
            Envelope("a@x.org", ("ü@x.org",), b"", ""),
            "5.6.7",
            "Error: Internationalized mailbox name not allowed",
        ),
    ],
)
def test_what_the_server_cannot_take_is_not_begun(
    envelope: Envelope, enhanced: str, error: str
) -> None:
    talk = opened(b"250-mx\r\n250 SIZE 10\r\n")
    failure = talk.begin(envelope)
    assert failure is not None
    assert (failure.step, failure.enhanced, failure.error) == ("mail", enhanced, error)
    assert talk.output() == b""
    assert talk.ready


@pytest.mark.parametrize(
    "address",
    ["a@x.org\r\nRSET", "a@x.org>\r\n", "a\0@x.org", "a@x.org> SIZE=1", '"a\r\n"@x.org', "a@\nx"],
)
def test_no_address_ends_its_line(address: str) -> None:
    talk = opened()
    for envelope in (
        Envelope(address, ("b@x.org",), CONTENT, ""),
        Envelope("a@x.org", ("b@x.org", address), CONTENT, ""),
    ):
        with pytest.raises(ValueError, match="address"):
            talk.begin(envelope)
    assert talk.output() == b""
    assert talk.ready


def test_with_pipelining_the_commands_go_out_at_once() -> None:
    talk = opened()
    talk.begin(MAIL_2)
    assert talk.output() == (
        b"MAIL FROM:<a@x.org>\r\nRCPT TO:<b@x.org>\r\nRCPT TO:<c@x.org>\r\nDATA\r\n"
    )
    assert feed(talk, b"250 ok\r\n250 ok\r\n250 ok\r\n") == []
    assert feed(talk, b"354 go\r\n") == [GoAhead()]


def test_without_it_they_go_one_at_a_time() -> None:
    talk = opened(b"250 mx\r\n")
    talk.begin(MAIL_2)
    said = [talk.output()]
    for reply in (b"250 ok\r\n", b"250 ok\r\n", b"450 later\r\n"):
        assert feed(talk, reply) == []
        said.append(talk.output())
    assert said == [
        b"MAIL FROM:<a@x.org>\r\n",
        b"RCPT TO:<b@x.org>\r\n",
        b"RCPT TO:<c@x.org>\r\n",
        b"DATA\r\n",
    ]
    assert feed(talk, b"354 go\r\n") == [GoAhead()]


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize(
    ("replies", "error", "refused"),
    [
        (b"553 bad\r\n503 ?\r\n503 ?\r\n503 ?\r\n", "Mail command failed: 553 bad", 0),
        (
            b"250 ok\r\n450 a\r\n550 b\r\n503 ?\r\n",
            "Can't send mail - all recipients were rejected: 550 b",
            2,
        ),
        (b"250 ok\r\n450 a\r\n250 ok\r\n451 no\r\n", "Data command failed: 451 no", 1),
    ],
)
def test_a_mail_refused_before_its_content_leaves_the_conversation_ready(
    pipelining: bool, replies: bytes, error: str, refused: int
) -> None:
    talk = opened(PIPELINING if pipelining else b"250 mx\r\n")
    talk.begin(MAIL_2)
    events: list[Event] = []
    for reply in replies.splitlines(keepends=True):
        if talk.awaited not in (None, "IGNORED"):
            events += feed(talk, reply)
    (settled,) = events
    assert isinstance(settled, Settled)
    assert isinstance(settled.answer, Rejected)
    assert settled.answer.failure.error == f"Error: {error}"
    assert len(settled.answer.refused) == refused
    if talk.awaited == "IGNORED":
        # In lockstep even the answer to RSET is awaited first.
        assert talk.ready is pipelining
        assert feed(talk, b"250 reset\r\n") == []
    assert talk.ready


def test_a_354_for_nobody_is_ended_with_a_lone_dot() -> None:
    talk = opened()
    talk.begin(MAIL_1)
    talk.output()
    (settled,) = feed(talk, b"250 ok\r\n550 no\r\n354 go\r\n")
    assert isinstance(settled, Settled)
    assert isinstance(settled.answer, Rejected)
    assert talk.output() == b".\r\n"
    talk.begin(MAIL_1)
    assert feed(talk, b"250 sent to nobody\r\n") == []
    assert talk.awaited == "MAIL"


def test_a_354_behind_a_refused_mail_is_hung_up_on() -> None:
    talk = opened()
    talk.begin(MAIL_1)
    talk.output()
    events = feed(talk, b"550 no\r\n250 ok\r\n354 go\r\n")
    assert [type(event) for event in events] == [Settled, Over]
    assert talk.output() == b""


@pytest.mark.parametrize(
    ("replies", "accepted", "refused"),
    [
        (b"250 ok\r\n250 ok\r\n", ("b@x.org", "c@x.org"), {}),
        (b"250 ok\r\n450 busy\r\n", ("b@x.org",), {"c@x.org": 450}),
        (b"551 gone\r\n252 will see\r\n", ("c@x.org",), {"b@x.org": 551}),
    ],
)
def test_each_recipient_has_its_answer(
    replies: bytes, accepted: tuple[str, ...], refused: dict[str, int]
) -> None:
    talk = opened()
    talk.begin(MAIL_2)
    assert feed(talk, b"250 ok\r\n" + replies + b"354 go\r\n") == [GoAhead()]
    talk.content()
    talk.dot()
    (settled,) = feed(talk, b"250-2.0.0 taken\r\n250 2.0.0 as 7\r\n")
    assert isinstance(settled, Settled)
    assert isinstance(settled.answer, Receipt)
    assert settled.answer.accepted == accepted
    assert {r.address: r.failure.reply_code for r in settled.answer.refused} == refused
    assert settled.answer.response == "250-2.0.0 taken\n250 2.0.0 as 7"


@pytest.mark.parametrize("code", [421, 451, 554])
def test_a_refusal_of_the_dot_is_a_rejection(code: int) -> None:
    settled, *over = feed(dotted(), b"%d no\r\n" % code)
    assert isinstance(settled, Settled)
    assert isinstance(settled.answer, Rejected)
    assert settled.answer.failure.error == f"Error: Message failed: {code} no"
    assert bool(over) == (code == 421)


@pytest.mark.parametrize("end", [b"", b"354 go\r\n", b"garbage\r\n", b"250-half"])
def test_no_plain_answer_to_the_dot_is_doubt(end: bytes) -> None:
    talk = dotted()
    events = feed(talk, end)
    talk.lost("closed", "Connection closed unexpectedly")
    events += feed(talk, b"")
    settled, over = events
    assert isinstance(settled, Settled)
    assert isinstance(settled.answer, Doubt)
    assert settled.answer.failure.error == (
        "Error: Connection lost before the server confirmed the message."
    )
    assert isinstance(over, Over)


def test_the_next_mail_goes_out_right_behind_the_dot() -> None:
    talk = dotted()
    talk.begin(MAIL_1)
    assert talk.output().startswith(b"MAIL FROM")
    assert not talk.ready
    (settled,) = feed(talk, b"250 one\r\n250 ok\r\n250 ok\r\n")
    assert isinstance(settled, Settled)
    assert isinstance(settled.answer, Receipt)
    assert feed(talk, b"354 go\r\n") == [GoAhead()]


@pytest.mark.parametrize(
    ("replies", "endings"),
    [
        # Lost with the dot unanswered: the first is in doubt, the second hasn't begun.
        (b"", [Doubt, None]),
        (b"554 no\r\n", [Rejected, None]),
        (b"250 ok\r\n", [Receipt, None]),
        # The server closes at the second's MAIL: not its trouble.
        (b"250 ok\r\n421 enough\r\n", [Receipt, None]),
        (b"421 enough\r\n", [Rejected, None]),
        # Its MAIL was answered: it had begun.
        (b"250 ok\r\n250 ok\r\n", [Receipt, Rejected]),
        (b"250 ok\r\n250 ok\r\n421 enough\r\n", [Receipt, Rejected]),
    ],
)
def test_both_mails_have_their_ending_when_it_is_over(
    replies: bytes, endings: list[type | None]
) -> None:
    talk = dotted()
    talk.begin(MAIL_1)
    talk.output()
    events = feed(talk, replies)
    talk.lost("closed", "Connection closed unexpectedly")
    events += feed(talk, b"")
    *ends, over = events
    assert isinstance(over, Over)
    assert [type(e.answer) if isinstance(e, Settled) else None for e in ends] == endings
    assert [isinstance(e, Untried) for e in ends] == [ending is None for ending in endings]


@pytest.mark.parametrize(
    ("replies", "error"),
    [
        (b"421 off\r\n", "Error: Mail command failed: 421 off"),
        (
            b"250 ok\r\n421 off\r\n",
            "Error: Can't send mail - all recipients were rejected: 421 off",
        ),
        (b"250 ok\r\n250 ok\r\n421 off\r\n", "Error: Recipient command failed: 421 off"),
        (b"250 ok\r\n250 ok\r\n550 no\r\n421 off\r\n", "Error: Data command failed: 421 off"),
        (b"354 go\r\n", "Error: unexpected answer to MAIL: 354 go"),
        (b"250 ok\r\n" * 4, "Error: unexpected answer to DATA: 250 ok"),
        (b"\r\n", "Error: not an SMTP reply: "),
    ],
)
def test_421_and_nonsense_end_a_first_mail_as_rejected(replies: bytes, error: str) -> None:
    talk = opened()
    talk.begin(MAIL_2)
    settled, over = feed(talk, replies)
    assert isinstance(settled, Settled)
    assert isinstance(settled.answer, Rejected)
    assert settled.answer.failure.error == error
    assert isinstance(over, Over)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (b"552 too much\r\n", "Error: Message failed: 552 too much"),
        (b"421 off\r\n", "Error: Message failed: 421 off"),
        (b"250 ok\r\n", "Error: a reply that nobody asked for: 250 ok"),
    ],
)
@pytest.mark.parametrize("content_is_out", [True, False])
def test_an_answer_before_the_dot_is_never_a_receipt(
    reply: bytes, error: str, content_is_out: bool
) -> None:
    talk = opened()
    talk.begin(MAIL_1)
    feed(talk, b"250 ok\r\n250 ok\r\n354 go\r\n")
    if content_is_out:
        talk.content()
    settled, over = feed(talk, reply)
    assert isinstance(settled, Settled)
    assert isinstance(settled.answer, Rejected)
    assert settled.answer.failure.error == error
    assert isinstance(over, Over)


@pytest.mark.parametrize("ahead", [b"250 ok\r\n", b"421 bye\r\n", b"250 a\r\n354 b\r\n250 c\r\n"])
def test_a_server_that_talks_ahead_is_not_followed(ahead: bytes) -> None:
    talk = opened()
    assert [type(event) for event in feed(talk, ahead)] == [Over]


def test_quit_ends_without_a_failure() -> None:
    talk = opened()
    talk.quit()
    assert talk.output() == b"QUIT\r\n"
    assert feed(talk, b"221 bye\r\n") == [Over(None)]
    assert talk.state is Session.CLOSED


def test_nothing_is_said_when_it_is_over() -> None:
    talk = opened()
    talk.begin(MAIL_1)
    talk.lost("closed", "Connection closed unexpectedly")
    assert talk.output() == b""


def test_what_the_table_does_not_allow_is_refused_and_changes_nothing() -> None:
    talk = opened()
    for illegal in (talk.content, talk.dot, talk.secured):
        with pytest.raises(Misuse):
            illegal()
    talk.begin(MAIL_1)
    talk.output()
    for illegal in (talk.content, talk.dot, talk.quit, talk.secured):
        with pytest.raises(Misuse):
            illegal()
    with pytest.raises(Misuse):
        talk.begin(MAIL_1)
    assert talk.output() == b""
    assert feed(talk, b"250 ok\r\n250 ok\r\n354 go\r\n") == [GoAhead()]
    with pytest.raises(Misuse):
        talk.dot()
    assert talk.content() == CONTENT


def test_every_state_leads_to_its_end() -> None:
    assert [state for state, arrows in SESSION.items() if not arrows] == [Session.CLOSED]
    assert [stage for stage, arrows in MAIL.items() if not arrows] == [Stage.ENDED]
    assert set(SESSION) == set(Session)
    assert set(MAIL) == set(Stage)
    assert all("closed" in arrows for arrows in SESSION.values() if arrows)
    assert all("ended" in arrows for arrows in MAIL.values() if arrows)
    dotted_from = [stage for stage, arrows in MAIL.items() if "dotted" in arrows]
    assert dotted_from == [Stage.HELD]


REPLIES = [
    b"250 ok\r\n",
    b"250-a\r\n250 b\n",
    b"354 go\r\n",
    b"421 off\r\n",
    b"450 later\r\n",
    b"550 5.1.1 no\r\n",
    b"junk\r\n",
    b"250-a\r\n",
    b"221 bye\r\n",
]


@given(
    replies=st.lists(st.sampled_from(REPLIES), max_size=12),
    cuts=st.lists(st.integers(0, 150), max_size=20),
    pipelining=st.booleans(),
)
def test_how_the_bytes_are_cut_changes_nothing(
    replies: list[bytes], cuts: list[int], pipelining: bool
) -> None:
    data = b"".join(replies)
    ehlo = PIPELINING if pipelining else b"250 mx\r\n"
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    whole = _converse(opened(ehlo), [data])
    pieces = [data[a:b] for a, b in pairwise(edges)]
    assert _converse(opened(ehlo), pieces) == whole


def _converse(talk: Conversation, pieces: list[bytes]) -> tuple[list[Event], bytes, Session]:
    """Two mails, the second begun behind the first's dot where that is allowed."""
    talk.begin(MAIL_2)
    left = [MAIL_1]
    said, events = b"", []
    for piece in pieces:
        talk.receive(piece)
        while event := talk.next_event():
            events.append(event)
            if isinstance(event, GoAhead):
                said += talk.output() + talk.content()
                talk.dot()
                if talk.ready and left:
                    talk.begin(left.pop())
    return events, said + talk.output(), talk.state
