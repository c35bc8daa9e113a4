"""Export and import: every bit comes back; what is wrong in a file is told, and nothing is written."""

from __future__ import annotations

import io
import json
import shutil
from contextlib import closing

import numpy as np
import pytest
from drawn_cards import write_card, write_cards
from projecting import ProjectingEmbedder, projecting_manifest
from reference_databases import build_quietly

from cardscanner.errors import ArtifactError, InputError
from cardscanner.manifest import load_database_manifest
from cardscanner.match import open_database
from cardscanner.match.assemble import Title
from cardscanner.match.change import add_cards, add_source, remove_cards
from cardscanner.match.difference import difference
from cardscanner.match.exchange import FORMATS, export_database, import_database
from cardscanner.match.inspection import verify
from cardscanner.match.merge import merge_database
from cardscanner.match.progress import Progress

DIM = 128


def quiet():
    return Progress(io.StringIO())


def made(folder, dtype="float16", *, second_looks=False):
    """A database with a reprint, a card with two views, names in another script, and a change."""
    source = write_cards(folder / "cards", 8)
    write_card(source / "a@view.png", 31)
    write_card(source / "a.png", 30)
    write_card(source / "twin.png", 3, print_number=1)
    rows = [
        *(f"card-{n:03d},card-{n:03d}.png,,Карта {n},base,{n}" for n in range(8)),
        "a,a.png,,A 'quoted' \"\"name,one,",
        "a,a@view.png,view,,,",
        "twin,twin.png,,Twin,,",
    ]
    rows = [row.replace('""', "") for row in rows]
    (source / "cards.csv").write_text("card_id,file,view,name,set,number\n" + "\n".join(rows) + "\n")
    build_quietly(source / "cards.csv", folder / "db", DIM, dtype=dtype, second_looks=second_looks)
    embedder = ProjectingEmbedder(DIM)
    references = add_source(folder / "db", write_cards(folder / "new", 2, first=50))
    add_cards(folder / "db", references, embedder, projecting_manifest(embedder), progress=quiet())
    remove_cards(folder / "db", ["card-002"])
    return folder / "db"


@pytest.fixture(scope="module", params=["float16", "float32"])
def db(request, tmp_path_factory):
    looks = request.param == "float16"
    return made(tmp_path_factory.mktemp(request.param), request.param, second_looks=looks)


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    return made(tmp_path_factory.mktemp("one"))


def looks_of(folder):
    """All that is stored for second looks, by card."""
    with closing(open_database(folder)) as database:
        if database.pictures is None:
            return None
        return {
            each.card.card_id: [database.pictures.entry(row).packed() for row in each.rows]
            for each in database.stored_cards()
        }


@pytest.mark.parametrize("suffix", FORMATS)
def test_what_was_exported_comes_back_with_the_same_vectors_and_cards(db, tmp_path, suffix):
    file = tmp_path / f"out{suffix}"
    assert export_database(db, file) == 12
    manifest = import_database(file, tmp_path / "back", progress=quiet())
    found = difference(db, tmp_path / "back")
    assert found.same, found
    assert (found.manifest, found.added, found.changed) == ({}, (), ())
    before = load_database_manifest(db)
    assert manifest.accept == before.accept
    assert looks_of(tmp_path / "back") == looks_of(db)
    assert (manifest.name, manifest.version, manifest.created) == (
        before.name,
        before.version,
        before.created,
    )
    assert all(each.ok for each in verify(tmp_path / "back"))
    with closing(open_database(db)) as a, closing(open_database(tmp_path / "back")) as b:
        ours = [(each.card.card_id, each.card.name, dict(each.card.metadata), each.image, each.more_images) for each in a.stored_cards()]  # fmt: skip
        theirs = [(each.card.card_id, each.card.name, dict(each.card.metadata), each.image, each.more_images) for each in b.stored_cards()]  # fmt: skip
    assert ours == theirs


@pytest.mark.parametrize("suffix", FORMATS)
def test_an_import_is_the_merged_database_bit_by_bit(one, tmp_path, suffix):
    merged = shutil.copytree(one, tmp_path / "merged")
    merge_database(merged, quiet())
    export_database(one, tmp_path / f"out{suffix}")
    import_database(tmp_path / f"out{suffix}", tmp_path / "back", progress=quiet())
    for name in ("vectors.npy", "index.ann", "cards.sqlite"):
        assert (tmp_path / "back" / name).read_bytes() == (merged / name).read_bytes()


def test_a_title_may_be_given(one, tmp_path):
    export_database(one, tmp_path / "out.npz")
    manifest = import_database(tmp_path / "out.npz", tmp_path / "back", Title("mine", "7"), quiet())
    assert (manifest.name, manifest.version) == ("mine", "7")


def test_an_import_replaces_what_lies_there_and_nothing_else(one, tmp_path):
    build_quietly(write_cards(tmp_path / "cards", 3), tmp_path / "db", 64)
    (tmp_path / "db" / "notes.txt").write_text("mine")
    export_database(one, tmp_path / "out.npz")
    import_database(tmp_path / "out.npz", tmp_path / "db", progress=quiet())
    assert difference(one, tmp_path / "db").same
    assert (tmp_path / "db" / "notes.txt").read_text() == "mine"
    assert not (tmp_path / "db" / ".merge").exists()
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "manifest.json").write_text('{"kind": "model"}')
    with pytest.raises(ArtifactError, match="holds a model"):
        import_database(tmp_path / "out.npz", tmp_path / "model", progress=quiet())


def spoil(**change):
    def edit(lines):
        lines[3] |= change

    return edit


def first_values(*values):
    def edit(lines):
        lines[3]["vector"][: len(values)] = values

    return edit


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (first_values(float("nan")), "line 4: the vector of card-003 is not a finite unit vector"),
        (first_values(float("inf")), "line 4: the vector of card-003 is not a finite unit vector"),
        (first_values(1e300), "line 4: the vector of card-003 is not a finite unit vector"),
        (spoil(vector=[0.0] * DIM), "line 4: the vector of card-003 is not a finite unit vector"),
        (spoil(vector=[1.0] * DIM), "line 4: the vector of card-003 is not a finite unit vector"),
        (spoil(vector=[1.0]), r"line 4: the vector of card-003 has shape \(1,\), the header says 128"),
        (spoil(vector=[[1.0] * DIM]), "has shape"),
        (spoil(vector=["x"] * DIM), "line 4: "),
        (spoil(vector=None), "line 4: "),
        (spoil(vector={"a": 1}), "line 4: "),
        (spoil(card_id=""), "line 4: card_id is empty"),
        (spoil(card_id="card-000"), "line 4: card card-000 is there twice"),
        (spoil(metadata=[1]), "line 4: metadata is no object"),
        (spoil(artwork="x"), "line 4: "),
        (lambda lines: lines[3].pop("vector"), "line 4: 'vector' is missing"),
        (lambda lines: lines.pop(), "11 rows, its header says 12: the file is not whole"),
        (lambda lines: lines.append(3), "line 14: "),
        (lambda lines: lines[0].pop("dim"), "no database that was exported by us: dim"),
        (lambda lines: lines[0].update(cardscanner_database=2), "cardscanner_database"),
        (lambda lines: lines[0].update(dtype="int8"), "dtype"),
        (lambda lines: lines[0]["accept"].update(threshold="high"), "accept.threshold"),
        (lambda lines: lines.clear(), "no database that was exported by us"),
        (lambda lines: lines.__setitem__(0, [1, 2]), "no database that was exported by us"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_file_is_told_by_its_line_and_nothing_is_made(one, tmp_path, edit, message):
    export_database(one, tmp_path / "out.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    edit(lines)
    (tmp_path / "out.jsonl").write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(InputError, match=message):
        import_database(tmp_path / "out.jsonl", tmp_path / "back", progress=quiet())
    assert not (tmp_path / "back").exists()


def test_wrong_vectors_in_an_npz_are_told_by_their_row(one, tmp_path):
    export_database(one, tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as arrays:
        whole = dict(arrays)
    whole["vectors"][5, 3] = np.nan
    whole["vectors"][7] = 0
    np.savez(tmp_path / "out.npz", **whole)
    with pytest.raises(InputError, match=r"(?s)row 5: .*not a finite unit vector.*row 7: "):
        import_database(tmp_path / "out.npz", tmp_path / "back", progress=quiet())
    np.savez(tmp_path / "out.npz", **{**whole, "vectors": whole["vectors"][:, :100]})
    with pytest.raises(InputError, match=r"has shape \(100,\)"):
        import_database(tmp_path / "out.npz", tmp_path / "back", progress=quiet())
    np.savez(tmp_path / "out.npz", **{**whole, "card_id": whole["card_id"][:3]})
    with pytest.raises(InputError, match="different lengths"):
        import_database(tmp_path / "out.npz", tmp_path / "back", progress=quiet())


@pytest.mark.parametrize("suffix", FORMATS)
def test_files_that_are_cut_short_flipped_or_something_else_are_input_errors_or_the_same_database(
    one, tmp_path, suffix
):
    file = tmp_path / f"out{suffix}"
    export_database(one, file)
    data = file.read_bytes()
    rng = np.random.default_rng(0)
    spoiled = [b"", b"text", data[: len(data) // 2], data[:-1], data[len(data) // 3 :]]
    for offset in [*range(0, 40, 4), *rng.integers(0, len(data), 30).tolist()]:
        flipped = bytearray(data)
        flipped[offset] ^= 1 << int(rng.integers(8))
        spoiled.append(bytes(flipped))
    refused = 0
    for content in spoiled:
        file.write_bytes(content)
        try:
            import_database(file, tmp_path / "back", progress=quiet())
        except InputError:
            refused += 1
            continue
        assert all(each.ok for each in verify(tmp_path / "back"))
    assert refused >= 5


def test_a_name_without_a_known_ending_is_an_input_error(one, tmp_path):
    with pytest.raises(InputError, match=r"must end in \.npz, \.jsonl, \.parquet"):
        export_database(one, tmp_path / "out.csv")
    (tmp_path / "out.csv").write_text("x")
    with pytest.raises(InputError, match="must end in"):
        import_database(tmp_path / "out.csv", tmp_path / "back", progress=quiet())
    with pytest.raises(InputError, match="there is no such file"):
        import_database(tmp_path / "none.npz", tmp_path / "back", progress=quiet())


def test_the_difference_names_what_came_went_and_changed(one, tmp_path):
    other = shutil.copytree(one, tmp_path / "db")
    assert difference(one, other).same
    embedder = ProjectingEmbedder(DIM)
    write_card(tmp_path / "x.png", 90)
    (tmp_path / "x.csv").write_text("card_id,file,name,set\ncard-004,x.png,Other,base\n")
    add_cards(
        other, add_source(other, tmp_path / "x.csv"), embedder, projecting_manifest(embedder),
        replacing_cards=True, progress=quiet(),
    )  # fmt: skip
    remove_cards(other, ["card-006"])
    references = add_source(other, write_cards(tmp_path / "more", 1, first=70))
    add_cards(other, references, embedder, projecting_manifest(embedder), progress=quiet())
    found = difference(one, other)
    assert not found.same
    assert (found.added, found.removed) == (("card-070",), ("card-006",))
    (changed,) = found.changed
    assert (changed.card_id, changed.vectors, changed.artwork) == ("card-004", True, False)
    assert changed.fields["name"] == ("Карта 4", "Other")
    assert changed.fields["number"] == ("4", "")
    assert set(found.manifest) == {"version"}
    assert json.loads(json.dumps(found.document()))["removed"] == ["card-006"]
