"""minisign's files: what is taken, what is refused; and the program itself, both ways."""

import base64
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardscanner.errors import UpdateRefused
from cardscanner.update.minisign import (
    MOST_BYTES,
    check_signed,
    digest_of,
    read_key_folder,
    read_public_key,
    read_signature,
)
from cardscanner_tools.release.secret_key import new_key, read_key, write_key

KEY, OTHER = new_key(), new_key()
DOCUMENT = b'{"serial": 7}'
SIGNED = KEY.sign(DOCUMENT, "index 7").to_text().encode()


def test_a_signature_is_good_and_its_trusted_comment_comes_back():
    assert check_signed(DOCUMENT, SIGNED, [OTHER.public, KEY.public], "index.json") == "index 7"


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (lambda s: s.replace(b"trusted comment: index 7", b"trusted comment: index 8"), "bad_signature", "trusted comment"),
        (lambda s: s.replace(b"\ntrusted comment: ", b"\ncomment: "), "bad_signature", "four lines"),
        (lambda s: s[:-40], "bad_signature", "base64"),
        (lambda s: s + b"x" * MOST_BYTES, "bad_signature", "longer than"),
        (lambda s: b"\xff" + s, "bad_signature", "no file of minisign"),
        (lambda s: s.replace(b"\nRU", b"\nRW", 1), "bad_signature", "the old kind"),
        (lambda _: OTHER.sign(DOCUMENT, "index 7").to_text().encode(), "unknown_key", "this box trusts"),
        (lambda _: KEY.sign(DOCUMENT + b" ", "index 7").to_text().encode(), "bad_signature", "not what key"),
        (lambda _: b"", "bad_signature", "four lines"),
    ],
)  # fmt: skip
def test_any_other_signature_is_refused_with_the_reason(change, code, words):
    with pytest.raises(UpdateRefused, match=words) as refused:
        check_signed(DOCUMENT, change(SIGNED), [KEY.public], "index.json")
    assert refused.value.code == code


@given(st.integers(0, len(DOCUMENT) * 8 - 1))
def test_no_bit_of_a_document_can_be_flipped(bit):
    changed = bytearray(DOCUMENT)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(UpdateRefused):
        check_signed(bytes(changed), SIGNED, [KEY.public], "index.json")


@given(st.integers(0, len(SIGNED) - 1), st.integers(0, 255))
def test_a_changed_signature_file_is_good_only_where_nobody_relies_on_it(at, byte):
    changed = SIGNED[:at] + bytes([byte]) + SIGNED[at + 1 :]
    try:
        comment = check_signed(DOCUMENT, changed, [KEY.public], "index.json")
    except UpdateRefused:
        return
    assert comment == "index 7"


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_nonsense_is_refused_and_nothing_else_happens(data):
    for read in (read_signature, read_public_key):
        with pytest.raises(UpdateRefused):
            read(data, "x")


def test_a_public_key_comes_back_as_it_was_written():
    found = read_public_key(KEY.public.to_text("ours").encode(), "x.pub")
    assert (found.id, found.point) == (KEY.public.id, KEY.public.point)
    alone = base64.b64encode(b"Ed" + KEY.id + KEY.public.point)
    assert read_public_key(alone, "x.pub").shown == KEY.public.shown


def test_a_folder_of_keys_with_a_broken_one_is_refused(tmp_path):
    (tmp_path / "a.pub").write_text(KEY.public.to_text())
    assert [each.shown for each in read_key_folder(tmp_path)] == [KEY.public.shown]
    (tmp_path / "b.pub").write_text("RWQ")
    with pytest.raises(UpdateRefused, match=r"b\.pub"):
        read_key_folder(tmp_path)


@pytest.fixture
def minisign():
    """Debian's program."""
    program = shutil.which("minisign")
    if program is None:
        pytest.skip("minisign is not installed: apt-get install minisign")

    def run(*arguments):
        return subprocess.run(
            [program, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60
        )

    return run


def test_minisign_accepts_what_we_sign(minisign, tmp_path):
    document = tmp_path / "index.json"
    document.write_bytes(DOCUMENT)
    (tmp_path / "index.json.minisig").write_bytes(SIGNED)
    (tmp_path / "ours.pub").write_text(KEY.public.to_text())
    said = minisign("-V", "-m", document, "-p", tmp_path / "ours.pub")
    assert said.returncode == 0, said.stderr
    assert "Trusted comment: index 7" in said.stdout
    document.write_bytes(DOCUMENT + b" ")
    assert minisign("-V", "-m", document, "-p", tmp_path / "ours.pub").returncode != 0


def test_we_accept_what_minisign_signs(minisign, tmp_path):
    public, secret = tmp_path / "theirs.pub", tmp_path / "theirs.key"
    made = minisign("-G", "-W", "-p", public, "-s", secret)
    assert made.returncode == 0, made.stderr
    document = tmp_path / "release.json"
    document.write_bytes(DOCUMENT)
    assert minisign("-S", "-m", document, "-s", secret, "-t", "database 1").returncode == 0
    keys = read_key_folder(tmp_path)
    signature = (tmp_path / "release.json.minisig").read_bytes()
    assert check_signed(DOCUMENT, signature, keys, "release.json") == "database 1"
    ours = read_key(secret, None)  # and their secret key signs for us
    assert ours.public.point == keys[0].point
    assert check_signed(DOCUMENT, ours.sign(DOCUMENT, "x").to_text().encode(), keys, "release.json") == "x"


def test_minisign_signs_with_a_key_of_ours(minisign, tmp_path):
    write_key(KEY, tmp_path / "ours.key", None)
    document = tmp_path / "release.json"
    document.write_bytes(DOCUMENT)
    assert (
        minisign("-S", "-W", "-m", document, "-s", tmp_path / "ours.key", "-t", "by minisign").returncode == 0
    )
    signature = (tmp_path / "release.json.minisig").read_bytes()
    assert check_signed(DOCUMENT, signature, [KEY.public], "release.json") == "by minisign"


def test_what_is_signed_is_the_blake2b_of_the_document():
    assert digest_of(b"").hex().startswith("786a02f742015903c6c6fd852552d272")  # RFC 7693, of nothing
