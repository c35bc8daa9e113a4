"""The signed documents: versions in order, paths that stay inside, and nonsense refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardscanner.errors import UpdateRefused
from cardscanner.update.release import Index, Release, is_older, order_of, read_document

FILE = {"sha256": "0" * 64, "size": 1}
GOOD = {
    "kind": "database",
    "name": "cards",
    "version": "1.0",
    "created": "2026-11-23T00:00:00Z",
    "files": {"manifest.json": FILE},
    "space": "s",
    "dim": 768,
}


def test_versions_are_numbers_not_words():
    ascending = ["0.9", "1", "1.0.1", "1.2", "1.10", "1.10+1", "1.10+2", "2026.11.1"]
    assert sorted(set(ascending), key=order_of) == ascending
    assert order_of("1.0") == order_of("1")
    assert not is_older("something", "1.0")


@given(st.lists(st.integers(0, 10**9 - 2), min_size=1, max_size=6), st.integers(0, 9))
def test_every_version_has_one_place(numbers, change):
    version = ".".join(map(str, numbers)) + (f"+{change}" if change else "")
    assert not is_older(version, version)
    assert is_older(version, f"{numbers[0] + 1}")


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "/etc/passwd",
        "a//b",
        "a/./b",
        "",
        ".hidden",
        "a\\..\\b\n",
        "a/" * 6 + "b",
        "a/../b",
        "release.json",
    ],
)
def test_a_file_outside_of_the_release_is_refused(name):
    with pytest.raises(UpdateRefused) as refused:
        read_document(json.dumps({**GOOD, "files": {name: FILE}}).encode(), Release, "release.json")
    assert refused.value.code == "bad_document"


@given(st.text(max_size=40))
def test_whatever_a_file_is_called_it_stays_inside(name):
    document = json.dumps({**GOOD, "files": {name: FILE}}).encode()
    try:
        release = read_document(document, Release, "release.json")
    except UpdateRefused:
        return
    (found,) = release.files
    assert not found.startswith(("/", "."))
    assert ".." not in found.split("/")


@pytest.mark.parametrize(
    "change",
    [{"version": "newest"}, {"dim": None}, {"space": None}, {"files": {}}, {"kind": "config"}, {"name": "a/b"},
     {"self_test": {"floor": 2, "measured": 1}}, {"self_test": {"floor": 0, "measured": 1, "probes": {"x.png": "1"}}}],
)  # fmt: skip
def test_a_release_that_makes_no_sense_is_refused(change):
    with pytest.raises(UpdateRefused):
        read_document(json.dumps({**GOOD, **change}).encode(), Release, "release.json")


def test_a_key_of_a_newer_scanner_is_passed_over():
    document = json.dumps({**GOOD, "colour": "blue"}).encode()
    assert read_document(document, Release, "release.json").title == "database cards 1.0"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*GOOD, "serial", "releases"]), inner)
    ),
    max_leaves=8,
)


@given(st.binary(max_size=100) | JSON.map(lambda value: json.dumps(value).encode()))
def test_nonsense_is_refused_and_nothing_else_happens(data):
    for kind in (Release, Index):
        with pytest.raises(UpdateRefused):
            read_document(data, kind, "x")
