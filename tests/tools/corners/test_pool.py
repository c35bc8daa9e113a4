"""The pool of the corner network: drawn once, gone on with, licences kept."""

import json

import cv2
import numpy as np

from cardscanner_tools.corners.pool import SIDE, draw_pool


def test_the_pool_goes_on_where_it_was_stopped_and_does_not_change(tmp_path):
    first = draw_pool(tmp_path, 2, 7, None, 1)
    before = {each.path.name: each.path.read_bytes() for each in first}
    more = draw_pool(tmp_path, 4, 7, None, 1)
    assert len(more) == 4
    assert {name: (tmp_path / name).read_bytes() for name in before} == before


def test_outlines_fit_the_kept_picture(tmp_path):
    for example in draw_pool(tmp_path, 3, 8, None, 1):
        picture = cv2.imread(str(example.path))
        height, width = picture.shape[:2]
        assert max(height, width) <= SIDE
        assert example.source == "scene"
        assert example.outlines.shape[1:] == (4, 2)
        middles = example.outlines.mean(axis=1)
        assert (middles > -0.2 * SIDE).all()
        assert (middles < 1.2 * SIDE).all()


def test_only_photographs_that_may_be_learnt_from_are_taken(tmp_path):
    data = tmp_path / "data"
    (data / "photos").mkdir(parents=True)
    (data / "not_cards").mkdir()
    (data / "free_cards").mkdir()
    head = "item,file,quad,quad_annotated,level,card_ids,same_art_ids,lang,tags,use_for_recognition,origin\n"
    rows = []
    for number in range(24):
        licensed = number % 2 == 0
        name = f"photos/photo_{number}.png"
        cv2.imwrite(str(data / name), np.full((80, 60, 3), 90, np.uint8))
        origin = "ShreyShingala+Pokemon-Card-Scanning-Webapp/x" if licensed else "somebody+else/x"
        rows.append(f"{number},{name},10 10 40 10 40 50 10 50,,unknown,,,en,,1,{origin}\n")
    (data / "photos.csv").write_text(head + "".join(rows), encoding="utf-8")
    (data / "not_cards.csv").write_text("file,kind,origin\n", encoding="utf-8")
    draw_pool(tmp_path / "pool", 1, 7, data, 1)
    taken = list((tmp_path / "pool").glob("photo-*.json"))
    assert 0 < len(taken) < 12
    assert all(int(path.stem.split("_")[1]) % 2 == 0 for path in taken)
    assert all(len(json.loads(path.read_text())["outlines"]) == 1 for path in taken)
