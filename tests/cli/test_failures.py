"""Every way that a command can fail has words and an exit code of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from franking import cli

NOWHERE = "http://127.0.0.1:9"


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["franking", "--version"])
        with pytest.raises(SystemExit):
            cli.main()
    assert capsys.readouterr().out.startswith("franking 0.")


@pytest.mark.parametrize(
    ("arguments", "settings", "code", "told"),
    [
        (["nonsense"], {}, 2, "No such command 'nonsense'"),
        (["send", "--colour", "red"], {}, 2, "No such option: --colour"),
        (["send", "--file", "none.json"], {}, 2, "none.json can't be read: No such file"),
        (["send", "--file", "bad.json"], {}, 2, "bad.json is no JSON: "),
        (["send", "--file", "list.json"], {}, 2, "list.json must hold one JSON object."),
        (["send", "--url", "nowhere"], {}, 2, "--url must be the address of a server"),
        (["doctor"], {"lease_seconds": "0"}, 3, "FRANKING_LEASE_SECONDS is '0': it must be a"),
        (["mail", "list"], {"colour": "red"}, 3, "FRANKING_COLOUR is not a setting"),
        (["doctor"], {}, 4, "There is no database yet"),
        (["send"], {"database_url": "sqlite:///none/a.db"}, 4, "none does not exist."),
        (["mail", "list"], {"database_url": "sqlite:///list.json"}, 4, "list.json: "),
        (["db", "status"], {"database_url": "sqlite:///list.json"}, 4, "list.json can't be read"),
        (["doctor"], {"database_url": "sqlite:///list.json"}, 4, "list.json can't be read"),
        (["mail", "list"], {"url": NOWHERE}, 5, f"The server at {NOWHERE} can't be reached: "),
        (["mail", "show", "none"], {}, 1, "There is no mail with id none."),
        (["mail", "retry", "none"], {}, 1, "There is no mail with id none."),
        (["mail", "list", "--state", "done"], {}, 1, "Query parameter 'state' must be one of"),
        (["mail", "show", "a/b"], {}, 1, "An id has no '/'"),
        (["mail", "show", ""], {}, 2, "An id has 1 character at least."),
        (["mail", "retry", ""], {}, 2, "An id has 1 character at least."),
        (["mail", "show", "a\udcff"], {}, 2, "Argument 3 is not UTF-8."),
        (["send", "--to", "a@example.com"], {}, 1, "ValidationError: Invalid email configuration"),
        (["bench", "nonsense"], {}, 2, "There is no bench 'nonsense'"),
        (["bench", "../x"], {}, 2, "There is no bench '../x'"),
    ],
)
def test_it_fails_in_words_and_with_a_code(
    arguments: list[str],
    settings: dict[str, str],
    code: int,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "list.json").write_text("[" + "1, " * 400 + "1]")
    for name in [name for name in os.environ if name.startswith("FRANKING_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["franking", *arguments])
    for name, value in settings.items():
        monkeypatch.setenv(f"FRANKING_{name.upper()}", value)
    with pytest.raises(SystemExit) as caught:
        cli.main()
    found = capsys.readouterr()
    assert (caught.value.code, found.out) == (code, "")
    assert told in found.err
    assert "Traceback" not in found.err
