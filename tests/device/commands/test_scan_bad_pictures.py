"""``cardscanner scan``: a picture that cannot be read is named, the others go on, and the command fails at the end."""

from __future__ import annotations

import importlib.util
import struct
import subprocess
import sys
import zlib

import pytest
from PIL import Image
from small_scanner import photo

from cardscanner.pictures import MAX_PIXELS


def truncated(path):
    Image.fromarray(photo(7)).save(path, quality=90)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])


def huge_png(path, width=12_000, height=9_000):
    """A hundred megapixels that are packed into a few hundred kilobytes."""
    packer = zlib.compressobj(1)
    row = bytes(1 + 3 * width)
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", data), (b"IEND", b"")]
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
            for name, body in chunks
        )
    )


BAD = {
    "truncated.jpg": (truncated, "the picture cannot be decoded"),
    "zero.png": (lambda path: path.write_bytes(b""), "the file is empty"),
    "text.jpg": (lambda path: path.write_text("dear diary"), "not a picture in a format that we read (JPEG, PNG, WebP"),
    "folder": (lambda path: path.mkdir(), "there are no pictures in this folder"),
    "folder.jpg": (lambda path: path.mkdir(), "there are no pictures in this folder"),
    "missing.jpg": (lambda path: None, "there is no such file"),
    "huge.png": (huge_png, f"12000 x 9000 = 108 megapixels; the limit is {MAX_PIXELS / 1e6:.0f}: scale the picture down"),
    "dangling.jpg": (lambda path: path.symlink_to("nowhere"), "there is no such file"),
    "*.png": (lambda path: None, "there is no such file"),
}  # fmt: skip


@pytest.fixture
def bad(tmp_path):
    """Every kind of picture that cannot be read, and what is said about it."""
    for name, (make, _) in BAD.items():
        make(tmp_path / name)
    return {tmp_path / name: says for name, (_, says) in BAD.items()}


def test_as_json_each_is_one_line_with_the_error_and_the_others_go_on(scan, save, bad):
    good = [save("good/first.png"), save("good/last.png")]
    said = scan(good[0], *bad, good[1], "--json")
    assert said.code == 1
    assert said.err == ""
    first, *broken, last = said.lines()
    assert [document["image"] for document in broken] == [str(path) for path in bad]
    for document, (path, says) in zip(broken, bad.items(), strict=True):
        assert list(document) == ["image", "error"]
        assert document["error"].startswith(f"{path}: ")
        assert says in document["error"]
    assert [first["cards"][0]["card_id"], last["cards"][0]["card_id"]] == ["card-007", "card-007"]


def test_a_person_is_told_on_standard_error_and_the_others_go_on(scan, save, bad):
    good = save("good/photo.png")
    said = scan(*bad, good)
    assert said.code == 1
    lines = said.err.splitlines()
    for line, (path, says) in zip(lines, bad.items(), strict=True):
        assert line.startswith(f"cardscanner: {path}: ")
        assert says in line
    assert said.out.startswith(f"{good}: 1 card\n")


@pytest.mark.skipif(importlib.util.find_spec("pillow_heif") is not None, reason="pillow-heif is installed")
def test_heic_without_its_package_names_the_package(scan, save):
    path = save("photo.png").rename(save("x.png").with_name("photo.heic"))
    said = scan(path, "--json")
    assert said.code == 1
    assert said.lines()[0]["error"] == (
        f"{path}: reading HEIC needs the package pillow-heif: pip install pillow-heif"
    )


def test_heic_is_read_where_its_package_is_installed(scan, save, tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif")
    path = tmp_path / "photo.heic"
    pillow_heif.from_pillow(Image.fromarray(photo(7))).save(path, quality=95)
    (document,) = scan(path, "--json").lines()
    assert document["cards"][0]["card_id"] == "card-007"


def test_only_bad_pictures_are_a_failure_too(scan, tmp_path):
    assert scan(tmp_path / "a.jpg", tmp_path / "b.jpg", "--json").code == 1


def scanned_alone(scanner, path):
    """Scan in a process of its own; return its answer, its exit code and the most memory it had, in MiB."""
    script = (
        "import re, sys; from pathlib import Path; from cardscanner.cli import main; code = main(sys.argv[1:]);"
        "peak = re.search(r'VmHWM:\\s+(\\d+) kB', Path('/proc/self/status').read_text())[1];"
        "print(code, int(peak) // 1024)"
    )
    options = ["--json", "--db", scanner.database, "--model", scanner.model]
    done = subprocess.run(
        [sys.executable, "-c", script, "scan", path, *options],
        capture_output=True, text=True, check=True, timeout=100,
    )  # fmt: skip
    answer, ending = done.stdout.splitlines()
    return answer, *map(int, ending.split())


def test_a_picture_of_a_hundred_megapixels_costs_no_memory(scanner, tmp_path):
    """Decoded, it would take 324 MB."""
    huge_png(tmp_path / "huge.png")
    answer, code, peak_mib = scanned_alone(scanner, tmp_path / "huge.png")
    assert "108 megapixels" in answer
    assert code == 1
    assert peak_mib < 300


@pytest.mark.slow
def test_the_largest_picture_that_is_read_fits_into_a_small_machine(scanner, tmp_path):
    huge_png(tmp_path / "large.png", 10_000, 8_000)
    answer, code, peak_mib = scanned_alone(scanner, tmp_path / "large.png")
    assert '"cards": []' in answer
    assert code == 0
    assert peak_mib < 1800
