"""What the demo is made of, without a model: cards, the table, the film through ffmpeg."""

import csv
import os
import stat
from pathlib import Path

import pytest

from cardscanner.errors import CardscannerError
from cardscanner.pictures import read_picture
from cardscanner_tools.render.cards import render_card
from cardscanner_tools.render.catalogue import catalogue
from cardscanner_tools.render_demo import draw_cards, encode, presentable
from cardscanner_tools.scene.film import HEIGHT, WIDTH, Film
from cardscanner_tools.scene.script import write_script

SPECS = catalogue(80, 3, reprint_share=0.3)


def test_only_cards_that_can_be_told_apart_are_presented():
    chosen = presentable(SPECS)
    looks = [(spec.art, spec.frame) for spec in chosen]
    assert len(set(looks)) == len(looks)
    left_out = [spec for spec in SPECS if spec not in chosen]
    assert left_out
    assert not {(spec.art, spec.frame) for spec in left_out} & set(looks)


def test_every_card_is_drawn_and_stands_in_the_table(tmp_path):
    table = draw_cards(SPECS[:6], tmp_path / "work")
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["card_id"] for row in rows] == [spec.card_id for spec in SPECS[:6]]
    for row, spec in zip(rows, SPECS, strict=False):
        assert int(row["art_group"]) == spec.art
        picture = read_picture(table.parent / row["file"])
        assert (picture == render_card(spec, 560)).all()


def fake_ffmpeg(folder: Path, monkeypatch, body: str) -> None:
    """A program that takes the place of ffmpeg on the PATH; the last argument is the output."""
    script = folder / "ffmpeg"
    script.write_text(f'#!/bin/sh\nfor last in "$@"; do :; done\n{body}\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def short_film():
    return Film(write_script(SPECS, 2, 1, fps=1))


def test_ffmpeg_gets_every_frame_of_the_film(tmp_path, monkeypatch):
    fake_ffmpeg(tmp_path, monkeypatch, 'cat > "$last"')
    film = short_film()
    encode(film, tmp_path / "demo" / "film.mp4")
    assert (tmp_path / "demo" / "film.mp4").stat().st_size == round(film.script.seconds) * WIDTH * HEIGHT * 3
    assert [each.name for each in (tmp_path / "demo").iterdir()] == ["film.mp4"]


@pytest.mark.parametrize("body", ["exit 3", "cat > /dev/null; exit 3", 'head -c 1000 > "$last"; exit 3'])
def test_an_ffmpeg_that_fails_early_or_late_is_told_and_the_old_film_stays(tmp_path, monkeypatch, body):
    fake_ffmpeg(tmp_path, monkeypatch, body)
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "film.mp4").write_bytes(b"old")
    with pytest.raises(CardscannerError, match="ffmpeg failed with exit code 3"):
        encode(short_film(), tmp_path / "demo" / "film.mp4")
    assert (tmp_path / "demo" / "film.mp4").read_bytes() == b"old"
    assert [each.name for each in (tmp_path / "demo").iterdir()] == ["film.mp4"]


def test_without_ffmpeg_the_way_to_get_it_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CardscannerError, match="apt install ffmpeg"):
        encode(short_film(), tmp_path / "film.mp4")
