import pytest

from cardscanner.web.accounts import Accounts
from cardscanner.web.logins import IDLE_S, LIFE_S, MOST, Logins

PASSWORD = "long enough to be good"


class Clock:
    def __init__(self) -> None:
        self.now_s = 1.8e9

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def accounts(tmp_path):
    accounts = Accounts.open(tmp_path)
    accounts.add("ann", PASSWORD, "admin")
    accounts.add("bob", PASSWORD, "viewer")
    return accounts


def test_a_login_is_known_by_its_token_also_after_a_restart(tmp_path, accounts):
    token, user = Logins(tmp_path, accounts).begin("ann")
    again = Logins(tmp_path, accounts).user(token)
    assert again == user
    assert again.may("admin")
    assert token not in (tmp_path / "logins.json").read_text()


def test_other_tokens_are_nobodys(tmp_path, accounts):
    logins = Logins(tmp_path, accounts)
    token, _ = logins.begin("bob")
    for wrong in (None, "", token[:-1], token + "x", "x" * 500):
        assert logins.user(wrong) is None
    assert not logins.user(token).may("admin")


def test_logout_ends_this_login_and_no_other(tmp_path, accounts):
    logins = Logins(tmp_path, accounts)
    here, user = logins.begin("ann")
    there, _ = logins.begin("ann")
    logins.end(user)
    assert logins.user(here) is None
    assert logins.user(there) is not None
    assert Logins(tmp_path, accounts).user(here) is None


def test_a_login_ends_when_it_is_not_used_and_in_the_end_anyway(tmp_path, accounts):
    clock = Clock()
    logins = Logins(tmp_path, accounts, clock)
    idle, _ = logins.begin("ann")
    clock.now_s += IDLE_S + 1
    assert logins.user(idle) is None
    busy, _ = logins.begin("ann")
    for _ in range(int(LIFE_S // (IDLE_S / 2))):
        clock.now_s += IDLE_S / 2
        assert logins.user(busy) is not None
    clock.now_s += IDLE_S / 2
    assert logins.user(busy) is None


def test_a_removed_account_and_a_changed_password_end_logins(tmp_path, accounts):
    logins = Logins(tmp_path, accounts)
    ann, _ = logins.begin("ann")
    bob, _ = logins.begin("bob")
    accounts.change_password("ann", "another good one")
    assert logins.user(ann) is None
    accounts.remove("bob")
    assert logins.user(bob) is None


def test_the_number_of_logins_is_bounded(tmp_path, accounts):
    clock = Clock()
    logins = Logins(tmp_path, accounts, clock)
    tokens = []
    for _ in range(MOST // 100):
        clock.now_s += 1
        tokens.append(logins.begin("ann")[0])
    logins._logins |= {f"{number}": next(iter(logins._logins.values())) for number in range(MOST)}
    clock.now_s += 1
    newest, _ = logins.begin("ann")
    assert len(logins._logins) == MOST
    assert logins.user(newest) is not None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"logins": {"a": [1]}}', '{"logins": 3}'])
def test_a_damaged_file_logs_everybody_out(tmp_path, accounts, text):
    (tmp_path / "logins.json").write_text(text)
    logins = Logins(tmp_path, accounts)
    assert logins.user(logins.begin("ann")[0]) is not None
