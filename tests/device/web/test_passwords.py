import pytest

from cardscanner.web.errors import WebRefused
from cardscanner.web.passwords import check_new, hashed, matches


def test_a_password_is_known_again_and_another_is_not():
    kept = hashed("correct horse \N{SNOWMAN}")
    assert matches("correct horse \N{SNOWMAN}", kept)
    assert not matches("correct horse", kept)
    assert "correct" not in kept


def test_the_same_password_is_kept_differently_each_time():
    assert hashed("correct horse") != hashed("correct horse")


def test_short_and_endless_passwords_are_refused():
    for password in ("", "short", "x" * 257):
        with pytest.raises(WebRefused, match=r"at (least|most)") as refused:
            check_new(password)
        assert refused.value.status == 422
    check_new("x" * 10)
