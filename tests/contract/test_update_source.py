"""What every source of updates does: small files whole, large ones resumed, and exact reasons."""

import random

import pytest
from web_site import WebSite

from cardscanner.config import UpdatesConfig
from cardscanner.errors import SourceAway, UpdateRefused
from cardscanner.update.sources import open_source
from cardscanner.update.sources.web import WebSource

DATA = random.Random(3).randbytes(300_000)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "site"
    (folder / "database" / "1.0+2").mkdir(parents=True)
    (folder / "database" / "1.0+2" / "vectors.npy").write_bytes(DATA)
    (folder / "index.json").write_bytes(b"{}")
    return folder


@pytest.fixture(params=["folder", "web"])
def source(request, folder):
    if request.param == "folder":
        yield open_source(UpdatesConfig(source=str(folder)))
        return
    with WebSite(folder) as site:
        yield open_source(UpdatesConfig(source=site.address, timeout_s=5))


NAME = "database/1.0+2/vectors.npy"


def test_a_small_file_is_read_whole(source):
    assert source.read("index.json", 100) == b"{}"


def test_a_small_file_that_is_too_long_is_refused(source):
    with pytest.raises(UpdateRefused, match="longer than 1000 bytes"):
        source.read(NAME, 1000)


def test_what_is_not_there_is_said(source):
    with pytest.raises(UpdateRefused, match="does not exist") as refused:
        source.read("nothing.json", 100)
    assert refused.value.code == "not_found"


def test_a_large_file_comes_whole_and_is_counted(source, tmp_path):
    counted = []
    source.fetch(NAME, len(DATA), tmp_path / "part", counted.append)
    assert (tmp_path / "part").read_bytes() == DATA
    assert sum(counted) == len(DATA)


def test_a_large_file_goes_on_where_it_was_left(source, tmp_path):
    (tmp_path / "part").write_bytes(DATA[:200_000])
    counted = []
    source.fetch(NAME, len(DATA), tmp_path / "part", counted.append)
    assert (tmp_path / "part").read_bytes() == DATA
    assert sum(counted) == 100_000


@pytest.mark.parametrize("size", [len(DATA) - 1, len(DATA) + 1])
def test_another_size_than_was_signed_is_said(source, tmp_path, size):
    with pytest.raises(
        UpdateRefused, match=f"has {len(DATA)} bytes, the signed release says {size}"
    ) as refused:
        source.fetch(NAME, size, tmp_path / "part", lambda _: None)
    assert refused.value.code == "truncated"


def test_a_connection_that_is_cut_again_and_again_is_taken_up_again(folder, tmp_path):
    with WebSite(folder) as site:
        site.cut_after = 40_000
        WebSource(site.address, 5, 0.01).fetch(NAME, len(DATA), tmp_path / "part", lambda _: None)
    assert (tmp_path / "part").read_bytes() == DATA
    assert site.sent == len(DATA)  # not a byte twice
    assert [wanted for _, wanted in site.requests[:3]] == [None, "bytes=40000-", "bytes=80000-"]


def test_a_server_without_ranges_begins_again(folder, tmp_path):
    (tmp_path / "part").write_bytes(b"x" * 1000)
    with WebSite(folder, ranges=False) as site:
        WebSource(site.address, 5, 0.01).fetch(NAME, len(DATA), tmp_path / "part", lambda _: None)
    assert (tmp_path / "part").read_bytes() == DATA


def test_a_server_that_sends_nothing_is_given_up_and_what_came_stays(folder, tmp_path):
    (tmp_path / "part").write_bytes(DATA[:1000])
    with WebSite(folder) as site:
        site.cut_after = 0
        with pytest.raises(SourceAway, match="ended early"):
            WebSource(site.address, 5, 0.001).fetch(NAME, len(DATA), tmp_path / "part", lambda _: None)
    assert (tmp_path / "part").read_bytes() == DATA[:1000]


def test_nobody_there_is_no_verdict():
    with pytest.raises(SourceAway, match="cannot be reached"):
        WebSource("http://127.0.0.1:9/updates", 2, 0.001).read("index.json", 10)


@pytest.mark.parametrize("target", ["ftp://127.0.0.1/x", "file:///etc/passwd"])
def test_a_redirection_to_something_else_is_not_followed(folder, target):
    with WebSite(folder) as site:
        site.redirect_to = target
        with pytest.raises(SourceAway):
            WebSource(site.address, 2, 0.001).read("index.json", 10_000)
