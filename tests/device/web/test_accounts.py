import stat

import pytest

from cardscanner.errors import CardscannerError
from cardscanner.web.accounts import Accounts
from cardscanner.web.errors import WebRefused

PASSWORD = "long enough to be good"


def refused(status: int, code: str):
    return pytest.raises(WebRefused, check=lambda error: (error.status, error.code) == (status, code))


def test_the_first_account_is_claimed_with_the_code_and_the_code_is_gone(tmp_path):
    accounts = Accounts.open(tmp_path / "web")
    code = accounts.claim_code()
    assert len(code) == 8
    assert accounts.claim_code() == Accounts.open(tmp_path / "web").claim_code() == code
    with refused(403, "wrong_code"):
        accounts.claim("ZZZZZZZZ", "ann", PASSWORD)
    assert not accounts.claimed
    account = accounts.claim(f"{code[:4].lower()}-{code[4:]} ", "ann", PASSWORD)
    assert (account.name, account.role) == ("ann", "admin")
    assert Accounts.open(tmp_path / "web").login("ann", PASSWORD).role == "admin"
    assert not (tmp_path / "web" / "claim-code").exists()
    with refused(409, "claimed"):
        accounts.claim(code, "eve", PASSWORD)


def test_files_are_for_their_owner_alone(tmp_path):
    accounts = Accounts.open(tmp_path / "web")
    accounts.claim(accounts.claim_code(), "ann", PASSWORD)
    accounts.reset()
    accounts.claim_code()
    for name, mode in (("", 0o700), ("accounts.json", 0o600), ("claim-code", 0o600)):
        assert stat.S_IMODE((tmp_path / "web" / name).stat().st_mode) == mode
    assert PASSWORD not in (tmp_path / "web" / "accounts.json").read_text()


def test_wrong_password_and_unknown_name_are_refused_in_the_same_words(tmp_path):
    accounts = Accounts.open(tmp_path)
    accounts.add("ann", PASSWORD, "viewer")
    words = set()
    for name, password in (("ann", "something else"), ("bob", PASSWORD), ("", ""), ("ann", "x" * 100_000)):
        with refused(401, "wrong_login") as caught:
            accounts.login(name, password)
        words.add(str(caught.value))
    assert len(words) == 1


def test_names_passwords_and_roles_are_checked(tmp_path):
    accounts = Accounts.open(tmp_path)
    with refused(422, "bad_name"):
        accounts.add("<script>", PASSWORD, "viewer")
    with refused(422, "weak_password"):
        accounts.add("ann", "short", "viewer")
    with refused(422, "bad_role"):
        accounts.add("ann", PASSWORD, "owner")
    accounts.add("ann", PASSWORD, "viewer")
    with refused(409, "taken"):
        accounts.add("ann", PASSWORD, "admin")


def test_the_last_admin_stays(tmp_path):
    accounts = Accounts.open(tmp_path)
    accounts.add("ann", PASSWORD, "admin")
    accounts.add("bob", PASSWORD, "viewer")
    with refused(409, "last_admin"):
        accounts.remove("ann")
    accounts.add("eve", PASSWORD, "admin")
    accounts.remove("ann")
    assert [each.name for each in accounts.listed()] == ["bob", "eve"]
    with refused(404, "not_found"):
        accounts.remove("ann")


def test_what_another_process_changes_counts_at_once(tmp_path):
    accounts, other = Accounts.open(tmp_path), Accounts.open(tmp_path)
    other.add("ann", PASSWORD, "admin")
    assert accounts.claimed
    other.change_password("ann", "another good one")
    accounts.login("ann", "another good one")
    other.reset()
    assert not accounts.claimed


def test_a_damaged_file_says_what_to_do(tmp_path):
    for text in ("{", '{"accounts": [{"name": "ann"}]}', "[]"):
        (tmp_path / "accounts.json").write_text(text)
        with pytest.raises(CardscannerError, match="account reset"):
            Accounts.open(tmp_path)


def test_a_folder_that_cannot_be_made_says_what_to_do(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CardscannerError, match=r"set web\.folder"):
        Accounts.open(tmp_path / "file" / "web")
