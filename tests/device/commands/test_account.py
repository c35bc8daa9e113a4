import io

import pytest
from small_scanner import small_scanner

from cardscanner.cli import main
from cardscanner.web.accounts import Accounts


@pytest.fixture
def scanner(tmp_path):
    return small_scanner(tmp_path)


def say(monkeypatch, words: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(words + "\n"))


def test_accounts_are_made_listed_changed_and_removed(scanner, monkeypatch, capsys):
    config = str(scanner.config(web={}))
    say(monkeypatch, "long enough")
    assert main(["account", "add", "ann", "--role", "admin", "--config", config]) == 0
    say(monkeypatch, "long enough")
    assert main(["account", "add", "wall", "--config", config]) == 0
    assert main(["account", "list", "--config", config]) == 0
    assert capsys.readouterr().out == "ann\tadmin\nwall\tviewer\n"
    say(monkeypatch, "another one")
    assert main(["account", "password", "wall", "--config", config]) == 0
    accounts = Accounts.open(scanner.root / "web")
    assert accounts.login("wall", "another one").role == "viewer"
    assert main(["account", "remove", "wall", "--config", config]) == 0
    assert main(["account", "remove", "ann", "--config", config]) == 1
    assert "somebody has to stay admin" in capsys.readouterr().err


def test_a_forgotten_owner_is_no_dead_end(scanner, monkeypatch, capsys):
    config = str(scanner.config(web={"folder": "people"}))
    assert main(["account", "code", "--config", config]) == 0
    first = capsys.readouterr().out.strip()
    say(monkeypatch, "long enough")
    main(["account", "add", "ann", "--role", "admin", "--config", config])
    assert main(["account", "code", "--config", config]) == 1
    assert main(["account", "reset", "--config", config]) == 0
    code = capsys.readouterr().out.strip()[-8:]
    assert Accounts.open(scanner.root / "people").claim(code, "bob", "long enough").role == "admin"
    assert first


def test_a_weak_password_changes_nothing(scanner, monkeypatch, capsys):
    say(monkeypatch, "short")
    config = str(scanner.config(web={}))
    assert main(["account", "add", "ann", "--config", config]) == 1
    assert "at least 10" in capsys.readouterr().err
    assert not Accounts.open(scanner.root / "web").claimed


def test_without_a_page_there_are_no_accounts(scanner, capsys):
    assert main(["account", "list", "--config", str(scanner.config())]) == 1
    assert "no section web" in capsys.readouterr().err
