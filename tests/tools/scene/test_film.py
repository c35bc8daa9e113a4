"""The demo film: its truth is true, and every frame can be drawn again."""

import hashlib
from collections import Counter

import numpy as np
import pytest

from cardscanner.demo.judge import Presentation
from cardscanner.errors import InputError
from cardscanner.rectify import rectify
from cardscanner_tools.render.cards import render_card
from cardscanner_tools.render.catalogue import catalogue
from cardscanner_tools.scene.film import HEIGHT, WIDTH, Film
from cardscanner_tools.scene.script import write_script

SPECS = catalogue(120, 3, reprint_share=0.0)
SCRIPT = write_script(SPECS, 3, 48)


def digest(picture: np.ndarray) -> str:
    return hashlib.sha256(picture.tobytes()).hexdigest()


def paint(script, at_s: float) -> np.ndarray:
    return Film(script).paint(at_s, round(at_s * script.fps))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("presentations", [1, 7, 48])
def test_the_truth_of_any_film_is_possible(seed, presentations):
    script = write_script(SPECS, seed, presentations)
    ids = {spec.card_id for spec in SPECS}
    assert len(script.shown) == presentations
    for each in script.shown:
        assert each.card_id in ids
        assert 0 <= each.from_s < each.to_s <= script.seconds
        assert each.to_s - each.from_s >= 2.0


def test_a_film_of_48_presentations_fits_into_four_minutes():
    assert len(SCRIPT.shown) == 48
    assert SCRIPT.seconds < 240


def test_every_way_of_presenting_a_card_occurs():
    ways = Counter(each.way for each in SCRIPT.shown)
    assert set(ways) == {
        "plain",
        "moved",
        "tilted",
        "upside_down",
        "fingers",
        "glare",
        "turned",
        "small",
        "stack",
    }


def test_a_card_comes_back_only_after_it_was_taken_away_for_a_while():
    by_card: dict[str, list] = {}
    for each in SCRIPT.shown:
        by_card.setdefault(each.card_id, []).append(each)
    again = [times for times in by_card.values() if len(times) > 1]
    assert again
    for first, second in again:
        assert second.from_s - first.to_s >= 1.0


def test_two_cards_lie_there_at_once_now_and_then():
    pairs = [
        (one, other)
        for number, one in enumerate(SCRIPT.shown)
        for other in SCRIPT.shown[:number]
        if one.from_s < other.to_s and other.from_s < one.to_s
    ]
    assert len(pairs) >= 4
    assert all(one.card_id != other.card_id for one, other in pairs)


def test_a_pile_leaves_at_once_or_one_by_one():
    above = [each for each in SCRIPT.shown if each.way == "stack"]
    below = [SCRIPT.shown[SCRIPT.shown.index(each) - 1] for each in above]
    later = [round(lower.to_s - upper.to_s, 3) for lower, upper in zip(below, above, strict=True)]
    assert set(later) == {0.0, 1.5}


def test_there_are_stretches_without_any_card():
    busy = [(each.from_s, each.to_s) for each in SCRIPT.shown]
    free = [
        at / 10
        for at in range(int(SCRIPT.seconds * 10))
        if not any(start <= at / 10 < end for start, end in busy)
    ]
    assert len(free) > 0.2 * SCRIPT.seconds * 10


def test_the_truth_is_what_the_judge_reads():
    read = [Presentation(**each) for each in SCRIPT.truth()]
    assert [each.card_id for each in read] == [each.card_id for each in SCRIPT.shown]


def test_one_seed_is_one_film():
    again, other = write_script(SPECS, 3, 48), write_script(SPECS, 4, 48)
    assert again.truth() == SCRIPT.truth()
    assert other.truth() != SCRIPT.truth()


def test_too_few_cards_are_refused_in_words():
    with pytest.raises(InputError, match="10 cards are too few"):
        write_script(SPECS[:10], 1, 48)
    assert len(write_script(SPECS[:2], 1, 1).shown) == 1


def test_frames_have_the_size_of_the_camera_and_their_number_is_that_of_the_time():
    script = write_script(SPECS, 5, 1, fps=2)
    frames = list(Film(script).frames())
    assert len(frames) == round(script.seconds * 2)
    for frame in frames:
        assert frame.shape == (HEIGHT, WIDTH, 3)
        assert frame.dtype == np.uint8
    assert len({digest(frame) for frame in frames}) == len(frames)


def test_a_frame_is_the_same_whichever_frames_were_drawn_before():
    """Also on a later table: the film may be drawn in pieces."""
    late = next(each for each in SCRIPT.shown if each.from_s > SCRIPT.tables[2][0])
    times = [0.0, SCRIPT.shown[0].from_s + 1.0, late.from_s + 0.2, late.from_s + 1.5]
    forth = Film(SCRIPT)
    one = [digest(forth.paint(at, round(at * 10))) for at in times]
    back = Film(SCRIPT)
    two = [digest(back.paint(at, round(at * 10))) for at in reversed(times)]
    assert one == two[::-1]
    assert one[2] == digest(paint(SCRIPT, times[2]))
    assert len(set(one)) == 4


def test_the_card_lies_on_the_table_only_while_it_is_presented():
    each = SCRIPT.shown[0]
    middle = (each.from_s + each.to_s) / 2
    with_card = paint(SCRIPT, middle).astype(int)
    before = paint(SCRIPT, max(each.from_s - 0.3, 0)).astype(int)
    after = paint(SCRIPT, each.to_s + 0.3).astype(int)
    assert (np.abs(with_card - before).max(axis=2) > 60).mean() > 0.03
    assert (np.abs(after - before).max(axis=2) > 60).mean() < 0.01


def test_a_resting_card_can_be_cut_out_of_the_frame_and_is_the_card_of_the_truth():
    actor = next(each for each in SCRIPT.actors if each.face >= 0 and each.way == "plain")
    shown = next(each for each in SCRIPT.shown if each.from_s == round(actor.from_s, 3))
    frame = paint(SCRIPT, actor.from_s + 1.0)
    crop = rectify(frame, actor.rest.corners(63 / 88), 112, 80).astype(float)
    scores = {}
    for spec in SPECS[:30] + [spec for spec in SPECS if spec.card_id == shown.card_id]:
        face = rectify(
            render_card(spec, 336),
            np.array([[0, 0], [241, 0], [241, 336], [0, 336]], np.float32) - 0.5,
            112,
            80,
        )
        scores[spec.card_id] = np.corrcoef(crop.ravel(), face.astype(float).ravel())[0, 1]
    assert max(scores, key=scores.__getitem__) == shown.card_id
    assert scores[shown.card_id] > 0.8
