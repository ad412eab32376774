"""Connection URIs: what nodemailer's users write, and what is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from franking.transports.smtp_settings import OAuthClient, SmtpSettings, Timeouts, TlsOptions
from franking.transports.smtp_uri import INVALID, parse_uri


@pytest.mark.parametrize(
    ("uri", "fields"),
    [
        ("smtp://h.org:25", {"host": "h.org", "port": 25}),
        # Case 118: no login, and not secure, as it is written.
        ("smtp://smtp.gmail.com:465", {"host": "smtp.gmail.com", "port": 465}),
        ("smtps://h.org:465", {"host": "h.org", "port": 465, "secure": True}),
        (
            "smtps://u@x.org:p%40ss%3A%2F@h.org:465",
            {"host": "h.org", "port": 465, "secure": True, "user": "u@x.org", "password": "p@ss:/"},
        ),
        # The last @ separates the host, even of a password that isn't encoded.
        (
            "smtp://u@x.org:p@ss@h.org:587/",
            {"host": "h.org", "port": 587, "user": "u@x.org", "password": "p@ss"},
        ),
        ("smtp://u@h.org:25", {"host": "h.org", "port": 25, "user": "u"}),
        ("SMTP://[::1]:25", {"host": "::1", "port": 25}),
        # Case 120.
        (
            "smtp://u:p@h.org:25?pool=true&service=gmail",
            {"host": "smtp.gmail.com", "port": 465, "secure": True, "user": "u", "password": "p"},
        ),
        (
            "smtp://h.org:25?service=Outlook365",
            {"host": "smtp.office365.com", "port": 587},
        ),
        # A host that contains "outlook" is used as it is written.
        ("smtp://outlook.h.org:25", {"host": "outlook.h.org", "port": 25}),
        (
            "smtp://h.org:25?name=me.org&requireTLS=true&maxConnections=3&maxMessages=7",
            {
                "host": "h.org",
                "port": 25,
                "name": "me.org",
                "starttls": "required",
                "max_connections": 3,
                "max_messages": 7,
            },
        ),
        ("smtp://h.org:25?ignoreTLS=true", {"host": "h.org", "port": 25, "starttls": "never"}),
        ("smtp://h.org:25?pool=false", {"host": "h.org", "port": 25, "max_messages": 1}),
        ("smtp://h.org:465?secure=true", {"host": "h.org", "port": 465, "secure": True}),
        ("smtp://h.org:25?authMethod=login", {"host": "h.org", "port": 25, "auth_method": "LOGIN"}),
        (
            "smtp://h.org:25?tls.rejectUnauthorized=false&tls.servername=x.org",
            {
                "host": "h.org",
                "port": 25,
                "tls": TlsOptions(reject_unauthorized=False, servername="x.org"),
            },
        ),
        (
            "smtp://h.org:25?connectionTimeout=1500&greetingTimeout=2000&socketTimeout=3000",
            {
                "host": "h.org",
                "port": 25,
                "timeouts": Timeouts(
                    connect=1.5, greeting=2, command=3, data_initiation=3, data_block=3, answer=3
                ),
            },
        ),
        ("smtp://h.org:25?logger=true&debug=true", {"host": "h.org", "port": 25}),
    ],
)
def test_a_uri_is_read(uri: str, fields: dict[str, Any]) -> None:
    assert parse_uri(uri) == SmtpSettings(**fields)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "h.org:25",
        "http://h.org:25",
        "smtp://h.org",
        "smtp://h.org:0",
        "smtp://h.org:65536",
        "smtp://:25",
        "smtp://h.org:25 junk",
        "smtp://h.org:port",
        "smtp://h\r\n.org:25",
    ],
)
def test_what_is_no_uri_is_refused(uri: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse_uri(uri)
    assert str(refused.value) == INVALID


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("maxConnection=5", "unknown parameter 'maxConnection'"),
        ("opportunisticTLS=true", "unknown parameter 'opportunisticTLS'"),
        ("tls.rejectUnautorized=false", "rejectUnautorized"),
        ("tls.minVersion=SSLv3", "SSLv3"),
        ("requireTLS=perhaps", "parameter 'requireTLS'"),
        ("maxMessages=0", "parameter 'maxMessages'"),
        ("service=nowhere", "unknown service 'nowhere'"),
        ("authMethod=CRAM-MD5", "parameter 'authMethod'"),
        ("name=a%0D%0AQUIT", "parameter 'name'"),
    ],
)
def test_a_parameter_that_we_do_not_honour_is_refused_by_name(query: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as refused:
        parse_uri(f"smtp://u:geheim@h.org:25?{query}")
    assert "geheim" not in str(refused.value)


def test_smtp_password_goes_before_the_uris_and_is_taken_as_it_is() -> None:
    assert parse_uri("smtp://u:old@h.org:25", "n%20w@:").password == "n%20w@:"
    assert parse_uri("smtp://u@h.org:25", "new").password == "new"


def test_tls_options_are_honoured_and_the_uri_goes_before_them() -> None:
    options = '{"rejectUnauthorized": false, "minVersion": "TLSv1.3", "ca": ["a", "b"]}'
    settings = parse_uri("smtp://h.org:25?tls.minVersion=TLSv1.2", None, options)
    assert settings.tls == TlsOptions(
        reject_unauthorized=False, min_version="TLSv1.2", ca=("a", "b")
    )


@pytest.mark.parametrize(
    "options", ["{", "[]", '"x"', '{"rejectUnauthorized": "no"}', '{"checkit": true}']
)
def test_bad_tls_options_are_refused(options: str) -> None:
    with pytest.raises(ValueError, match="TLS"):
        parse_uri("smtp://h.org:25", None, options)


def test_no_secret_shows() -> None:
    settings = SmtpSettings(
        host="h.org",
        port=25,
        user="u",
        password="geheim",
        oauth=OAuthClient("id", "geheim", "geheim"),
    )
    assert "geheim" not in repr(settings) + repr(settings.oauth)
