"""The file of small pictures: what goes in comes out, and nothing damaged is taken for a picture."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from verify_cards import face, stored_pictures

from cardscanner.errors import ArtifactError
from cardscanner.verify.stored import HEIGHT_PX, PICTURES_FILE, WIDTH_PX, grey, open_pictures
from cardscanner.verify.storing import MOST_BYTES, encode_grey, encode_reference, write_pictures


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    stored_pictures(folder, [face(number) for number in range(5)]).close()
    return folder


def test_pictures_and_maps_come_back_by_their_row(folder):
    pictures = open_pictures(folder / PICTURES_FILE, 5)
    for row in range(5):
        whole, half = pictures.full(row), pictures.half(row)
        assert (whole.shape, half.shape) == ((HEIGHT_PX, WIDTH_PX), (HEIGHT_PX // 2, WIDTH_PX // 2))
        assert abs(float(whole.mean()) - float(grey(face(row)).mean())) < 8
        assert 0 <= pictures.own(row).min() < pictures.own(row).max() <= 1
        assert not pictures.prints(row).any()
    pictures.close()


def test_no_row_takes_more_than_eight_kilobytes(folder):
    assert (folder / PICTURES_FILE).stat().st_size <= 5 * 8192


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_even_noise_keeps_to_the_limit(seed):
    noise = np.random.default_rng(seed).integers(0, 256, (HEIGHT_PX, WIDTH_PX)).astype(np.uint8)
    assert len(encode_grey(noise)) <= MOST_BYTES


def test_the_same_pictures_give_the_same_bytes(folder, tmp_path):
    stored_pictures(tmp_path, [face(number) for number in range(5)]).close()
    assert (tmp_path / PICTURES_FILE).read_bytes() == (folder / PICTURES_FILE).read_bytes()


@pytest.mark.parametrize("row", [-1, 5])
def test_a_row_that_is_not_there_is_an_index_error(folder, row):
    with pytest.raises(IndexError, match="5 pictures"):
        open_pictures(folder / PICTURES_FILE, 5).half(row)


def test_a_flipped_byte_in_a_picture_is_found_when_it_is_asked_for(folder, tmp_path):
    data = bytearray((folder / PICTURES_FILE).read_bytes())
    data[-100] ^= 1
    (tmp_path / PICTURES_FILE).write_bytes(data)
    pictures = open_pictures(tmp_path / PICTURES_FILE, 5)
    pictures.half(0)
    with pytest.raises(ArtifactError, match="row 4 is damaged"):
        pictures.half(4)


@pytest.mark.parametrize(
    ("harm", "what"),
    [
        (lambda data: data[:-1], "cut short"),
        (lambda data: data[:200], "cut short"),
        (lambda data: data[:6], "not the pictures"),
        (lambda data: b"", "cannot be mapped"),
        (lambda data: b"x" + data[1:], "head"),
        (lambda data: data[:9] + b"\x07" + data[10:], "7 pictures"),
    ],
    ids=["last byte gone", "in the table", "in the head", "empty", "another kind", "another number"],
)  # fmt: skip
def test_a_damaged_file_is_refused_in_words(folder, tmp_path, harm, what):
    (tmp_path / PICTURES_FILE).write_bytes(harm((folder / PICTURES_FILE).read_bytes()))
    with pytest.raises(ArtifactError, match=what):
        open_pictures(tmp_path / PICTURES_FILE, 5)


def test_a_missing_file_is_refused_in_words(tmp_path):
    with pytest.raises(ArtifactError, match="cannot be mapped"):
        open_pictures(tmp_path / PICTURES_FILE, 5)


def test_a_file_of_another_database_is_refused(folder):
    with pytest.raises(ArtifactError, match="the database 6 rows"):
        open_pictures(folder / PICTURES_FILE, 6)


def test_what_is_no_jpeg_is_damaged_even_with_a_right_checksum(tmp_path):
    write_pictures(tmp_path / PICTURES_FILE, [b"not a picture", encode_reference(face(0))], 2)
    pictures = open_pictures(tmp_path / PICTURES_FILE, 2)
    pictures.full(1)
    with pytest.raises(ArtifactError, match="row 0 is damaged"):
        pictures.full(0)
