"""The second look: the right card agrees, another does not, and prints are told apart or called ambiguous."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from verify_cards import CALM, candidates, face, scene, stored_pictures, with_number

from cardscanner.accept import judge_checked
from cardscanner.errors import ArtifactError
from cardscanner.manifest import AcceptRule, VerifyRule
from cardscanner.verify.stored import PICTURES_FILE, open_pictures
from cardscanner.verify.verifier import CANDIDATES, Verifier

RULE = AcceptRule(
    threshold=0.3, print_gap=0.02, verify=VerifyRule(weight=1.0, threshold=0.5, print_lead=0.012)
)
TWINS = {12: 12, 13: 12}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Twelve cards, and one more in two prints that differ in nothing but the number."""
    plain = face(20)
    faces = [
        *(face(number) for number in range(12)),
        with_number(plain, "58/102"),
        with_number(plain, "17/264"),
    ]
    stored = stored_pictures(tmp_path_factory.mktemp("verifier"), faces, [[12, 13]])
    yield stored
    stored.close()


@pytest.fixture
def verifier(pictures):
    return Verifier(pictures)


def _checks(verifier, made, rows, artworks=None):
    return [
        each.check
        for each in verifier.checked(made.picture, made.corners, candidates(*rows, artworks=artworks))
    ]


def test_every_candidate_gets_a_score_and_a_share_between_0_and_1(verifier):
    for check in _checks(verifier, scene(face(0), 1), range(5)):
        assert 0 <= check.score <= 1
        assert 0 <= check.share <= 1
        assert check.lead is None


def test_the_right_card_agrees_better_than_any_other_whatever_stands_first(verifier):
    for number in range(12):
        rows = [(number + 3) % 12, number, *((number + step) % 12 for step in (1, 2, 4))]
        scores = [check.score for check in _checks(verifier, scene(face(number), number), rows)]
        assert np.argmax(scores) == 1
        assert scores[1] > 0.55


def test_a_card_that_is_not_in_the_database_agrees_with_none(verifier):
    known = [_checks(verifier, scene(face(n), n), [n, (n + 1) % 12])[0].score for n in range(12)]
    unknown = [max(c.score for c in _checks(verifier, scene(face(n), n), range(5))) for n in range(21, 33)]
    assert max(unknown) < min(known)


def test_corners_that_are_wrong_by_five_per_cent_are_forgiven(verifier):
    scores = [
        _checks(verifier, scene(face(n), 50 + n, replace(CALM, corner=0.05)), [n, 11 - n])[0].score
        for n in range(6)
    ]
    assert min(scores) > 0.6


def test_fingers_and_glare_cost_share_or_score_but_not_the_answer(verifier):
    made = scene(face(2), 3, CALM)
    x, y = made.corners.min(axis=0).astype(int)
    right, bottom = made.corners.max(axis=0).astype(int)
    hidden = made.picture.copy()
    cv2.ellipse(hidden, (x, bottom), ((right - x) // 3, (bottom - y) // 3), 20, 0, 360, (205, 160, 130), -1)
    glaring = made.picture.copy()
    cv2.ellipse(
        glaring,
        ((x + right) // 2, y + (bottom - y) // 3),
        ((right - x) // 4,) * 2,
        0,
        0,
        360,
        (255, 255, 255),
        -1,
    )
    plain = verifier.checked(made.picture, made.corners, candidates(2, 3))[0].check
    finger = verifier.checked(hidden, made.corners, candidates(2, 3))
    glare = verifier.checked(glaring, made.corners, candidates(2, 3))
    for looked in (finger, glare):
        assert looked[0].check.score > looked[1].check.score + 0.2
    assert glare[0].check.share < plain.share


def test_only_the_first_few_candidates_are_looked_at(verifier):
    looked = verifier.checked(*_picture(scene(face(0), 1)), candidates(*range(8)))
    assert [each.check is not None for each in looked] == [place < CANDIDATES for place in range(8)]
    assert [each.row for each in looked] == list(range(8))


def test_without_candidates_there_is_nothing_to_look_at(verifier):
    assert verifier.checked(*_picture(scene(face(0), 1)), []) == ()


def test_the_same_look_gives_the_same_numbers(verifier):
    made = scene(face(4), 9)
    assert _checks(verifier, made, range(4)) == _checks(verifier, made, range(4))


def test_two_prints_are_told_by_their_number_where_the_camera_shows_it(verifier):
    for number, row in (("58/102", 12), ("17/264", 13)):
        for seed in range(4):
            made = scene(with_number(face(20), number), seed, CALM, card_px=360)
            verdict = judge_checked(
                verifier.checked(*_picture(made), candidates(13, 12, 1, artworks=TWINS, step=0.005)), RULE
            )
            assert (verdict.decision, verdict.match) == ("match", "exact")
            assert verdict.card.card_id == f"card-{row}"


def test_two_prints_that_differ_in_a_number_too_small_to_read_are_ambiguous_never_a_toss(verifier):
    """The card is 60 pixels wide in the frame: its number is one pixel high."""
    for number in ("58/102", "17/264"):
        for seed in range(8):
            made = scene(with_number(face(20), number), seed, card_px=60)
            looked = verifier.checked(*_picture(made), candidates(12, 13, 1, artworks=TWINS, step=0.005))
            verdict = judge_checked(looked, RULE)
            assert (verdict.decision, verdict.match) == ("ambiguous", "artwork")
            assert {each.card.card_id for each in verdict.candidates[:2]} == {"card-12", "card-13"}


def test_a_print_that_is_not_there_gets_no_lead_over_those_that_are(tmp_path):
    """The lower half of the card is another one's, as in another language: it agrees with neither print."""
    half = face(20).shape[0] // 2
    prints = [np.concatenate([face(20)[:half], face(n)[half:]]) for n in (21, 22, 23)]
    stored = stored_pictures(tmp_path, [*prints[:2], *(face(n) for n in range(4))], [[0, 1]])
    checks = _checks(Verifier(stored), scene(prints[2], 3, CALM), [0, 1, 2], {0: 0, 1: 0, 2: 2})
    assert [each.lead for each in checks] == [None, None, None]
    right = _checks(Verifier(stored), scene(prints[1], 3, CALM), [0, 1, 2], {0: 0, 1: 0, 2: 2})
    assert right[1].lead > 0.3
    stored.close()


def test_two_references_with_the_same_picture_have_no_lead(tmp_path):
    stored = stored_pictures(tmp_path, [face(5), face(5), face(6)], [[0, 1]])
    made = scene(face(5), 2)
    checks = _checks(Verifier(stored), made, [0, 1, 2], {0: 0, 1: 0, 2: 2})
    assert [abs(checks[0].lead), abs(checks[1].lead)] == [0.0, 0.0]
    assert checks[2].lead is None
    stored.close()


def test_a_damaged_picture_is_an_error_not_a_bad_score(pictures, tmp_path):
    data = bytearray(pictures._data[:])
    data[-50] ^= 255
    (tmp_path / PICTURES_FILE).write_bytes(data)
    damaged = Verifier(open_pictures(tmp_path / PICTURES_FILE, len(pictures)))
    with pytest.raises(ArtifactError, match="row 13 is damaged"):
        damaged.checked(*_picture(scene(face(0), 1)), candidates(0, 13))


def _picture(made):
    return made.picture, made.corners
