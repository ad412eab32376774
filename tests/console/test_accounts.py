"""The accounts' pages: what is refused, what words may hold, and what is done there."""

from __future__ import annotations

import html
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from accounts.conftest import PASSWORD, USER, account
from console.served import Served
from franking.core import account as policy
from franking.core.prediction import FOREVER
from postbox import Postbox

REP = 'rep "o\'Neil" <b>&%41?'
PATH = "/accounts/rep%20%22o%27Neil%22%20%3Cb%3E%26%2541%3F"
SCRIPT = "535 <script>document.title = 'x'</script>"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with Served(tmp_path, accounts=True) as it:
        yield it


@pytest.fixture
def guarded(served: Served) -> Iterator[Postbox]:
    """A mail server that wants a login."""
    box = Postbox()
    box.users[USER] = PASSWORD
    served.run(box.start())
    yield box
    served.run(box.stop())


def setting(served: Served, id: str, document: dict[str, Any]) -> None:
    served.run(served.installation.office.accounts.set(id, document))


def disconnect(served: Served, id: str, reason: str) -> None:
    it = served.installation
    now = it.clock.now()
    served.run(it.store.accounts.stand(id, lambda one: policy.disconnected(one, reason, now), now))


def shown(served: Served, id: str) -> Any:
    return served.run(served.installation.office.accounts.read(id))


def get(served: Served, path: str) -> str:
    return httpx.get(served.url + path).text


def post(served: Served, path: str, **fields: str) -> httpx.Response:
    headers = {"origin": served.url, "hx-request": "true"}
    return httpx.post(served.url + path, headers=headers, data=fields)


def text(page: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", page)))


def test_the_installations_own_is_always_there(served: Served) -> None:
    found = text(get(served, "/accounts"))
    assert "default the installation's own server" in found
    assert "franking account set" in found
    assert "It sends." in text(get(served, "/accounts/default"))


def test_a_list_goes_on_and_has_each_account_once(served: Served) -> None:
    for number in range(60):
        setting(served, f"c{number:02}", account(25))
        setting(served, f"e{number:02}", account(25))
    ids, path = [], "/accounts"
    while path:
        page = get(served, path)
        ids += re.findall(r'class="who" href="/accounts/[^"]+">([^<]+)<', page)
        found = re.search(r'href="(/accounts\?after=[^"]+)"', page)
        path = found[1] if found else ""
    assert ids == sorted(ids)
    assert len(ids) == len(set(ids)) == 121
    assert "default" in ids
    assert "No account comes after that one." in text(get(served, "/accounts?after=zzz"))


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/accounts/none", "There is no account with id none."),
        ("/accounts/rekey", "An account's id can't be 'rekey'"),
        ("/accounts?after=" + "x" * 256, "'after' must be the id of an account"),
        ("/accounts?odd=1", "There is no query parameter 'odd'"),
    ],
)
def test_what_there_is_not_is_told(served: Served, path: str, words: str) -> None:
    assert words in text(get(served, path))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"minutes": "31"}, "There is no pause of that length."),
        ({"minutes": "-1"}, "There is no pause of that length."),
        ({"minutes": "30", "reason": "x" * 501}, "A reason has 500 printable characters at most."),
        ({"minutes": "30", "reason": "a\x07b"}, "A reason has 500 printable characters at most."),
    ],
)
def test_a_pause_that_is_wrong_is_refused(
    served: Served, fields: dict[str, str], words: str
) -> None:
    answer = post(served, "/accounts/default/pause", **fields)
    assert words in answer.text
    assert answer.headers["hx-trigger"] == "close-dialog, changed"
    assert shown(served, "default").paused_until is None


def test_a_press_must_come_from_a_page_of_ours(served: Served) -> None:
    for step in ("pause", "resume", "sign-in"):
        assert httpx.post(f"{served.url}/accounts/default/{step}").status_code == 403
        assert "There is no account" in post(served, f"/accounts/none/{step}").text


def test_no_secret_is_shown(served: Served, guarded: Postbox) -> None:
    setting(served, "rep", account(guarded.port))
    tokens = {"clientId": "c", "clientSecret": PASSWORD, "refreshToken": PASSWORD}
    uri = f"smtp://me:{PASSWORD}@127.0.0.1:{guarded.port}?pool=true"
    setting(served, "uri", {"transport": {"uri": uri}})
    document = account(guarded.port, password=None)
    document["transport"]["oauth"] = tokens
    setting(served, "oauth", document)
    listed = get(served, "/accounts")
    pages = {id: get(served, f"/accounts/{id}") for id in ("rep", "uri", "oauth")}
    signed_in = post(served, "/accounts/rep/sign-in").text
    assert PASSWORD not in "".join([listed, signed_in, *pages.values()])
    assert "Signs in with a password" in text(pages["rep"])
    assert "Signs in with OAuth2" in text(pages["oauth"])
    assert f"Sends through smtp://127.0.0.1:{guarded.port} User me" in text(pages["uri"])


def test_limits_and_what_was_sent_of_them(served: Served, page: Page) -> None:
    through = {"transport": {"host": "127.0.0.1", "port": served.box.port}}
    setting(served, "rep", {**through, "limits": {"perDay": 4, "perMinute": 6000}})
    setting(served, "free", through)
    mail = {"to": "ada@example.com", "account": "rep", "message": {"subject": "Hi", "text": "Hi"}}
    served.run(served.installation.write(mail))
    page.goto("/accounts")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="rep"))
    expect(row).to_contain_text("1 of 4")
    expect(row.locator("meter")).to_have_js_property("value", 1)
    expect(row.locator("meter")).to_have_js_property("max", 4)
    expect(row).to_contain_text("6,000 mails a minute, 4 mails a day")
    free = page.get_by_role("row").filter(has=page.get_by_role("link", name="free"))
    expect(free).to_contain_text("not counted")


def test_what_waits_is_counted_and_led_to(served: Served) -> None:
    setting(served, REP, account(25))
    served.run(served.installation.office.accounts.pause(REP, None, None))
    for number in range(3):
        mail = {"to": "ada@example.com", "account": REP, "message": {"subject": "Hi", "text": "Hi"}}
        served.run(served.installation.http.put(f"/v1/mail/m{number}", json=mail))
    found = get(served, PATH)
    assert "Waiting 3 Sent" in text(found)
    links = [html.unescape(link) for link in re.findall(r'href="(/mail\?[^"]+)"', found)]
    queries = [httpx.QueryParams(link.partition("?")[2]) for link in links]
    assert {query["account"] for query in queries} == {REP}
    assert [query["state"] for query in queries] == ["PENDING", "RETRY", "ERROR"]


def test_it_is_paused_for_a_while_and_resumed(page: Page, served: Served) -> None:
    setting(served, REP, account(25))
    page.goto("/accounts")
    page.get_by_role("button", name=f"Pause {REP}").click()
    page.get_by_label("How long").select_option("1 hour")
    page.get_by_label("Why").fill("moving <script>house</script>")
    before = served.installation.clock.now()
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text(f"{REP} is paused for 1 hour.")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name=REP))
    expect(row).to_contain_text("moving <script>house</script>")
    expect(page.get_by_role("dialog")).to_be_hidden()
    hour = shown(served, REP).paused_until - before
    assert 3_600_000 <= hour < 3_660_000
    row.get_by_role("button", name="Resume").click()
    expect(row.get_by_text("Ok", exact=True)).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("sends again")


def test_a_pause_without_an_end_says_so(page: Page, served: Served) -> None:
    page.goto("/accounts/default")
    page.get_by_role("button", name="Pause").click()
    page.get_by_label("How long").select_option("Until somebody resumes it")
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.get_by_text("Nothing is sent from it until somebody resumes it.")).to_be_visible()
    assert shown(served, "default").paused_until == FOREVER
    expect(page.get_by_text("paused by hand")).to_be_visible()


def test_a_double_click_on_resume_is_one_call(page: Page, served: Served) -> None:
    setting(served, REP, account(25))
    disconnect(served, REP, SCRIPT)
    presses: list[str] = []
    page.on("request", lambda sent: presses.append(sent.url) if sent.method == "POST" else None)
    page.goto(PATH)
    expect(page.get_by_text(SCRIPT)).to_be_visible()
    # A look is under way and does not end, so that the presses come in the middle of it.
    held: list[Route] = []
    page.route(f"**{PATH}", lambda route: held.append(route))
    with page.expect_request(f"**{PATH}"):
        pass
    page.get_by_role("button", name="Resume").dblclick()
    expect(page.get_by_role("status")).to_contain_text("sends again")
    page.unroute(f"**{PATH}")
    expect(page.get_by_text("It sends.")).to_be_visible()
    assert len(presses) == 1
    assert shown(served, REP).state == "ok"


def test_a_sign_in_that_works_says_so_and_sends_nothing(
    page: Page, served: Served, guarded: Postbox
) -> None:
    setting(served, REP, account(guarded.port))
    page.goto(PATH)
    page.get_by_role("button", name="Test the sign-in").dblclick()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("It signs in. Nothing need be done.")
    assert (guarded.logins, guarded.mails) == ([USER], [])
    served.run(served.installation.office.accounts.pause(REP, None, None))
    dialog.get_by_role("button", name="Test again").click()
    expect(dialog).to_contain_text("It signs in. Resume it, and what waits is sent.")
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()


def test_a_sign_in_that_fails_says_what_to_do(served: Served, guarded: Postbox) -> None:
    setting(served, "rep", account(guarded.port, password="wrong"))
    found = text(post(served, "/accounts/rep/sign-in").text)
    assert "It does not sign in." in found
    assert "What to do: The server did not take the user and password. Set them anew" in found
    assert "Code 535 5.7.8" in found
    assert "Username and Password not accepted" in found
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        setting(served, "rep", account(free.getsockname()[1]))
        found = text(post(served, "/accounts/rep/sign-in").text)
    assert "What to do: Nothing listens there" in found


def test_a_sign_in_shows_that_it_is_under_way_and_is_one(page: Page, served: Served) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        setting(served, "rep", account(silent.getsockname()[1]))
        page.goto("/accounts/rep")
        page.get_by_role("button", name="Test the sign-in").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("progressbar", name="Signing in")).to_be_visible()
        silent.accept()[0].close()
        expect(dialog).to_contain_text("The server hung up.")
        page.get_by_role("button", name="Test again").click()
        expect(dialog.get_by_role("progressbar")).to_be_visible()
        with silent.accept()[0]:
            assert "A sign-in of rep is under way" in post(served, "/accounts/rep/sign-in").text
        expect(dialog).to_contain_text("The server hung up.")


def test_without_an_outfit_the_dialog_does_not_stay_under_way(page: Page, served: Served) -> None:
    served.installation.office.accounts._outfit = None
    page.goto("/accounts")
    page.get_by_role("button", name="Test the sign-in of default").click()
    expect(page.get_by_role("status").get_by_text("can't be set or tried here")).to_be_visible()
    expect(page.get_by_role("dialog")).to_be_hidden()
