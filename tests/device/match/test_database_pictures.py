"""Databases with small pictures, without them, and with damaged ones."""

import io
import json
import shutil
from contextlib import closing

import numpy as np
import pytest
from drawn_cards import draw_card, write_card, write_cards
from projecting import ProjectingEmbedder, projecting_manifest
from reference_databases import build_quietly, small_database

from cardscanner.errors import ArtifactError
from cardscanner.manifest import load_database_manifest, seal_of
from cardscanner.match.captures import CAPTURE, MILD, simulate_scene
from cardscanner.match.change import add_cards, add_source, remove_cards
from cardscanner.match.database import open_database
from cardscanner.match.inspection import verify
from cardscanner.match.merge import merge_database
from cardscanner.match.progress import Progress
from cardscanner.records import Candidate
from cardscanner.verify.stored import PICTURES_FILE
from cardscanner.verify.verifier import Verifier

CARDS = 12


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictured")
    said = io.StringIO()
    source = write_cards(folder / "cards", CARDS)
    build_quietly(source, folder / "db", second_looks=True, progress=Progress(said))
    return folder / "db"


@pytest.fixture
def copy(built, tmp_path):
    return shutil.copytree(built, tmp_path / "db")


def test_a_build_stores_pictures_and_calibrates_second_looks(built):
    manifest = load_database_manifest(built)
    assert manifest.files[PICTURES_FILE].size <= CARDS * 8192
    rule = manifest.accept.verify
    assert rule.weight >= 0
    assert rule.threshold > 0
    assert rule.calibration["unknown_accepted"] <= 0.01
    assert rule.calibration["accepted"] > 0.5
    assert all(check.ok for check in verify(built))
    assert "pictures" in [check.subject for check in verify(built)]


def test_a_second_look_through_the_database_knows_the_right_card(built):
    with closing(open_database(built)) as database:
        verifier = Verifier(database.pictures)
        for number in range(CARDS):
            made = simulate_scene(draw_card(number), CAPTURE, np.random.default_rng(number))
            others = [(number + step) % CARDS for step in (1, 2, 3, 4)]
            prints = [Candidate(database.card_of(row), 0.9, row) for row in [*others, number]]
            scores = [each.check.score for each in verifier.checked(made.picture, made.corners, prints)]
            assert int(np.argmax(scores)) == 4


def checks(folder, picture_of, cards):
    """Second looks at good captures of some cards, by row: the score and the best other one."""
    found = {}
    with closing(open_database(folder)) as database:
        verifier = Verifier(database.pictures)
        rows = database.first_rows()
        for number, card_id in enumerate(cards):
            own = database.row_of(card_id)
            made = simulate_scene(picture_of[card_id], MILD, np.random.default_rng(number))
            others = [row for row in rows if row != own][:4]
            prints = [Candidate(database.card_of(row), 0.9, row) for row in [own, *others]]
            scores = [each.check.score for each in verifier.checked(made.picture, made.corners, prints)]
            found[card_id] = (scores[0], max(scores[1:]))
    return found


def change(folder, source, **options):
    embedder = ProjectingEmbedder(128)
    options.setdefault("progress", Progress(io.StringIO()))
    return add_cards(folder, add_source(folder, source), embedder, projecting_manifest(embedder), **options)


def test_added_replaced_and_merged_cards_are_looked_at_again_like_built_ones(copy, tmp_path):
    shown = {f"card-{number:03d}": draw_card(number) for number in (0, 3, 20, 21, 40)}
    (tmp_path / "other").mkdir()
    write_card(tmp_path / "other" / "card-003.png", 40)
    change(copy, write_cards(tmp_path / "new", 2, first=20))
    change(copy, tmp_path / "other", replacing_cards=True)
    remove_cards(copy, ["card-005", "card-020"])
    shown["card-003"] = shown.pop("card-040")
    cards = ["card-000", "card-003", "card-021"]
    before = checks(copy, shown, cards)
    assert all(own > 0.8 and own > other + 0.3 for own, other in before.values())
    assert all(check.ok for check in verify(copy))
    with closing(open_database(copy)) as database:
        assert len(database.pictures) == CARDS + 2
    merge_database(copy, Progress(io.StringIO()))
    after = checks(copy, shown, cards)
    assert all(after[each] == pytest.approx(before[each]) for each in cards)
    assert all(check.ok for check in verify(copy))
    with closing(open_database(copy)) as database:
        assert len(database.pictures) == CARDS
    assert not list(copy.glob("delta-*"))


def test_an_added_print_is_told_from_one_that_was_added_before(copy, tmp_path):
    for print_number, card_id in enumerate(("first", "second")):
        write_card(tmp_path / f"{card_id}.png", 50, print_number)
        table = tmp_path / f"{card_id}.csv"
        table.write_text(f"card_id,file,art_group\n{card_id},{card_id}.png,fifty\n", encoding="utf-8")
        change(copy, table)
    with closing(open_database(copy)) as database:
        rows = [database.row_of("first"), database.row_of("second")]
        assert database.card_of(rows[0]).artwork == database.card_of(rows[1]).artwork
        prints = [Candidate(database.card_of(row), 0.9, row) for row in rows]
        for print_number, own in enumerate(rows):
            made = simulate_scene(draw_card(50, print_number=print_number), MILD, np.random.default_rng(own))
            looked = Verifier(database.pictures).checked(made.picture, made.corners, prints)
            leads = {each.row: each.check.lead for each in looked}
            assert max(leads, key=leads.get) == own
            assert leads[own] > 0.05


def test_the_picture_of_a_row_that_was_added_without_pictures_is_no_finished_database(copy, tmp_path):
    change(copy, write_cards(tmp_path / "new", 1, first=20))
    manifest = json.loads((copy / "manifest.json").read_text())
    name = manifest["delta"].pop("pictures")
    del manifest["files"][name]
    manifest["seal"] = seal_of(manifest)
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ArtifactError, match="of the first cards only"):
        open_database(copy)


def test_a_database_without_pictures_opens_and_says_so(tmp_path):
    folder = small_database(tmp_path, cards=5)
    with closing(open_database(folder)) as database:
        assert database.pictures is None
        assert database.manifest.accept.verify is None
        assert PICTURES_FILE not in database.manifest.files
    assert "pictures" not in [check.subject for check in verify(folder)]


def test_pictures_change_nothing_about_the_vectors(built, tmp_path):
    build_quietly(built.parent / "cards", tmp_path / "plain", embedder=ProjectingEmbedder(128))
    for name in ("vectors.npy", "index.ann", "cards.sqlite"):
        assert (tmp_path / "plain" / name).read_bytes() == (built / name).read_bytes()


@pytest.mark.parametrize("place", [3, 40, 700, -1])
def test_a_flipped_byte_is_refused_before_anything_is_looked_at(copy, place):
    data = bytearray((copy / PICTURES_FILE).read_bytes())
    data[place] ^= 16
    (copy / PICTURES_FILE).write_bytes(data)
    with pytest.raises(ArtifactError, match=r"pictures\.bin"):
        open_database(copy)
    assert [each.subject for each in verify(copy) if not each.ok] == [PICTURES_FILE]


def test_a_missing_file_is_refused(copy):
    (copy / PICTURES_FILE).unlink()
    with pytest.raises(ArtifactError, match=r"pictures\.bin is missing"):
        open_database(copy)


def test_a_manifest_from_before_there_were_pictures_still_opens(tmp_path):
    folder = small_database(tmp_path, cards=5)
    document = json.loads((folder / "manifest.json").read_text())
    del document["accept"]["verify"]
    document["seal"] = seal_of(document)
    (folder / "manifest.json").write_text(json.dumps(document))
    assert load_database_manifest(folder).accept.verify is None
    open_database(folder).close()
