"""Databases with small pictures, without them, and with damaged ones."""

import io
import json
import shutil
from contextlib import closing

import numpy as np
import pytest
from drawn_cards import draw_card, write_cards
from projecting import ProjectingEmbedder
from reference_databases import build_quietly, small_database

from cardscanner.errors import ArtifactError
from cardscanner.manifest import load_database_manifest, seal_of
from cardscanner.match.captures import CAPTURE, simulate_scene
from cardscanner.match.database import open_database
from cardscanner.match.inspection import verify
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
    build_quietly(source, folder / "db", pictures=True, progress=Progress(said))
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
