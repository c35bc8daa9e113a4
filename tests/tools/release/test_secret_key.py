"""Secret keys: written as minisign writes them, with and without a password."""

import pytest

from cardscanner.errors import InputError
from cardscanner_tools.release.secret_key import new_key, read_key, scrypt_parameters, write_key


def test_a_key_without_password_comes_back_and_only_its_owner_may_read_it(tmp_path):
    key = new_key()
    write_key(key, tmp_path / "key", None)
    assert read_key(tmp_path / "key", None) == key
    assert (tmp_path / "key").stat().st_mode & 0o077 == 0


@pytest.mark.slow
def test_a_key_with_password_needs_it(tmp_path):
    """The limits that minisign writes cost a gigabyte and some seconds, three times here."""
    key = new_key()
    write_key(key, tmp_path / "key", "open sesame")
    assert read_key(tmp_path / "key", "open sesame") == key
    with pytest.raises(InputError, match="wrong password"):
        read_key(tmp_path / "key", "sesame")
    with pytest.raises(InputError, match="is encrypted: give --password-file"):
        read_key(tmp_path / "key", None)


def test_minisigns_limits_mean_a_gigabyte():
    n, r, p = scrypt_parameters(33554432, 1073741824)
    assert (n, r, p) == (1 << 20, 8, 1)


@pytest.mark.parametrize("text", ["", "untrusted comment: x\n", "untrusted comment: x\nAAAA\n", "a\n!\n"])
def test_another_file_is_no_secret_key(tmp_path, text):
    (tmp_path / "key").write_text(text)
    with pytest.raises(InputError, match="no secret key"):
        read_key(tmp_path / "key", None)


def test_a_comment_of_two_lines_cannot_be_signed():
    with pytest.raises(InputError):
        new_key().sign(b"x", "one\ntwo")
