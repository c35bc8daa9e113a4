"""One click packs a frame and what was made of it; `cardscanner scan --live` finds the same candidates."""

from __future__ import annotations

import io
import json
import threading
import time
import zipfile

import cv2
import numpy as np
import pytest
from pages import serving_page

from cardscanner.capture import open_source
from cardscanner.cli import main
from cardscanner.config import ReplayConfig
from cardscanner.configfile import load_config
from cardscanner.errors import CommandRefused, EmbedderFailed
from cardscanner.probe import Probe
from cardscanner.records import Frame
from cardscanner.scan_loop import ScanLoop
from cardscanner.shipped import shipped_database, shipped_folder, shipped_model
from cardscanner.web.bug_report import open_settings
from cardscanner.web.routes_bug import collected


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with serving_page(tmp_path_factory.mktemp("page")) as found:
        yield found


@pytest.fixture(scope="module")
def filmed():
    """A frame of the demo's film with a card in it."""
    film = ReplayConfig(backend="replay", path=shipped_folder("demo") / "film.mp4", paced=False)
    source = open_source(film)
    try:
        for _ in range(60):
            frame = source.read(5)
    finally:
        source.close()
    return Frame(frame.pixels, 60, time.monotonic_ns(), "top")


@pytest.fixture
def scanning(page):
    """The real scan thread beside the page."""
    stopping = threading.Event()
    room = page.room.control
    loop = ScanLoop(
        room.config, room.slot, room.outbox, room.vitals, page.bench.history, page.live, page.probe
    )
    thread = threading.Thread(target=loop, args=(stopping,))
    thread.start()
    assert room.vitals.ready.wait(30)
    yield
    stopping.set()
    thread.join(10)
    assert not thread.is_alive()


def unpacked(data):
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        assert file.testzip() is None
        return {name: file.read(name) for name in file.namelist()}


def test_the_zip_has_all_that_was_made_of_the_frame_and_scan_finds_it_again(
    page, scanning, filmed, tmp_path, capsys
):
    page.room.control.slot.put(filmed)
    with page.client("ada") as ada:
        answer = ada.post("/api/bug", json={})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    files = unpacked(answer.content)
    found = json.loads(files["candidates.json"])
    assert len(found["cards"]) >= 1
    pixels = cv2.imdecode(np.frombuffer(files["frame.png"], np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]
    assert (pixels == filmed.pixels).all()
    first = found["cards"][0]
    vector = np.load(io.BytesIO(files[first["embedding"]]), allow_pickle=False)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-3)
    assert cv2.imdecode(np.frombuffer(files[first["crop"]], np.uint8), cv2.IMREAD_COLOR).ndim == 3

    versions = json.loads(files["versions.json"])
    assert versions["model"]["name"]
    assert versions["database"]["version"]
    assert versions["libraries"]["numpy"] == np.__version__
    assert json.loads(files["state.json"])["parts"]
    assert json.loads(files["settings.json"])["decide"]["min_frames"] == 2

    picture = tmp_path / "frame.png"
    picture.write_bytes(files["frame.png"])
    model, database = str(shipped_model()), str(shipped_database())
    assert main(["scan", str(picture), "--live", "--json", "--model", model, "--db", database]) == 0
    again = json.loads(capsys.readouterr().out)["cards"]
    assert len(again) == len(found["cards"])
    for before, after in zip(found["cards"], again, strict=True):
        assert before["decision"] == after["decision"]
        assert [each["card_id"] for each in before["candidates"]] == [
            each["card_id"] for each in after["candidates"]
        ]
        assert before["score"] == pytest.approx(after["score"], abs=1e-3)


def test_when_scanning_does_not_answer_the_zip_says_so_and_has_the_rest(page, filmed):
    page.room.control.slot.put(filmed)
    page.room.log(None, "info", {"event": "something happened", "level": "info"})
    files = unpacked(collected(page.room, patience_s=0.05).zipped())
    assert "did not answer within 0.05 s" in json.loads(files["candidates.json"])["missing"]
    assert set(files) == {
        "candidates.json", "frame.png", "versions.json", "state.json", "settings.json", "log.jsonl",
    }  # fmt: skip
    assert "something happened" in files["log.jsonl"].decode()


def test_secrets_do_not_get_into_the_zip(tmp_path):
    path = tmp_path / "cardscanner.yaml"
    path.write_text(
        "camera: {backend: opencv, device: 'rtsp://joe:geheim@camera/1'}\n"
        "embedder: {backend: onnx, model: model}\n"
        "index: {database: db}\n"
        "publish: {backend: mqtt, host: broker, username: scanner, password_file: pass.txt}\n"
    )
    text = json.dumps(open_settings(load_config(path)))
    for secret in ("geheim", "joe", 'scanner"', "pass.txt"):
        assert secret not in text
    assert '"host": "broker"' in text


def test_a_question_that_fails_raises_what_failed_and_costs_the_scan_thread_nothing_else():
    probe = Probe()
    answers = []

    def ask():
        try:
            probe.ask(5)
        except (EmbedderFailed, CommandRefused) as error:
            answers.append(str(error))

    def broken():
        raise EmbedderFailed("the chip said no")

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    end_s = time.monotonic() + 5
    while len(probe._waiting) < 3:
        assert time.monotonic() < end_s
        time.sleep(0.01)
    probe.answer(broken)
    for thread in threads:
        thread.join(5)
    assert answers == ["the chip said no"] * 3


def test_a_question_that_nobody_answered_is_forgotten():
    probe = Probe()
    with pytest.raises(CommandRefused, match="did not answer"):
        probe.ask(0.01)
    probe.answer(lambda: pytest.fail("nobody waits"))


def test_without_a_frame_there_is_nothing_to_look_at(page, scanning):
    page.room.control.slot._newest = None
    with pytest.raises(CommandRefused, match="no frame has come"):
        page.probe.ask(5)
