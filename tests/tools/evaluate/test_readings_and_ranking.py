"""Galleries are read once and resumed; queries are searched exactly, the better way up; baselines compare."""

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from cardscanner.accept import judge
from cardscanner.config import OnnxConfig
from cardscanner.embed import load_embedder
from cardscanner.errors import InputError
from cardscanner.manifest import AcceptRule
from cardscanner.records import Card, Neighbour
from cardscanner.shipped import shipped_model
from cardscanner_tools.evaluate.conditions import CLEAN_VIEW, USUAL_VIEW, captures
from cardscanner_tools.evaluate.keypoints import METHODS, KeypointGallery, hits
from cardscanner_tools.evaluate.latency import ratio_of_medians
from cardscanner_tools.evaluate.ranking import rank
from cardscanner_tools.evaluate.readers import model_reader, untrained_readers
from cardscanner_tools.evaluate.readings import PART, Crops, read_both_ways, stored_readings
from cardscanner_tools.evaluate.rendered import RenderedCards
from cardscanner_tools.evaluate.seen import difference

CARDS = RenderedCards.of(60, 4242, reprint_share=0.0)


def unit(rows: int, dim: int = 16, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((rows, dim)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_every_baseline_gives_unit_vectors_and_a_card_is_closest_to_itself():
    crops = CARDS.crops()
    batch = crops.batch(range(12), 224, 224)
    for reader in untrained_readers(224, 224):
        vectors = reader.read(batch)
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5), reader.name
        assert (vectors @ vectors.T).argmax(axis=1).tolist() == list(range(12)), reader.name
    assert {each.name for each in untrained_readers(224, 224)} >= {"pHash 64", "pHash 256", "pHash 1024"}


def test_a_flat_crop_is_no_fault():
    for reader in untrained_readers(64, 64):
        assert np.isfinite(reader.read(np.full((1, 64, 64, 3), 7, np.uint8))).all()


def test_a_gallery_is_read_part_by_part_and_goes_on_where_it_stopped(tmp_path):
    drawn = []

    def crop(number, height, width):
        drawn.append(number)
        return np.full((height, width, 3), number % 251, np.uint8)

    readers = untrained_readers(32, 32)[:2]
    crops = Crops("flat", PART + 3, crop)
    first = stored_readings(tmp_path, crops, readers, "x")
    assert sorted(drawn) == list(range(PART + 3))
    assert all(len(each) == PART + 3 for each in first.values())
    next(iter(sorted(tmp_path.glob(f"*{readers[0].key}*{PART:06d}.npy")))).unlink()
    drawn.clear()
    again = stored_readings(tmp_path, crops, readers, "x")
    assert sorted(drawn) == [PART, PART + 1, PART + 2]
    for name, vectors in first.items():
        np.testing.assert_array_equal(vectors, again[name])


def test_the_shipped_model_knows_unseen_cards_either_way_up():
    with closing(load_embedder(OnnxConfig(backend="onnx", model=shipped_model(), threads=1))) as embedder:
        reader = model_reader("model", embedder)
        gallery = reader.read(CARDS.crops().batch(range(60), reader.height, reader.width))
        views = captures([CARDS.face(number) for number in range(8)], USUAL_VIEW, 1)
        both = read_both_ways(views, [reader], "x")
    ranking = rank([both.upright["model"], both.turned["model"]], gallery)
    own = CARDS.artworks[:8]
    assert ranking.label_hits(CARDS.artworks, own, 1).all()
    swapped = rank([both.turned["model"], both.upright["model"]], gallery)
    np.testing.assert_array_equal(ranking.rows, swapped.rows)


def test_ranking_is_exact_and_takes_the_way_that_is_closer_to_some_reference():
    gallery, noise = unit(90), unit(5, seed=1)
    known = gallery[[3, 7, 11, 40, 89]]
    ranking = rank([noise, known], gallery, depth=10)
    assert ranking.rows[:, 0].tolist() == [3, 7, 11, 40, 89]
    expected = np.sort(-(known @ gallery.T), axis=1)[:, :10]
    np.testing.assert_allclose(-ranking.scores, expected, atol=1e-6)


def test_hits_count_the_first_ranks_and_cards_without_an_answer_never_hit():
    ranking = rank([unit(90)[[4, 5]]], unit(90), depth=6)
    third = int(ranking.rows[0, 2])
    assert ranking.hits([{third}, set()], 1).tolist() == [False, False]
    assert ranking.hits([{third}, set()], 3).tolist() == [True, False]


def test_margins_and_verdicts_are_the_products_own():
    gallery = unit(90)
    cards = [Card(f"c{row}", "", row // 2) for row in range(90)]
    artworks = np.array([card.artwork for card in cards])
    rule = AcceptRule(threshold=0.3, print_gap=0.01)
    ranking = rank([gallery[[0, 1]]], gallery)
    for number, verdict in enumerate(ranking.verdicts(cards, rule)):
        near = [
            Neighbour(int(r), float(s))
            for r, s in zip(ranking.rows[number], ranking.scores[number], strict=True)
        ]
        wanted = judge(near, lambda row: cards[row], rule)
        assert verdict.decision == wanted.decision
        assert ranking.margins(artworks)[number] == pytest.approx(wanted.margin)


def test_the_nearest_other_artwork_is_of_another_artwork():
    gallery = unit(40)
    artworks = np.arange(40) // 2
    other = rank([gallery[:6]], gallery, depth=40).nearest_other(artworks, artworks[:6])
    for number in range(6):
        scores = gallery @ gallery[number]
        assert other[number] == pytest.approx(scores[artworks != artworks[number]].max(), abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_local_features_know_a_clean_view_again(method):
    count = 12
    references = CARDS.crops()
    gallery = KeypointGallery(method, (references.crop(n, 224, 224) for n in range(count)), count)
    views = captures([CARDS.face(n) for n in range(4)], CLEAN_VIEW, 2)
    good, inliers = hits(gallery, (views.crop(n, 224, 224) for n in range(4)), [{0}, {1}, {2}, {3}], "x")
    assert sum(good) >= 3
    assert max(inliers) > 10
    assert gallery.answers(np.zeros((224, 224, 3), np.uint8)) == []


def test_reprints_share_artworks_and_those_with_the_same_frame_share_the_visible_print():
    cards = RenderedCards.of(400, 4242)
    for number, spec in enumerate(cards.specs):
        twin = next(n for n, each in enumerate(cards.specs) if each.art == spec.art)
        assert cards.artworks[number] == cards.artworks[twin]
        assert (cards.prints[number] == cards.prints[twin]) == (spec.frame == cards.specs[twin].frame)
    assert cards.artworks.max() + 1 < cards.prints.max() + 1 < 400


def test_rendered_views_are_refused_for_oblong_models():
    with pytest.raises(InputError, match="square"):
        captures([CARDS.face(0)], CLEAN_VIEW, 0).crop(0, 320, 224)


def test_the_difference_of_two_shares_has_newcombes_interval():
    # Newcombe 1998, table II: 56 of 70 against 48 of 80, method 10: 0.0524 to 0.3339.
    figure = difference(np.arange(70) < 56, np.arange(80) < 48)
    assert (figure.value, figure.low, figure.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=1e-4)


def test_the_latency_ratio_is_of_medians():
    ours, bare = np.full(50, 11.0), np.full(50, 10.0)
    ours[0] = 900.0
    figure = ratio_of_medians(ours, bare)
    assert figure.value == pytest.approx(1.1)
    assert figure.low <= figure.value <= figure.high


def test_part_files_carry_what_decides_them(tmp_path: Path):
    stored_readings(
        tmp_path, Crops("key", 1, lambda *_: np.zeros((8, 8, 3), np.uint8)), untrained_readers(8, 8)[:1], "x"
    )
    (name,) = [path.name for path in tmp_path.iterdir()]
    assert name == "key.pixels-8x8.000000.npy"
