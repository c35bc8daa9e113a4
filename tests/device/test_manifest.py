"""Manifests: any damage is an ArtifactError with path and key; models and databases must share one space."""

import json
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cardscanner.errors import ArtifactError, Disagreement
from cardscanner.files import write_json
from cardscanner.manifest import (
    MANIFEST,
    AcceptRule,
    DatabaseManifest,
    FileEntry,
    ModelManifest,
    agree,
    describe_file,
    load_database_manifest,
    load_model_manifest,
    seal_of,
    sealed_document,
    verified,
)

ENTRY = {"sha256": "a" * 64, "size": 10}
MODEL = {
    "name": "cardnet",
    "version": "0.1.0",
    "space": "cardnet-1",
    "dim": 768,
    "files": {"model.onnx": ENTRY},
    "licence": "Apache-2.0",
    "created": "2026-11-22T00:00:00Z",
}
DATABASE = {
    "name": "demo",
    "version": "1.0.0",
    "space": "cardnet-1",
    "model": "cardnet 0.1.0",
    "model_sha256": "b" * 64,
    "dim": 768,
    "rows": 20,
    "cards": 20,
    "artworks": 18,
    "dtype": "float16",
    "index": {"trees": 50, "search_k": 20000, "seed": 1},
    "accept": {"threshold": 0.3, "print_gap": 0.02},
    "files": {"vectors.npy": ENTRY, "index.ann": ENTRY, "cards.sqlite": ENTRY},
    "created": "2026-11-22T00:00:00Z",
}


def write_model(folder, **changes):
    document = {**MODEL, **changes}
    write_json(folder / MANIFEST, {**document, "seal": seal_of(document)})
    return folder


def write_database(folder, **changes):
    document = sealed_document(DatabaseManifest.model_validate(DATABASE))
    write_json(folder / MANIFEST, {**document, **changes})
    return folder


def test_a_good_model_manifest_loads(tmp_path):
    manifest = load_model_manifest(write_model(tmp_path))
    assert (manifest.name, manifest.dim, manifest.input.height) == ("cardnet", 768, 224)
    assert manifest.files["model.onnx"].size == 10


def test_a_good_database_manifest_loads_and_names_its_vectors(tmp_path):
    manifest = load_database_manifest(write_database(tmp_path))
    assert (manifest.rows, manifest.accept.first_rank, manifest.accept.last_rank) == (20, 2, 11)
    assert manifest.sha256 == "a" * 64


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"dim": "many"}, "dim"),
        ({"dim": 0}, "dim"),
        ({"dim": None}, "dim"),
        ({"format": 2}, "format"),
        ({"kind": "database"}, "kind"),
        ({"surprise": 1}, "surprise"),
        ({"input": {"height": 224, "width": 3}}, "input.width"),
        ({"input": 224}, "input"),
        ({"files": []}, "files"),
        ({"files": {"model.onnx": {"sha256": "xyz", "size": 1}}}, "files.model.onnx.sha256"),
        ({"files": {"model.onnx": {"sha256": "A" * 64, "size": 1}}}, "files.model.onnx.sha256"),
        ({"files": {"model.onnx": {"sha256": "a" * 64, "size": 0}}}, "files.model.onnx.size"),
        ({"files": {"model.onnx": {"sha256": "a" * 64}}}, "files.model.onnx.size"),
        ({"name": 5}, "name"),
    ],
)
def test_a_model_manifest_with_a_wrong_value_names_file_and_key(tmp_path, changes, key):
    with pytest.raises(ArtifactError) as caught:
        load_model_manifest(write_model(tmp_path, **changes))
    assert str(caught.value).startswith(f"{tmp_path / MANIFEST}: {key}: ")
    assert caught.value.exit_code == 65


@pytest.mark.parametrize("key", ["name", "version", "space", "files", "licence", "created"])
def test_a_model_manifest_without_a_needed_key_names_it(tmp_path, key):
    write_json(tmp_path / MANIFEST, {name: value for name, value in MODEL.items() if name != key})
    with pytest.raises(ArtifactError, match=rf"manifest\.json: {key}: Field required"):
        load_model_manifest(tmp_path)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"rows": 0}, "rows"),
        ({"dtype": "int8"}, "dtype"),
        ({"index": {"trees": 50, "seed": 1}}, "index.search_k"),
        ({"accept": {"threshold": "high", "print_gap": 0.02}}, "accept.threshold"),
        ({"accept": {"threshold": 0.3, "print_gap": -1}}, "accept.print_gap"),
        ({"accept": {"threshold": 0.3, "print_gap": 0, "first_rank": 1}}, "accept.first_rank"),
        ({"accept": {"threshold": 0.3, "print_gap": 0, "first_rank": 5, "last_rank": 4}}, "accept"),
    ],
)
def test_a_database_manifest_with_a_wrong_value_names_file_and_key(tmp_path, changes, key):
    with pytest.raises(ArtifactError) as caught:
        load_database_manifest(write_database(tmp_path, **changes))
    assert str(caught.value).startswith(f"{tmp_path / MANIFEST}: {key}: ")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_threshold_that_is_no_number_is_refused_for_it_would_accept_everything(tmp_path, number):
    write_database(tmp_path)
    text = (tmp_path / MANIFEST).read_text().replace('"threshold": 0.3', f'"threshold": {number}')
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(ArtifactError, match=r"accept\.threshold: .*finite"):
        load_database_manifest(tmp_path)


@pytest.mark.parametrize("load", [load_model_manifest, load_database_manifest])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "cannot be read"),
        (b"{", "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
        (b"[]", "the document: "),
        (b'"cardnet"', "the document: "),
        (b"null", "the document: "),
        (b'{"dim": ' + b"9" * 5000 + b"}", "cannot be read"),
        (b"[" * 100_000 + b"]" * 100_000, "cannot be read"),
    ],
    ids=["empty", "half", "not text", "list", "word", "null", "huge number", "deep"],
)
def test_what_is_no_manifest_at_all_is_refused(tmp_path, load, content, says):
    (tmp_path / MANIFEST).write_bytes(content)
    with pytest.raises(ArtifactError) as caught:
        load(tmp_path)
    assert str(caught.value).startswith(str(tmp_path / MANIFEST))
    assert says in str(caught.value)


def test_a_folder_without_a_manifest_is_not_finished(tmp_path):
    with pytest.raises(ArtifactError, match="not a finished model folder"):
        load_model_manifest(tmp_path)
    with pytest.raises(ArtifactError, match="not a finished database folder"):
        load_database_manifest(tmp_path / "none")


def test_a_folder_in_place_of_the_manifest_is_refused(tmp_path):
    (tmp_path / MANIFEST).mkdir()
    with pytest.raises(ArtifactError, match="cannot be read"):
        load_model_manifest(tmp_path)


def test_an_edited_database_manifest_breaks_its_seal(tmp_path):
    write_database(tmp_path, accept={"threshold": 0.29, "print_gap": 0.02})
    with pytest.raises(ArtifactError, match="seal"):
        load_database_manifest(tmp_path)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_flipped_bit_of_a_database_manifest_goes_unnoticed(tmp_path, data):
    whole = write_database(tmp_path)
    content = bytearray((whole / MANIFEST).read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    (tmp_path / MANIFEST).write_bytes(content)
    before = DatabaseManifest.model_validate(DATABASE).model_dump()
    try:
        loaded = load_database_manifest(tmp_path).model_dump()
    except ArtifactError as error:
        assert str(tmp_path / MANIFEST) in str(error)  # noqa: PT017 - either outcome is right
    else:  # only white space between the values may differ unnoticed
        assert {**loaded, "seal": ""} == before


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_flipped_bit_of_a_model_manifest_goes_unnoticed(tmp_path, data):
    before = sealed_document(ModelManifest.model_validate(MODEL))
    write_json(tmp_path / MANIFEST, before)
    content = bytearray((tmp_path / MANIFEST).read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    (tmp_path / MANIFEST).write_bytes(content)
    try:
        loaded = load_model_manifest(tmp_path).model_dump(mode="json")
    except ArtifactError as error:
        assert str(tmp_path / MANIFEST) in str(error)  # noqa: PT017 - either outcome is right
    else:  # only white space between the values may differ unnoticed
        assert loaded == before


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*MODEL, *DATABASE]), inner),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.dictionaries(st.sampled_from([*MODEL, *DATABASE]), JSON, max_size=3))
def test_any_value_under_any_key_is_a_manifest_or_an_artifact_error(tmp_path, changes):
    model, database = {**MODEL, **changes}, {**DATABASE, **changes}
    for document, load in (
        ({**model, "seal": seal_of(model)}, load_model_manifest),
        ({**database, "seal": seal_of(database)}, load_database_manifest),
    ):
        (tmp_path / MANIFEST).write_text(json.dumps(document))
        try:
            manifest = load(tmp_path)
        except ArtifactError as error:
            assert str(tmp_path / MANIFEST) in str(error)  # noqa: PT017 - either outcome is right
        else:
            assert manifest.dim >= 8


def test_a_verified_file_is_the_one_the_manifest_describes(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"0123456789")
    files = {"a.bin": describe_file(tmp_path / "a.bin")}
    assert verified(tmp_path, files, "a.bin") == tmp_path / "a.bin"
    with pytest.raises(ArtifactError, match=r"lists no b\.bin; it has a\.bin"):
        verified(tmp_path, files, "b.bin")
    (tmp_path / "a.bin").write_bytes(b"012345678")
    with pytest.raises(ArtifactError, match="has 9 bytes, its manifest says 10"):
        verified(tmp_path, files, "a.bin")
    (tmp_path / "a.bin").write_bytes(b"0123456788")
    with pytest.raises(ArtifactError, match="does not have the SHA-256"):
        verified(tmp_path, files, "a.bin")
    (tmp_path / "a.bin").unlink()
    with pytest.raises(ArtifactError, match="is missing"):
        verified(tmp_path, files, "a.bin")
    (tmp_path / "a.bin").mkdir()
    with pytest.raises(ArtifactError, match="is missing"):
        verified(tmp_path, files, "a.bin")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 4999), bit=st.integers(0, 7))
def test_no_flipped_bit_of_an_artifact_goes_unnoticed(tmp_path, place, bit):
    content = bytearray(number % 251 for number in range(5000))
    (tmp_path / "a.bin").write_bytes(content)
    files = {"a.bin": describe_file(tmp_path / "a.bin")}
    content[place] ^= 1 << bit
    (tmp_path / "a.bin").write_bytes(content)
    with pytest.raises(ArtifactError, match="SHA-256"):
        verified(tmp_path, files, "a.bin")


def test_an_empty_file_cannot_be_an_artifact(tmp_path):
    (tmp_path / "a.bin").touch()
    with pytest.raises(ValueError, match="size"):
        describe_file(tmp_path / "a.bin")


def test_model_and_database_of_one_space_agree():
    agree(ModelManifest.model_validate(MODEL), DatabaseManifest.model_validate(DATABASE))
    agree(
        ModelManifest.model_validate({**MODEL, "version": "0.1.1"}), DatabaseManifest.model_validate(DATABASE)
    )


@pytest.mark.parametrize("change", [{"space": "cardnet-2"}, {"dim": 512}])
def test_another_space_or_length_is_a_disagreement_that_names_both(change):
    with pytest.raises(Disagreement) as caught:
        agree(ModelManifest.model_validate({**MODEL, **change}), DatabaseManifest.model_validate(DATABASE))
    for word in (
        "demo 1.0.0",
        "cardnet-1",
        "768-d",
        "cardnet 0.1.0",
        str(next(iter(change.values()))),
        "db build",
    ):
        assert word in str(caught.value)
    assert isinstance(caught.value, ArtifactError)


def test_an_accept_rule_has_its_ranks_in_order():
    assert AcceptRule(threshold=0.3, print_gap=0.0, first_rank=3, last_rank=3).last_rank == 3
    with pytest.raises(ValueError, match="first_rank"):
        AcceptRule(threshold=0.3, print_gap=0.0, first_rank=4, last_rank=3)
    with pytest.raises(ValueError, match="finite"):
        AcceptRule(threshold=math.nan, print_gap=0.0)


def test_a_file_entry_needs_a_whole_hash():
    with pytest.raises(ValueError, match="sha256"):
        FileEntry(sha256="a" * 63, size=1)
