"""What is newer, and the file that tells the daemon."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardscanner.updates import Index, Installed, Report, compare, is_newer, load_report, save_report


def index(*versions, name="pokemon", kind="database"):
    return Index(format=1, releases=[{"kind": kind, "name": name, "version": each} for each in versions])


@pytest.mark.parametrize(
    ("installed", "known", "latest", "newer"),
    [
        ("1.0.0", ("1.0.0",), "1.0.0", False),
        ("1.2.0", ("1.10.0", "1.9.9"), "1.10.0", True),
        ("2.0", ("1.9",), "1.9", False),
        ("1.0", ("1",), "1", False),
        ("2026.11.22", ("2026.11.23",), "2026.11.23", True),
        ("mine", ("0.1",), "0.1", True),
        ("1.0-rc1", ("1.0",), "1.0", True),
    ],
)
def test_versions_are_compared_number_by_number(installed, known, latest, newer):
    news = compare(Installed("database", "pokemon", installed), index(*known))
    assert (news.latest, news.newer) == (latest, newer)


def test_what_the_index_does_not_know_is_not_called_the_newest():
    for other in (index("9", name="magic"), index("9", kind="model"), index()):
        news = compare(Installed("database", "pokemon", "1.0"), other)
        assert (news.latest, news.newer) == (None, False)


VERSIONS = st.lists(st.integers(0, 30), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))


@given(VERSIONS, VERSIONS)
def test_of_two_versions_at_most_one_is_newer(one, other):
    assert not (is_newer(one, other) and is_newer(other, one))
    assert not is_newer(one, one)
    assert not is_newer(one, f"{one}.0")


def test_a_report_comes_back_as_it_was_saved(tmp_path):
    found = (compare(Installed("database", "pokemon", "1.0"), index("1.1")),)
    report = Report(checked=datetime(2026, 11, 23, tzinfo=UTC), source="https://example.org", found=found)
    save_report(tmp_path / "updates.json", report)
    assert load_report(tmp_path / "updates.json") == report
    assert [each.name for each in tmp_path.iterdir()] == ["updates.json"]


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"\xff", b'{"format": 2}'])
def test_a_report_that_is_not_whole_is_none(tmp_path, content):
    path = tmp_path / "updates.json"
    if content is not None:
        path.write_bytes(content)
    assert load_report(path) is None
