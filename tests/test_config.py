"""Settings: where they come from, and each refusal in the words that an operator reads."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from franking.app.sender import check_senders, smtp_settings, through
from franking.config import Address, Secret, SettingRefused, Settings, load
from franking.config.hosts import FileHost
from franking.config.readers import READERS
from franking.transports.sendgrid_settings import SendGridSettings
from franking.transports.smtp_settings import SmtpSettings

KEY = f"fk_{'0' * 26}_{'s' * 43}"
WHSEC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # 24 bytes, the least
LONGEST = f"whsec_{base64.b64encode(bytes(64)).decode()}"
NO_FILE = Path("no-such-franking.toml")
OAUTH = {
    "FRANKING_AUTH_TYPE": "OAuth2",
    "FRANKING_HOST": "smtp.example.com",
    "FRANKING_USER": "rep@example.com",
    "FRANKING_CLIENT_ID": "client",
    "FRANKING_CLIENT_SECRET": "s3cret",
    "FRANKING_REFRESH_TOKEN": "t0ken",
}


def loaded(**environment: str) -> Settings:
    named = {f"FRANKING_{name.upper()}": value for name, value in environment.items()}
    return load(named, NO_FILE)


def refused(**environment: str) -> str:
    with pytest.raises(SettingRefused) as caught:
        loaded(**environment)
    return str(caught.value)


def test_nothing_need_be_set() -> None:
    assert loaded() == Settings()


def test_every_setting_has_a_reader_and_every_reader_a_setting() -> None:
    assert sorted(READERS) == sorted(Settings.__struct_fields__)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("database_url", "sqlite:///mails/franking.db", "sqlite:///mails/franking.db"),
        ("http", "127.0.0.1:8025", Address("127.0.0.1", 8025)),
        ("http", "127.8.9.10:0", Address("127.8.9.10", 0)),
        ("http", "[::1]:8025", Address("::1", 8025)),
        ("http", "localhost:80", Address("localhost", 80)),
        ("http", "0.0.0.0:8025", Address("0.0.0.0", 8025)),
        ("http", "[2001:db8::1]:8025", Address("2001:db8::1", 8025)),
        ("key", KEY, Secret(KEY)),
        ("grpc", "[::1]:0", Address("::1", 0)),
        ("data_api", "franking.internal:50052", "franking.internal:50052"),
        ("data_api", "10.0.0.7:1", "10.0.0.7:1"),
        ("data_api", "[2001:db8::1]:65535", "[2001:db8::1]:65535"),
        ("webhook_secret", WHSEC, Secret(WHSEC)),
        ("webhook_secret", f" {LONGEST},{WHSEC} ", Secret(f"{LONGEST} {WHSEC}")),
        ("webhook_secret", f"{WHSEC}\n{LONGEST}", Secret(f"{WHSEC} {LONGEST}")),
        ("webhook_private_addresses", "deny", "deny"),
        (
            "attachment_hosts",
            "Files.example.com., *.Example.com:8443,[::1]:80,Bücher.example",
            (
                FileHost("files.example.com"),
                FileHost("example.com", 8443, below=True),
                FileHost("::1", 80),
                FileHost("xn--bcher-kva.example"),
            ),
        ),
        ("attachment_hosts", "", ()),
        ("attachment_private_addresses", "allow", "allow"),
        ("attachment_seconds", "300", 300),
        ("attachment_max_bytes", "1024", 1024),
        ("attachment_max_mail_bytes", "104857600", 104_857_600),
        ("outlet", "none", "none"),
        ("events", "email_Bounced", ("email_Bounced",)),
        ("events", "", ()),
        ("users_collection", "on", True),
        ("users_collection", "", False),  # empty says that there is none
        ("templates_collection", "", False),
        ("hosts", "Mail.example.com, mail:8025", ("mail.example.com", "mail:8025")),
        ("url", "http://127.0.0.1:8025/", "http://127.0.0.1:8025"),
        ("log_format", "json", "json"),
        ("log_level", "debug", "debug"),
        ("smtp_password", "with space ", Secret("with space ")),
        ("auth_type", "ApiKey", "ApiKey"),
        ("oauth_port", "587", 587),
        ("oauth_secure", "False", False),
        ("tls_options", '{"rejectUnauthorized": false}', Secret('{"rejectUnauthorized": false}')),
        ("lease_seconds", "10", 10),
        ("transient_attempts", "1", 1),
        ("stop_seconds", "0", 0),
        ("retain_days", "never", None),
        ("retain_days", "30", 30),
        ("max_document_bytes", "1024", 1024),
        ("smtp_password", "", None),  # empty is not set, as in the extension
        ("lease_seconds", "", 60),
    ],
)
def test_a_setting_is_read(name: str, text: str, value: Any) -> None:
    assert getattr(loaded(**{name: text}), name) == value


WHOLE = "must be a whole number from"
PLACE = "must be sqlite:///franking.db (relative), sqlite:////var/lib"
PEER = "must be a host and a port and nothing else"
NUMBERS = "must be an IP address and a port"
HTTPS = "must be https:// and a host, as https://login.salesforce.com"


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        (
            "database_url",
            "postgresql:h/db",
            "must be postgresql://user:password@host:5432/franking",
        ),
        ("database_url", "postgresql://h/d b", "must be postgresql://user:password@host"),
        ("database_url", "postgresql://[h/db", "must name one database"),
        ("database_url", "postgresql://h", "must name one database"),
        ("database_url", "postgresql://h/", "must name one database"),
        ("database_url", "postgresql://h/a/b", "must name one database"),
        ("database_url", "postgresql://h/db?prepare=no", "must have prepare=on or prepare=off"),
        ("database_url", "postgresql://h/db?listen=", "must have listen=off, or listen= and"),
        ("database_url", "mysql://h/db", PLACE),
        ("database_url", "franking.db", PLACE),
        ("database_url", "sqlite://franking.db", PLACE),
        ("database_url", "sqlite:///", PLACE),
        ("database_url", "sqlite:///:memory:", PLACE),
        ("database_url", "sqlite:///a/", PLACE),
        ("database_url", "sqlite:///a.db?mode=ro", "'?' is not taken"),
        ("http", "mail.example.com:8025", NUMBERS),
        ("http", "::1:8025", NUMBERS),  # an IPv6 address stands in brackets
        ("http", "[127.0.0.1]:8025", NUMBERS),
        ("http", "[localhost]:8025", NUMBERS),
        ("http", ":8025", NUMBERS),
        ("http", "127.0.0.1", "must be an address and a port"),
        ("http", "127.0.0.1:65536", "must be an address and a port"),
        ("http", "127.0.0.1:٣", "must be an address and a port"),
        ("grpc", "franking.internal:50052", NUMBERS),
        ("data_api", "http://franking.internal:50052", PEER),
        ("data_api", "dns:///franking.internal:50052", PEER),
        ("data_api", "franking.internal", PEER),
        ("data_api", "franking.internal:", PEER),
        ("data_api", "franking.internal:0", PEER),
        ("data_api", "franking.internal:65536", PEER),
        ("data_api", "franking.internal:50052/", PEER),
        ("data_api", "2001:db8::1:50052", PEER),  # an IPv6 address stands in brackets
        ("data_api", ":50052", PEER),
        ("webhook_private_addresses", "Deny", "must be allow or deny"),
        ("attachment_hosts", "https://files.example.com", "must be host names with commas between"),
        ("attachment_hosts", "a.example,*", "files.example.com:8443, and '*' is none"),
        ("attachment_private_addresses", "yes", "must be allow or deny"),
        ("attachment_seconds", "0", "must be a whole number from 1 to 300"),
        ("attachment_max_bytes", "1023", "must be a whole number from 1024 to 104857600"),
        ("attachment_max_mail_bytes", "25 MB", "must be a whole number from 1024 to 104857600"),
        ("outlet", "Salesforce", "must be package, salesforce or none"),
        ("events", "email_Sent", "must be email_Bounced, or empty"),
        ("events", "email_Bounced,email_Bounced", "must be email_Bounced, or empty"),
        ("event_rate_limited", "email_RateLimited", "must be email_Rate_Limited or email_Rate Li"),
        ("salesforce_login_url", "http://login.salesforce.com", HTTPS),
        ("salesforce_login_url", "https://login.salesforce.com/services", HTTPS),
        ("salesforce_login_url", "https://me@login.salesforce.com", HTTPS),
        ("salesforce_login_url", "https://login.salesforce.com?a=b", HTTPS),
        ("salesforce_login_url", "https://login.salesforce.com:x", HTTPS),
        ("salesforce_login_url", "https://", HTTPS),
        ("salesforce_login_url", "login.salesforce.com", HTTPS),
        ("salesforce_login_url", "http://127.0.0.1.example", HTTPS),
        ("salesforce_client_id", "a\nb", "must be printable text on one line"),
        ("hosts", "a.example.com,,b", "must be up to 100 host names"),
        ("hosts", "http://a.example.com", "must be up to 100 host names"),
        ("url", "127.0.0.1:8025", "must be the address of a server"),
        ("url", "ftp://127.0.0.1", "must be the address of a server"),
        ("log_format", "xml", "must be json or people"),
        ("log_level", "trace", "must be debug, info, warning or error"),
        ("users_collection", "users", "must be on, or empty where there is none"),
        ("templates_collection", "On", "must be on, or empty where there is none"),
        ("auth_type", "oauth2", "must be UsernamePassword, OAuth2 or ApiKey"),
        ("host", "a\nb", "must be printable text on one line"),
        ("oauth_port", "0", f"{WHOLE} 1 to 65535"),
        ("oauth_port", "65536", f"{WHOLE} 1 to 65535"),
        ("oauth_secure", "yes", "must be true or false"),
        ("lease_seconds", "0", f"{WHOLE} 1 to 3600"),
        ("lease_seconds", "1.5", f"{WHOLE} 1 to 3600"),
        ("lease_seconds", "-1", f"{WHOLE} 1 to 3600"),
        ("lease_seconds", "9" * 5000, f"{WHOLE} 1 to 3600"),
        ("transient_attempts", "0", f"{WHOLE} 1 to 100"),
        ("retry_seconds", "0", f"{WHOLE} 1 to 3600"),
        ("connections", "1001", f"{WHOLE} 1 to 1000"),
        ("max_wait_hours", "0", f"{WHOLE} 1 to 8760"),
        ("stop_seconds", "3601", f"{WHOLE} 0 to 3600"),
        ("retain_days", "0", "a whole number of days from 1 to 36500, or never"),
        ("retain_days", "-1", "a whole number of days from 1 to 36500, or never"),
        ("retain_days", "soon", "a whole number of days from 1 to 36500, or never"),
        ("max_document_bytes", "1023", f"{WHOLE} 1024 to 104857600"),
    ],
)
def test_a_wrong_value_is_refused_by_name(name: str, text: str, told: str) -> None:
    words = refused(**{name: text})
    assert words.startswith(f"FRANKING_{name.upper()} is ")
    assert told in words
    assert len(words) < 400


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("smtp_connection_uri", "smtps://u:hunter2\n@h:465"),
        ("smtp_password", "hunter2\n"),
        ("client_secret", "hunter2\r"),
        ("refresh_token", "hunter2\x00"),
        ("tls_options", '["hunter2"]'),
        ("tls_options", "hunter2"),
        ("key", "hunter2"),
        ("key", f"{KEY}hunter2"),
        ("webhook_secret", "hunter2"),
        ("salesforce_client_secret", "hunter2\n"),
        ("salesforce_refresh_token", "hunter2\n"),
        ("salesforce_private_key", "-----BEGIN PRIVATE KEY-----\nhunter2"),
        ("webhook_secret", "whsec_hunter2"),
        ("webhook_secret", f"{WHSEC} hunter2"),
        ("webhook_secret", f"whsec_{'hunter2' * 4}!!!!"),  # not all of it is base64
    ],
)
def test_a_refused_secret_is_not_repeated(name: str, text: str) -> None:
    words = refused(**{name: text})
    assert words.startswith(f"FRANKING_{name.upper()} can't be used: it must be ")
    assert "hunter2" not in words


@pytest.mark.parametrize(
    "text",
    [
        ",",  # none
        WHSEC.removeprefix("whsec_"),
        f"whsec_{base64.b64encode(bytes(23)).decode()}",
        f"whsec_{base64.b64encode(bytes(65)).decode()}",
        WHSEC[:-1],
        f"{WHSEC} {WHSEC}",
        " ".join(f"whsec_{base64.b64encode(bytes([n]) * 24).decode()}" for n in range(17)),
    ],
)
def test_what_cannot_sign_is_no_webhook_secret(text: str) -> None:
    assert refused(webhook_secret=text).startswith(
        "FRANKING_WEBHOOK_SECRET can't be used: it must be whsec_ and 24 to 64 bytes in base64"
    )


def test_an_unknown_name_is_refused_with_the_one_that_was_meant() -> None:
    assert refused(leas_seconds="5") == (
        "FRANKING_LEAS_SECONDS is not a setting: did you mean FRANKING_LEASE_SECONDS?"
    )


def test_an_unknown_name_that_is_like_none_is_refused_with_all_that_there_are() -> None:
    words = refused(colour="red")
    assert words.startswith("FRANKING_COLOUR is not a setting: there are FRANKING_DATABASE_URL, ")
    assert all(f"FRANKING_{name.upper()}" in words for name in READERS)


@pytest.mark.parametrize("name", ["MAIL_COLLECTION", "LOCATION", "DATABASE", "DATABASE_REGION"])
def test_what_only_the_extension_has_is_refused_with_the_guide(name: str) -> None:
    words = refused(**{name.lower(): "mail"})
    assert words.startswith(f"FRANKING_{name} is the Trigger Email extension's, not ours: ")
    assert words.endswith(" (docs/from-trigger-email.md).")


def test_all_that_is_wrong_is_told_at_once() -> None:
    assert len(refused(lease_seconds="0", http="nowhere", colour="red").splitlines()) == 3


@pytest.mark.parametrize("missing", sorted(OAUTH.keys() - {"FRANKING_AUTH_TYPE"}))
def test_oauth2_needs_all_that_goes_with_it(missing: str) -> None:
    given = {name: value for name, value in OAUTH.items() if name != missing}
    with pytest.raises(SettingRefused, match=f"^{missing} is not set: FRANKING_AUTH_TYPE is OAut"):
        load(given, NO_FILE)


@pytest.mark.parametrize(
    ("given", "missing"), [("TLS_CERTIFICATE", "TLS_KEY"), ("TLS_KEY", "TLS_CERTIFICATE")]
)
def test_tls_needs_a_certificate_and_its_key(given: str, missing: str) -> None:
    assert refused(**{given.lower(): "a.pem"}) == (
        f"FRANKING_{missing} is not set: FRANKING_{given} needs it."
    )
    both = loaded(tls_certificate="a.pem", tls_key="b.pem")
    assert (both.tls_certificate, both.tls_key) == (Path("a.pem"), Path("b.pem"))


def test_secrets_never_show() -> None:
    found = loaded(
        smtp_connection_uri="smtps://rep:hunter2@h:465",
        smtp_password="hunter2",
        client_secret="hunter2",
        refresh_token="hunter2",
        tls_options='{"ca": "hunter2"}',
        webhook_secret=f"whsec_hunter2/{WHSEC[-24:]}",
        outlet="salesforce",
        salesforce_client_id="app",
        salesforce_client_secret="hunter2",
        salesforce_refresh_token="hunter2",
    )
    assert "hunter2" not in repr(found)
    assert "hunter2" not in str(list(found.__rich_repr__()))


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, 'lease_seconds = 20\nretry_seconds = 7\nHTTP = "[::1]:1"\n')
    found = load({"FRANKING_LEASE_SECONDS": "30"}, file)
    assert (found.lease_seconds, found.retry_seconds) == (30, 7)
    assert found.http == Address("::1", 1)


def test_the_file_may_use_its_own_kinds_of_value(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        'hosts = ["a.example.com", "b"]\noauth_secure = false\noauth_port = 25\n'
        "[tls_options]\nrejectUnauthorized = false\n",
    )
    found = load({}, file)
    assert found.hosts == ("a.example.com", "b")
    assert (found.oauth_secure, found.oauth_port) == (False, 25)
    assert found.tls_options == Secret('{"rejectUnauthorized": false}')


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("lease_seconds = 0", "lease_seconds in franking.toml is '0': it must be a whole number"),
        ("lease_seconds = 1.5", "lease_seconds in franking.toml is '1.5': it must be a whole"),
        ("leaseseconds = 1", "leaseseconds in franking.toml is not a setting: did you mean lease_"),
        ("[smtp]\nhost = 'a'", "smtp in franking.toml is not a setting: "),
        ("lease_seconds = ", "franking.toml can't be read: "),
        ("\ud800", "franking.toml can't be read: "),
    ],
)
def test_a_wrong_file_is_refused_by_name(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(SettingRefused) as caught:
        load({}, written(tmp_path, text))
    assert told in str(caught.value)


def test_oauth2_ignores_the_uri_and_asks_for_tokens() -> None:
    given = {**OAUTH, "FRANKING_SMTP_CONNECTION_URI": "smtp://other:25"}
    found = smtp_settings(load(given, NO_FILE))
    assert (found.host, found.port, found.secure) == ("smtp.example.com", 465, True)
    assert found.user == "rep@example.com"
    assert found.oauth is not None
    assert (found.oauth.client_secret, found.oauth.refresh_token) == ("s3cret", "t0ken")


SENDGRID = [
    "smtp://smtp.sendgrid.net:587",
    "smtps://apikey:unused@SMTP.SendGrid.net:465?pool=true",
    "smtp://x@y:a/b@smtp.sendgrid.net:1?service=gmail",
]


@pytest.mark.parametrize("uri", SENDGRID)
@pytest.mark.parametrize("others", [{}, OAUTH], ids=["password", "sendgrid comes first"])
def test_sendgrids_host_means_its_web_api_with_the_password_as_key(
    uri: str, others: dict[str, str]
) -> None:
    named = {"FRANKING_SMTP_CONNECTION_URI": uri, "FRANKING_SMTP_PASSWORD": "SG.key"}
    found = through(load({**others, **named}, NO_FILE))
    assert isinstance(found, SendGridSettings)
    assert (found.key, found.base) == ("SG.key", "https://api.sendgrid.com")
    assert "SG.key" not in repr(found)


@pytest.mark.parametrize(
    "uri",
    [
        "smtp://smtp.sendgrid.net.example.com:587",
        "smtp://smtp.eu.sendgrid.net:587",
        "smtp://smtp.sendgrid.net@example.com:587",
        "smtp://u@example.com:587?service=SendGrid",
    ],
)
def test_another_host_is_smtp_whatever_it_looks_like(uri: str) -> None:
    assert isinstance(through(loaded(smtp_connection_uri=uri, smtp_password="k")), SmtpSettings)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "FRANKING_SMTP_PASSWORD is not set: FRANKING_SMTP_CONNECTION_URI names smtp.send"),
        ({"smtp_password": "hunter 2"}, "FRANKING_SMTP_PASSWORD can't be used: a SendGrid API key"),
    ],
)
def test_a_key_that_lacks_or_is_none_is_told_by_its_setting(
    given: dict[str, str], told: str
) -> None:
    with pytest.raises(SettingRefused) as refused:
        through(loaded(smtp_connection_uri="smtp://smtp.sendgrid.net:587", **given))
    assert str(refused.value).startswith(told)
    assert "hunter" not in str(refused.value)


def test_an_api_key_is_the_password_of_a_user_named_so() -> None:
    found = loaded(
        auth_type="ApiKey", smtp_password="k", smtp_connection_uri="smtp://smtp.sendgrid.net:587"
    )
    assert (smtp_settings(found).user, smtp_settings(found).password) == ("apikey", "k")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "FRANKING_SMTP_CONNECTION_URI is not set: serve needs a server"),
        (
            {"smtp_connection_uri": "smtp://hunter2"},
            "FRANKING_SMTP_CONNECTION_URI can't be used: Invalid URI",
        ),
        (
            {"smtp_connection_uri": "smtp://a:hunter2@h:25?colour=red"},
            "FRANKING_SMTP_CONNECTION_URI can't be used: unknown parameter 'colour'",
        ),
        (
            {"smtp_connection_uri": "smtp://h:25", "tls_options": '{"key": "hunter2"}'},
            "FRANKING_TLS_OPTIONS can't be used: TLS options: ",
        ),
        (
            {"auth_type": "ApiKey", "smtp_connection_uri": "smtp://h:25"},
            "FRANKING_SMTP_PASSWORD is not set: FRANKING_AUTH_TYPE is ApiKey",
        ),
    ],
)
def test_what_nothing_can_be_sent_through_is_refused_at_start(
    given: dict[str, str], told: str
) -> None:
    with pytest.raises(SettingRefused) as caught:
        smtp_settings(loaded(**given))
    assert str(caught.value).startswith(told)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "sender", ["a@[IPv6:::1]", "Ada <a@example.com>", '"Doe, Jane" <j@example.com>']
)
def test_a_default_sender_is_one_address(sender: str) -> None:
    check_senders(loaded(default_from=sender, default_reply_to="a@example.com, b@example.com"))


@pytest.mark.parametrize(
    "sender", ["nobody", "a@b.c, c@d.e", "a@", "team: a@b.c;,", "Ada <>", "a@localhost", "a@host."]
)
def test_a_default_sender_that_is_not_one_address_is_refused(sender: str) -> None:
    with pytest.raises(SettingRefused, match=r"^FRANKING_DEFAULT_FROM is "):
        check_senders(loaded(default_from=sender))


def written(folder: Path, text: str) -> Path:
    file = folder / "franking.toml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    return file


POSTGRESQL = {
    "postgresql://u:geheim@h:5/db?sslmode=require&prepare=off&listen=off": "the database db at h:5",
    "postgres://h1:1,h2:2/db": "the database db at h1:1,h2:2",
    "postgresql:///db?host=/run/pg&password=geheim": "the database db",
    "postgresql://h/db?listen=postgresql://h2/db": "the database db at h",
}


@pytest.mark.parametrize("url", POSTGRESQL)
def test_a_database_in_postgresql_is_named_without_its_password(url: str) -> None:
    found = loaded(database_url=url)
    assert (found.database_url, found.postgresql) == (url, True)
    assert found.database_name == POSTGRESQL[url]
    assert "geheim" not in repr(found)


@pytest.mark.parametrize("url", ["postgresql://u:geheim@h", "postgresql://h?password=geheim"])
def test_a_database_url_that_is_refused_is_not_repeated(url: str) -> None:
    assert refused(database_url=url).startswith("FRANKING_DATABASE_URL can't be used: it must")
    assert "geheim" not in refused(database_url=url)


def test_a_file_is_named_by_its_path() -> None:
    found = Settings()
    assert (found.database_name, found.postgresql) == ("franking.db", False)
