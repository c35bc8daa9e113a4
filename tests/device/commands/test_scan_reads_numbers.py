"""``cardscanner scan --read-number``: two prints of the demo that differ in symbol and number only."""

import cv2
import numpy as np
import pytest

from cardscanner.errors import ConfigError
from cardscanner.verify.tesseract import open_tesseract
from cardscanner_tools.render.cards import render_card
from cardscanner_tools.render.catalogue import catalogue


@pytest.fixture
def photo(tmp_path):
    """A photograph of ``s3x000-36``, whose twin is ``s3x001-34``; the vectors and the look leave it open."""
    spec = next(each for each in catalogue(300, 3, reprint_share=0.08) if each.card_id == "s3x000-36")
    table = np.full((1700, 1400, 3), (60, 90, 70), np.uint8)
    face = render_card(spec, 1300)
    table[200:1500, 230 : 230 + face.shape[1]] = face
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), cv2.GaussianBlur(table, (0, 0), 1.0)[:, :, ::-1])
    return path


@pytest.fixture
def _reader():
    """Skip where Tesseract or its language data are missing; the README's test command installs both."""
    pytest.importorskip("tesserocr", reason="the extra `ocr` is not installed")
    try:
        open_tesseract().close()
    except ConfigError as error:
        pytest.skip(str(error))


@pytest.mark.usefixtures("_reader")
def test_a_print_that_was_left_open_is_named_by_the_number_on_it(cardscanner, photo):
    [open_] = cardscanner("scan", photo, "--json").lines()[0]["cards"]
    assert (open_["decision"], open_["match"]) == ("ambiguous", "artwork")
    assert {each["card_id"] for each in open_["candidates"][:2]} == {"s3x000-36", "s3x001-34"}
    [read] = cardscanner("scan", photo, "--json", "--read-number").lines()[0]["cards"]
    assert (read["decision"], read["match"], read["card_id"]) == ("match", "exact", "s3x000-36")
    assert read["check"]["number"] == "36/217"
