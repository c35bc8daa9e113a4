"""What ``db info`` and ``db verify`` have to tell."""

import json

import pytest
from reference_databases import database_of, random_units

from cardscanner.errors import ArtifactError
from cardscanner.files import write_json
from cardscanner.manifest import describe_file, seal_of
from cardscanner.match.card_store import StoredCard, write_cards
from cardscanner.match.inspection import describe, verify
from cardscanner.records import Card


@pytest.fixture
def folder(tmp_path):
    return database_of(tmp_path / "db", random_units(20, 32))


def _reseal(folder, **changes):
    """Write the manifest again as a builder with a bug would: sealed, but not true."""
    document = json.loads((folder / "manifest.json").read_text()) | changes
    document["files"] = {name: describe_file(folder / name).model_dump() for name in document["files"]}
    write_json(folder / "manifest.json", document | {"seal": seal_of(document)})


def test_a_description_is_a_plain_document(folder):
    found = describe(folder)
    assert json.loads(json.dumps(found)) == found
    assert (found["rows"], found["folder"]) == (20, str(folder))


def test_describing_what_is_no_database_is_an_artifact_error(tmp_path):
    with pytest.raises(ArtifactError, match="not a finished database"):
        describe(tmp_path)


def test_everything_is_looked_at_in_a_sound_database(folder):
    checks = verify(folder)
    assert all(check.ok for check in checks)
    assert {check.subject for check in checks} == {
        "manifest.json", "vectors.npy", "index.ann", "cards.sqlite", "vectors", "cards", "index annoy", "index int8",
    }  # fmt: skip


def test_every_damaged_file_is_told_and_content_is_not_looked_at(folder):
    for name in ("vectors.npy", "cards.sqlite"):
        with (folder / name).open("r+b") as file:
            file.write(b"X")
    checks = verify(folder)
    assert [check.subject for check in checks if not check.ok] == ["vectors.npy", "cards.sqlite"]
    assert len(checks) == 4


def test_a_manifest_with_other_counts_than_the_card_table_is_told(folder):
    _reseal(folder, artworks=19)
    bad = [check for check in verify(folder) if not check.ok]
    assert [check.subject for check in bad] == ["cards"]
    assert "20 artworks, the manifest says 20 of 19" in bad[0].detail


def test_cards_behind_the_last_vector_are_told(folder):
    (folder / "cards.sqlite").unlink()
    cards = (StoredCard(row + 1, Card(f"card-{row}", "", row), "") for row in range(20))
    write_cards(folder / "cards.sqlite", cards)
    _reseal(folder)
    assert [check.subject for check in verify(folder) if not check.ok] == ["cards"]


def test_an_index_of_other_vectors_is_told_although_its_hash_is_right(folder, tmp_path):
    other = database_of(tmp_path / "other", random_units(20, 32, seed=4))
    (other / "index.ann").replace(folder / "index.ann")
    _reseal(folder)
    assert [check.subject for check in verify(folder) if not check.ok] == ["index annoy"]


def test_a_manifest_with_another_shape_than_the_vectors_is_told(folder):
    _reseal(folder, rows=21)
    assert [check.subject for check in verify(folder) if not check.ok] == ["opening"]
