"""``cardscanner db``: building with progress and resume, describing, verifying."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
from drawn_cards import write_cards
from small_scanner import card_face, lay, photo, table

from cardscanner.manifest import load_database_manifest

CARDS = 3


@pytest.fixture
def build(cardscanner, scanner, tmp_path):
    """Call ``cardscanner db build`` with the miniature model."""

    def call(source, *options, out=None, threads=1, pictures=False):
        out = out or tmp_path / "db"
        without = [] if pictures else ["--no-pictures"]  # second looks take ten seconds to calibrate
        return cardscanner(
            "db", "build", source, "--out", out, "--model", scanner.model, f"--threads={threads}",
            *without, *options,
        )  # fmt: skip

    return call


def write_table(folder, rows, header="card_id,file,name,set"):
    path = folder / "cards.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_a_folder_becomes_a_database_that_scan_can_use(build, cardscanner, scanner, save, tmp_path):
    faces = tmp_path / "faces"
    faces.mkdir()
    for number in range(6, 6 + CARDS):
        cv2.imwrite(str(faces / f"my-{number}.png"), card_face(number)[:, :, ::-1])
    said = build(faces, "--name", "mine", "--version", "7", pictures=True)
    assert said.code == 0
    assert "\nsecond look: margin + " in said.out
    assert re.match(rf"{tmp_path}/db: 3 cards of 3 artworks, 768-d, thumbnail-16\n", said.out)
    assert re.search(r"^accept rule: margin >= -?\d\.\d{4}, prints \d\.\d{4} apart$", said.out, re.MULTILINE)
    manifest = load_database_manifest(tmp_path / "db")
    assert (manifest.name, manifest.version) == ("mine", "7")
    answer = cardscanner("scan", save("a.png"), "--db", tmp_path / "db", "--model", scanner.model, "--json")
    assert answer.lines()[0]["cards"][0]["candidates"][0]["card_id"] == "my-7"


def test_a_table_replaces_a_database_and_what_cannot_be_read_is_listed(
    build, cardscanner, scanner, save, tmp_path
):
    shutil.copytree(scanner.database, tmp_path / "db")
    (tmp_path / "db" / "notes.txt").write_text("mine")
    write_cards(tmp_path / "art", CARDS)
    (tmp_path / "art" / "broken.jpg").write_text("no picture")
    rows = [f"c{number},art/card-00{number}.png,Pokémon {number},one" for number in range(CARDS)]
    table = write_table(tmp_path, [*rows, "b1,art/broken.jpg,Broken,one"])
    said = build(table, "--json")
    assert said.code == 0
    (document,) = said.lines()
    assert list(document) == ["manifest", "unreadable"]
    assert document["manifest"] == load_database_manifest(tmp_path / "db").model_dump(mode="json")
    assert document["manifest"]["cards"] == CARDS
    assert (tmp_path / "db" / "notes.txt").read_text() == "mine"
    assert [each["card_id"] for each in document["unreadable"]] == ["b1"]
    assert "art/broken.jpg: not a picture" in document["unreadable"][0]["reason"]
    answer = cardscanner(
        "scan",
        save("a.png", card_face(0)),
        "--whole",
        "--db",
        tmp_path / "db",
        "--model",
        scanner.model,
        "--json",
    )
    names = {each["name"] for card in answer.lines()[0]["cards"] for each in card["candidates"]}
    assert "Pokémon 0" in names


def test_strict_builds_nothing_when_a_picture_cannot_be_read(build, tmp_path):
    folder = write_cards(tmp_path / "art", CARDS)
    (folder / "broken.png").write_bytes(b"")
    said = build(folder, "--strict")
    assert (said.code, said.out) == (1, "")
    assert f"{folder}: only 3 of 4 pictures can be read; nothing was changed" in said.err
    assert f"  broken: {folder}/broken.png: the file is empty" in said.err
    assert not (tmp_path / "db" / "manifest.json").exists()


def empty_folder(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("")
    return tmp_path / "empty"


def table_of(rows, header="card_id,file"):
    def make(tmp_path):
        write_cards(tmp_path, 2)
        return write_table(tmp_path, rows, header)

    return make


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (empty_folder, "there are no pictures in this folder (.heic, .heif, .jpeg, .jpg, .png, .webp)"),
        (lambda tmp_path: tmp_path / "nothing", "there is no such folder or card table"),
        (table_of(["a,card-000.png"], "id,picture"), "line 1: the column card_id and file is missing; there are id, picture"),
        (table_of(["a;card-000.png"], "card_id;file"), "separate the columns with commas"),
        (table_of(["a,card-000.png", "b,card-001.png", "a,card-001.png"]), "line 4: card_id a stands already in line 2"),
        (table_of(["a,none.png"]), "line 2: there is no file"),
        (table_of([]), "the table names no cards"),
    ],
)  # fmt: skip
def test_a_source_that_cannot_be_used_is_told_and_nothing_is_made(build, tmp_path, make, says):
    said = build(make(tmp_path))
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(f"cardscanner: {tmp_path}")
    assert says in said.err
    assert not (tmp_path / "db").exists()


def test_a_build_that_fails_leaves_the_old_database_as_it_was(build, scanner, tmp_path):
    shutil.copytree(scanner.database, tmp_path / "db")
    before = {each.name: each.read_bytes() for each in (tmp_path / "db").iterdir()}
    assert build(empty_folder(tmp_path)).code == 1
    assert {each.name: each.read_bytes() for each in (tmp_path / "db").iterdir()} == before


def test_a_file_or_a_model_in_the_place_of_the_database_is_never_written_over(build, scanner, tmp_path):
    source = write_cards(tmp_path / "art", CARDS)
    (tmp_path / "file").write_text("mine")
    said = build(source, out=tmp_path / "file")
    assert (said.code, (tmp_path / "file").read_text()) == (65, "mine")
    assert "is not a folder: choose another place" in said.err
    model = shutil.copytree(scanner.model, tmp_path / "model")
    said = build(source, out=model)
    assert said.code == 65
    assert f"{model} holds a model, not a database: choose another folder" in said.err
    assert {each.name for each in model.iterdir()} == {"manifest.json", "model.onnx"}


@pytest.mark.parametrize("number", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_a_build_that_was_stopped_goes_on_where_it_was(scanner, tmp_path, number):
    """Two parts of 256 pictures: it is stopped when the first is on the disk."""
    source = tmp_path / "art"
    write_cards(source, 1)
    picture = (source / "card-000.png").read_bytes()
    for copy in range(1, 300):
        (source / f"card-{copy:03d}.png").write_bytes(picture)
    command = [
        sys.executable, "-m", "cardscanner",
        "db", "build", source, "--out", tmp_path / "db", "--model", scanner.model, "--threads", "1",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    part = tmp_path / "db" / ".build" / "part-00000.npz"
    end = time.monotonic() + 60
    while not part.exists() and time.monotonic() < end:
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert out == ""
    if number == signal.SIGINT:
        assert (process.returncode, err.splitlines()[-1]) == (130, "cardscanner: stopped")
    assert not (tmp_path / "db" / "manifest.json").exists()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    line = process.stderr.readline()
    process.kill()
    process.communicate()
    assert line == "going on after 256 of 300 references\n"


def test_info_describes_a_database(cardscanner, scanner):
    said = cardscanner("db", "info", scanner.database, "--json")
    assert (said.code, said.err) == (0, "")
    (document,) = said.lines()
    assert document == {
        "folder": str(scanner.database),
        **load_database_manifest(scanner.database).model_dump(mode="json"),
    }
    said = cardscanner("db", "info", scanner.database)
    assert said.code == 0
    shown = dict(line.split(maxsplit=1) for line in said.out.splitlines())
    assert (shown["space"], shown["cards"], shown["dim"]) == ("thumbnail-16", "14", "768")
    assert json.loads(shown["accept"]) == document["accept"]


@pytest.mark.parametrize("action", ["info", "verify"])
def test_what_is_no_database_is_told(cardscanner, tmp_path, action):
    said = cardscanner("db", action, tmp_path)
    assert said.code == 65
    assert (
        f"{tmp_path}/manifest.json is missing: {tmp_path} is not a finished database folder"
        in said.err + said.out
    )


def test_verify_finds_a_sound_database_sound(cardscanner, scanner):
    said = cardscanner("db", "verify", scanner.database, "--json")
    assert said.code == 0
    (checks,) = said.lines()
    assert {each["subject"] for each in checks} == {
        "manifest.json", "vectors.npy", "index.ann", "cards.sqlite", "vectors", "cards", "index annoy", "index int8",
    }  # fmt: skip
    assert all(list(each) == ["subject", "ok", "detail"] and each["ok"] is True for each in checks)
    shown = cardscanner("db", "verify", scanner.database)
    assert shown.code == 0
    assert all(line.startswith("ok    ") for line in shown.out.splitlines())


@pytest.mark.parametrize("name", ["manifest.json", "vectors.npy", "index.ann", "cards.sqlite"])
def test_verify_names_the_file_in_which_one_byte_is_wrong(cardscanner, scanner, tmp_path, name):
    damaged = shutil.copytree(scanner.database, tmp_path / "db")
    data = bytearray((damaged / name).read_bytes())
    data[len(data) // 2] ^= 1
    (damaged / name).write_bytes(data)
    said = cardscanner("db", "verify", damaged, "--json")
    assert said.code == 65
    wrong = [each for each in said.lines()[0] if not each["ok"]]
    assert [each["subject"] for each in wrong] == [name]
    assert str(damaged / name) in wrong[0]["detail"]
    shown = cardscanner("db", "verify", damaged)
    assert shown.code == 65
    assert re.search(rf"^FAIL  {name} +{re.escape(str(damaged / name))} ", shown.out, re.MULTILINE)
    assert "no such" not in shown.out


def test_every_wrong_file_is_named_at_once(cardscanner, scanner, tmp_path):
    damaged = shutil.copytree(scanner.database, tmp_path / "db")
    (damaged / "index.ann").write_bytes(b"")
    (damaged / "cards.sqlite").unlink()
    (checks,) = cardscanner("db", "verify", damaged, "--json").lines()
    assert {each["subject"] for each in checks if not each["ok"]} == {"cards.sqlite", "index.ann"}


@pytest.fixture
def own(scanner, tmp_path):
    """A database that may be changed."""
    return shutil.copytree(scanner.database, tmp_path / "own")


def faces(folder, *numbers):
    folder.mkdir()
    for number in numbers:
        cv2.imwrite(str(folder / f"my-{number}.png"), card_face(number)[:, :, ::-1])
    return folder


def test_cards_come_and_go_and_scan_knows_at_once(cardscanner, scanner, own, save, tmp_path):
    model = ["--model", scanner.model, "--threads", 1]

    def seen():
        said = cardscanner("scan", save("a.png", photo(20)), "--db", own, "--json", *model)
        (card,) = said.lines()[0]["cards"]
        return card["candidates"][0]["card_id"]

    assert seen() != "my-20"
    said = cardscanner("db", "add", own, faces(tmp_path / "new", 20), "--json", *model)
    assert (said.code, said.lines()[0]["added"]) == (0, ["my-20"])
    assert said.lines()[0]["manifest"]["delta"] is None, "one of 14 is more than a twentieth: merged"
    assert seen() == "my-20"
    said = cardscanner("db", "add", own, tmp_path / "new", *model)
    assert (said.code, said.out) == (1, "")
    assert "card my-20 is there already; replace it" in said.err
    said = cardscanner("db", "replace", own, tmp_path / "new", "--no-merge", *model)
    assert said.code == 0
    assert "1 rows added and 1 removed since the base was made" in said.out
    said = cardscanner("db", "remove", own, "my-20")
    assert said.out.splitlines()[0] == "removed: my-20"
    assert seen() != "my-20"
    assert cardscanner("db", "merge", own, "--json").lines()[0]["manifest"]["cards"] == 14
    assert cardscanner("db", "verify", own).code == 0
    assert cardscanner("db", "remove", own, "nobody").code == 1


def test_diff_export_and_import(cardscanner, scanner, own, tmp_path):
    assert cardscanner("db", "diff", scanner.database, own).code == 0
    assert cardscanner("db", "remove", own, "card-003", "--no-merge").code == 0
    said = cardscanner("db", "diff", scanner.database, own)
    assert said.code == 1
    assert "- card-003\n" in said.out
    assert said.out.splitlines()[-1] == "0 added, 1 removed, 0 changed"
    for suffix in ("npz", "jsonl", "parquet"):
        file = tmp_path / f"out.{suffix}"
        said = cardscanner("db", "export", own, file)
        assert (said.code, said.out) == (0, f"{file}: 13 vectors\n")
        assert cardscanner("db", "import", file, "--out", tmp_path / suffix).code == 0
        (found,) = cardscanner("db", "diff", own, tmp_path / suffix, "--json").lines()
        assert found["same"] is True
    assert cardscanner("db", "export", own, tmp_path / "out.csv").code == 1
    assert cardscanner("db", "import", tmp_path / "none.npz", "--out", tmp_path / "x").code == 1
    assert cardscanner("db", "diff", own, tmp_path).code == 65


def test_a_photo_of_ones_own_becomes_a_reference_that_is_kept_and_listed(
    cardscanner, scanner, own, save, tmp_path
):
    model = ["--model", scanner.model, "--threads", 1]
    picture = save("phone.png", photo(30))
    options = ["--as", "promo/7", "--name", "Mine", "--set", "promo", "--lang", "en"]
    said = cardscanner("db", "add", own, "--photo", picture, *options, *model)
    assert said.code == 0, said.err
    assert "added: promo/7" in said.out
    (crop,) = (own / "own").glob("promo%2F7-*.png")
    assert str(crop) in said.err
    shown = cv2.imread(str(crop))
    assert shown.shape[0] / shown.shape[1] == pytest.approx(88 / 63, rel=0.02)
    truth = cv2.resize(card_face(30)[:, :, ::-1], shown.shape[1::-1]).astype(float)
    assert abs(truth[20:-20, 20:-20] - shown[20:-20, 20:-20]).mean() < 12
    said = cardscanner("scan", save("b.png", photo(30, seed=4)), "--db", own, "--json", *model)
    (card,) = said.lines()[0]["cards"]
    assert card["candidates"][0] == {"card_id": "promo/7", "name": "Mine", "score": card["score"]}
    assert card["score"] > 0.95
    listed = [json.loads(line) for line in (own / "own" / "cards.jsonl").read_text().splitlines()]
    assert listed == [{"card_id": "promo/7", "name": "Mine", "file": crop.name, "set": "promo", "lang": "en"}]
    said = cardscanner("db", "add", own, "--photo", picture, *options, *model)
    assert said.code == 1
    assert crop.exists(), "a crop that is in use stays when it is offered again"
    assert cardscanner("db", "remove", own, "promo/7").code == 0
    assert cardscanner("db", "add", own, own / "own" / "cards.jsonl", *model).code == 0


def test_a_photo_without_a_card_or_with_several_is_told(cardscanner, scanner, own, save):
    model = ["--model", scanner.model, "--threads", 1]
    said = cardscanner("db", "add", own, "--photo", save("t.png", table()), "--as", "x", *model)
    assert said.code == 1
    assert "no card was found; lay it flat" in said.err
    view = np.full((480, 760, 3), 40, np.float32)
    lay(view, 30, False, (60, 80))
    lay(view, 31, False, (440, 80))
    two = save("two.png", view.astype(np.uint8))
    said = cardscanner("db", "add", own, "--photo", two, "--as", "x", *model)
    assert said.code == 1
    assert "2 cards were found; say which one:\n  --pick 1: from (" in said.err
    assert not list((own / "own").glob("*")) if (own / "own").exists() else True
    said = cardscanner("db", "add", own, "--photo", two, "--as", "x", "--pick", 2, *model)
    assert said.code == 0
    said = cardscanner("db", "add", own, "--photo", two, "--as", "y", "--pick", 3, *model)
    assert "there is no number 3" in said.err
    whole = save("whole.png", card_face(32)[::-1, ::-1])
    said = cardscanner("db", "add", own, "--photo", whole, "--as", "z", "--whole", "--turned", *model)
    assert said.code == 0
    (kept,) = (own / "own").glob("z-*.png")
    assert abs(cv2.imread(str(kept))[:, :, ::-1].astype(int) - cv2.resize(card_face(32), cv2.imread(str(kept)).shape[1::-1])).mean() < 3  # fmt: skip


@pytest.mark.parametrize("options", [[], ["cards", "--photo", "x.png", "--as", "x"], ["--photo", "x.png"]])
def test_a_source_or_a_photo_with_an_id_is_needed(cardscanner, own, options):
    assert cardscanner("db", "add", own, *options).code == 2
