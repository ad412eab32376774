"""The document of an account: every field that is refused by name, and what is made of the rest."""

from __future__ import annotations

from typing import Any

import pytest

from franking.core.account import Limits
from franking.core.presets import PRESETS
from franking.core.sender import Secrets, Sender, Server, Tokens, read, same_login, through_sendgrid

HOST = {"host": "smtp.example.com"}
OAUTH = {"clientId": "c", "clientSecret": "s", "refreshToken": "r"}


def through(**fields: Any) -> dict[str, Any]:
    return {"transport": {**HOST, **fields}}


REFUSED = [
    # what is missing
    ({}, "'transport' is missing"),
    ({"transport": {}}, "'transport.host' is missing, as is 'transport.uri'"),
    ({**through(), "password": "p"}, "'transport.user' is missing"),
    (through(oauth=OAUTH), "'transport.user' is missing"),
    (through(user="u", oauth={}), "'transport.oauth.clientId' is missing"),
    (
        through(user="u", oauth={"clientId": "c", "refreshToken": "r"}),
        "'transport.oauth.clientSecret' is missing",
    ),
    # what is not known
    ({**through(), "pasword": "p"}, "'pasword' is not known here"),
    (through(hots="h"), "'transport.hots' is not known here"),
    (through(user="u", oauth={"client_id": "c"}), "'transport.oauth.client_id' is not known"),
    ({**through(), "limits": {"perHour": 1}}, "'limits.perHour' is not known here"),
    (
        {"transport": {"host": "smtp.sendgrid.net", "oauth": OAUTH}, "address": "a@b.c"},
        "'transport.oauth' is not for SendGrid",
    ),
    # what is of another kind
    ({"transport": "smtp://h:25"}, "'transport' must be a map"),
    ({**through(), "limits": []}, "'limits' must be a map"),
    ({"preset": "yahoo"}, "'preset' must be gmail, google_workspace, microsoft365, sendgrid"),
    (through(type="http"), "'transport.type' must be smtp"),
    ({**through(), "address": "Rep <rep@example.com>"}, "'address' must be an email address"),
    ({**through(), "address": "rep"}, "'address' must be an email address alone"),
    (through(host="h:25"), "'transport.host' must be a host name"),
    (through(host=""), "'transport.host' must be a host name"),
    (through(host="a b"), "'transport.host' must be a host name"),
    (through(port="25"), "'transport.port' must be a whole number from 1 to 65535"),
    (through(port=0), "'transport.port' must be a whole number"),
    (through(port=True), "'transport.port' must be a whole number"),
    (through(secure="yes"), "'transport.secure' must be true or false"),
    (through(user="a\nb"), "'transport.user' must be printable text"),
    (through(user=7), "'transport.user' must be printable text"),
    ({**through(user="u"), "password": ""}, "'password' must be text of 1 to 8192"),
    ({**through(user="u"), "password": "a\nb"}, "'password' must be text"),
    ({**through(user="u"), "password": "a\0b"}, "'password' must be text"),
    ({**through(user="u"), "password": "\ud800"}, "'password' must be text"),
    ({**through(user="u"), "password": 7}, "'password' must be text"),
    ({**through(), "limits": {"perDay": 0}}, "'limits.perDay' must be a whole number from 1"),
    ({**through(), "limits": {"perDay": 1.5}}, "'limits.perDay' must be a whole number"),
    ({**through(), "limits": {"connections": 101}}, "'limits.connections' must be a whole number"),
    (through(user="u", oauth={**OAUTH, "tokenUrl": "http://example.com/"}), "must be an https"),
    (
        through(user="u", oauth={**OAUTH, "tokenUrl": "https://u:p@example.com/"}),
        "must be an https",
    ),
    # what does not go together
    ({"transport": {"uri": "smtp://h:25", "port": 25}}, "'transport.port' can't stand beside"),
    ({"transport": {"uri": "smtp://a@h:25", "user": "b"}}, "'transport.user' is another"),
    ({"transport": {"uri": "smtp://a:p@h:25"}, "password": "q"}, "'password' can't stand beside"),
    ({**through(user="u", oauth=OAUTH), "password": "p"}, "'password' can't stand beside"),
    # what is no URI
    ({"transport": {"uri": "http://h"}}, "'transport.uri' must be as smtps://"),
    ({"transport": {"uri": 25}}, "'transport.uri' must be as smtps://"),
    ({"transport": {"uri": "smtp://a:%0A@h:25"}}, "'transport.uri' must be text"),
]


@pytest.mark.parametrize(("document", "told"), REFUSED, ids=[told for _, told in REFUSED])
def test_what_is_wrong_is_refused_by_name(document: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError) as caught:
        read(document, own_server=False)
    assert told in str(caught.value)
    assert str(caught.value).startswith("Field '")


def test_no_refusal_tells_a_secret() -> None:
    for document in (
        {"transport": {"uri": "smtp://u:geheim@h:25"}, "password": "geheim"},
        {**through(user="u", oauth={**OAUTH, "refreshToken": "geheim\n"})},
        {**through(), "password": "geheim"},
        {"transport": {"uri": "smpt://u:geheim@h:25"}},
    ):
        with pytest.raises(ValueError) as caught:
            read(document, own_server=False)
        assert "geheim" not in str(caught.value)


def test_secrets_do_not_show_in_their_text() -> None:
    found = read({**through(user="u"), "password": "geheim"}, own_server=False)
    assert "geheim" not in repr(found)
    assert repr(found.secrets) == "Secrets(password)"


@pytest.mark.parametrize(
    ("given", "port", "secure"),
    [
        ({}, 587, False),
        ({"secure": True}, 465, True),
        ({"port": 465}, 465, True),
        ({"port": 2525}, 2525, False),
        ({"port": 2525, "secure": True}, 2525, True),
    ],
)
def test_a_port_tells_how_tls_begins_and_the_other_way(
    given: dict[str, Any], port: int, secure: bool
) -> None:
    server = read(through(**given), own_server=False).sender.server
    assert server == Server(host="smtp.example.com", port=port, secure=secure)


def test_a_login_is_taken_out_of_a_uri() -> None:
    uri = "smtps://rep%40example.com:geh%3Aeim@smtp.example.com:465/?requireTLS=true"
    found = read({"transport": {"uri": uri}}, own_server=False)
    bare = "smtps://smtp.example.com:465/?requireTLS=true"
    assert found.sender.server == Server(uri=bare, user="rep@example.com")
    assert found.secrets == Secrets(password="geh:eim")


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_preset_is_enough(name: str) -> None:
    preset = PRESETS[name]
    document = {"preset": name, "address": "rep@example.com", "password": "p"}
    found = read(document, own_server=False)
    user = preset.user or "rep@example.com"
    assert found.sender.server == Server(None, preset.host, preset.port, preset.secure, user)
    assert found.limits == preset.limits


@pytest.mark.parametrize(
    ("transport", "sendgrid"),
    [
        ({"uri": "smtp://smtp.sendgrid.net:587"}, True),
        ({"uri": "smtps://apikey:k@smtp.sendgrid.net:465/?pool=true"}, True),
        ({"uri": "smtp://SMTP.SendGrid.net:25"}, True),
        ({"host": "smtp.sendgrid.net"}, True),
        ({"uri": "smtp://smtp.sendgrid.net.example.com:587"}, False),
        ({"uri": "smtp://smtp.sendgrid.net@example.com:587"}, False),
        ({"uri": "smtp://example.com:587/smtp.sendgrid.net"}, False),
        ({"uri": "smtp://[::1:587"}, False),
        ({"host": "smtp.eu.sendgrid.net"}, False),
    ],
)
def test_sendgrids_host_needs_a_key_and_no_user(transport: dict[str, str], sendgrid: bool) -> None:
    found = read({"transport": transport}, own_server=False)
    assert found.sender.server is not None
    assert through_sendgrid(found.sender.server) is sendgrid
    if sendgrid:
        assert (found.sender.server.user, found.login) == ("apikey", True)


def test_limits_are_the_presets_unless_they_are_named_and_null_is_none() -> None:
    limits = {"perDay": None, "perMinute": 5}
    document = {"preset": "google_workspace", "address": "a@b.c", "limits": limits}
    found = read(document, own_server=False)
    assert found.limits == Limits(per_minute=5, recipients_per_day=10_000)


def test_the_installations_own_account_may_have_limits_alone() -> None:
    found = read({"limits": {"perDay": 9}}, own_server=True)
    assert found.sender == Sender()
    assert found.limits == Limits(per_day=9)


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({}, True),
        ({"password": True}, True),
        ({"password": "new"}, False),
        ({"password": None}, False),
    ],
)
def test_a_secret_is_kept_unless_it_is_named(fields: dict[str, Any], kept: bool) -> None:
    assert read({**through(user="u"), **fields}, own_server=False).kept is kept


def test_what_is_shown_can_be_written_back() -> None:
    shown = {"id": "rep", "state": "paused", "waiting": 3, "sentToday": 4, "password": True}
    assert read({**through(user="u"), **shown}, own_server=False).kept


BASE = Sender(server=Server(host="h", port=465, secure=True, user="u", oauth=Tokens("c")))


@pytest.mark.parametrize(
    "other",
    [
        Server(host="i", port=465, secure=True, user="u", oauth=Tokens("c")),
        Server(host="h", port=25, secure=True, user="u", oauth=Tokens("c")),
        Server(host="h", port=465, secure=False, user="u", oauth=Tokens("c")),
        Server(host="h", port=465, secure=True, user="v", oauth=Tokens("c")),
        Server(host="h", port=465, secure=True, user="u", oauth=Tokens("d")),
        Server(host="h", port=465, secure=True, user="u", oauth=Tokens("c", "https://other/")),
        Server(host="h", port=465, secure=True, user="u"),
        Server(uri="smtps://h:465", user="u", oauth=Tokens("c")),
    ],
)
def test_a_secret_goes_nowhere_else(other: Server) -> None:
    assert same_login(BASE, Sender(address="new@b.c", server=BASE.server))
    assert not same_login(BASE, Sender(server=other))
    assert not same_login(None, BASE)
