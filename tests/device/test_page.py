"""The report page: one folder, nothing from elsewhere, nothing that a caption could break."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from cardscanner.page import Page, outlined
from cardscanner.pictures import read_picture


class Elements(HTMLParser):
    """Every start tag with its attributes, and all text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def picture(value: int, size=(30, 20)) -> np.ndarray:
    return np.full((*size, 3), value, np.uint8)


EVIL = "<script>alert('x')</script> & \"quoted\""


def write(folder) -> Elements:
    page = Page(folder, f"Report {EVIL}")
    page.heading(f"Failures {EVIL}")
    page.words(EVIL)
    page.table(["name", EVIL], [[EVIL, 0.12345], ["none", None], ["many", 7]])
    page.gallery([(f"one\n{EVIL}", [picture(10), picture(200)]), ("no pictures", [])])
    path = page.write()
    assert path == folder / "index.html"
    return Elements(path.read_text(encoding="utf-8"))


def test_no_text_becomes_markup(tmp_path):
    found = write(tmp_path / "report")
    assert "script" not in [tag for tag, _ in found.tags]
    assert found.text.count(EVIL) == 7
    assert [tag for tag, _ in found.tags].count("h2") == 1


def test_everything_the_page_needs_lies_in_its_folder(tmp_path):
    found = write(tmp_path / "report")
    for tag, attributes in found.tags:
        assert tag not in {"link", "iframe", "object", "script"}
        for name in ("src", "href"):
            if name in attributes:
                assert not re.match(r"\w+:|/", attributes[name])
                assert (tmp_path / "report" / attributes[name]).is_file()
    (tmp_path / "report").rename(tmp_path / "elsewhere")
    shown = [attributes["src"] for tag, attributes in found.tags if tag == "img"]
    assert len(shown) == len(set(shown)) == 2
    assert np.abs(read_picture(tmp_path / "elsewhere" / shown[1]).astype(int) - 200).max() <= 2
    assert sorted(each.name for each in (tmp_path / "elsewhere").iterdir()) == ["index.html", "pictures"]


def test_numbers_are_rounded_and_nothing_is_a_dash(tmp_path):
    text = write(tmp_path).text
    assert "0.123" in text
    assert "0.12345" not in text
    assert "none-many7" in text


def test_line_breaks_of_a_caption_stay(tmp_path):
    assert [tag for tag, _ in write(tmp_path).tags].count("br") == 1


def test_a_page_written_twice_replaces_the_first(tmp_path):
    write(tmp_path)
    page = Page(tmp_path, "Second")
    page.words("only this")
    assert "alert" not in page.write().read_text()


@pytest.mark.parametrize("size", [(100, 60), (1000, 30), (20, 900)])
def test_a_small_copy_has_the_asked_height_and_the_outline_in_its_colour(size):
    large = picture(0, size)
    height, width = size
    corners = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], np.float32)
    small = outlined(large, [(corners * 0.5 + [width * 0.25, height * 0.25], (250, 60, 40))], 200)
    assert small.shape == (200, max(1, round(width * 200 / height)), 3)
    assert small.dtype == np.uint8
    assert (large == 0).all()
    painted = small[small.any(axis=2)]
    assert len(painted)
    assert (painted[:, 0] >= painted[:, 1]).all()
    assert (painted[:, 1] >= painted[:, 2]).all()


def test_a_copy_without_outlines_is_only_smaller():
    assert (outlined(picture(77), [], 10) == 77).all()
