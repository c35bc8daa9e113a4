"""The scan thread: frames in, committed cards out; nothing is lost when the disk or the chip refuses."""

from __future__ import annotations

import io
import json
import shutil
import threading
import time
from contextlib import closing
from dataclasses import replace

import cv2
import numpy as np
import pytest
from fake_chips import ABSENT, ChipSteering
from fake_hefs import hailo_thumbnail_model
from hailo_platform.world import HANG
from qdrant_server import serving
from reference_databases import small_database
from scans import FACTS, scan_event
from small_scanner import card_face, photo, small_scanner, table
from structlog.testing import capture_logs

from cardscanner.config import OnnxConfig, OutboxConfig, QdrantConfig
from cardscanner.configfile import load_config
from cardscanner.embed import load_embedder
from cardscanner.errors import ArtifactError, OutboxFault, OutboxFull
from cardscanner.mailbox import LatestSlot
from cardscanner.manifest import load_database_manifest, load_model_manifest
from cardscanner.match.change import add_cards, add_source, remove_cards
from cardscanner.match.merge import merge_database
from cardscanner.match.progress import Progress
from cardscanner.match.push import push_database
from cardscanner.publish import Outbox
from cardscanner.records import Frame
from cardscanner.scan_loop import MAX_WAITING, ScanLoop, Storekeeper
from cardscanner.vitals import Vitals


class ScriptedOutbox:
    """Refuses as long as it is told to; otherwise a real outbox."""

    def __init__(self, real: Outbox) -> None:
        self.real = real
        self.refusal: OutboxFault | None = None

    def put(self, *arguments, **options):
        if self.refusal:
            raise self.refusal
        return self.real.put(*arguments, **options)


@pytest.fixture
def outbox(tmp_path):
    with closing(Outbox.open(OutboxConfig(path=tmp_path / "outbox.db"))) as real:
        yield ScriptedOutbox(real)


@pytest.mark.parametrize(
    ("refusal", "reason"), [(OutboxFull("cap reached"), "outbox_full"), (OutboxFault("disk full"), "disk")]
)
def test_cards_wait_while_the_outbox_refuses_and_are_stored_in_order_afterwards(outbox, refusal, reason):
    vitals = Vitals()
    store = Storekeeper(outbox, vitals)
    outbox.refusal = refusal
    for number in range(5):
        store.add(scan_event(number), FACTS)
    assert vitals.reasons == (reason,)
    assert outbox.real.depth == 0
    outbox.refusal = None
    assert store.keep_up()
    assert vitals.reasons == ()
    assert outbox.real.depth == 5
    assert sum(vitals.scans.values()) == 5
    waiting = outbox.real.pending(0, 10)
    assert [each.seq for each in waiting] == [1, 2, 3, 4, 5]


def test_deciding_pauses_when_too_many_cards_wait(outbox):
    store = Storekeeper(outbox, Vitals())
    outbox.refusal = OutboxFault("disk full")
    for number in range(MAX_WAITING - 1):
        store.add(scan_event(number), FACTS)
        assert store.keep_up()
    store.add(scan_event(MAX_WAITING), FACTS)
    assert not store.keep_up()


@pytest.fixture(scope="module")
def scanner(tmp_path_factory):
    return small_scanner(tmp_path_factory.mktemp("small"), shown=())


class Running:
    """A scan loop in a thread, fed by hand."""

    def __init__(self, scanner, outbox, paced=True, **sections) -> None:
        camera = {"backend": "replay", "path": "frames", "paced": paced}
        self.config = load_config(scanner.config(camera=camera, **sections))
        self.slot: LatestSlot[Frame] = LatestSlot()
        self.vitals = Vitals()
        self.stopping = threading.Event()
        self.error: Exception | None = None
        self.seq = 0
        self.loop = ScanLoop(self.config, self.slot, outbox, self.vitals)
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            self.loop(self.stopping)
        except Exception as error:
            self.error = error

    def __enter__(self):
        self.thread.start()
        assert self.vitals.ready.wait(20)
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join(10)
        assert not self.thread.is_alive()

    def give(self, pixels, age_s=0.0) -> None:
        self.seq += 1
        self.slot.put(Frame(pixels, self.seq, time.monotonic_ns() - round(age_s * 1e9), "test"))
        self.slot.wait_empty(5)
        time.sleep(0.01)


def wait_until(true, timeout_s=10.0) -> None:
    end = time.monotonic() + timeout_s
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    assert true()


def test_a_card_in_view_becomes_one_committed_row(scanner, outbox):
    with Running(scanner, outbox) as running:
        for seed in range(6):
            running.give(photo(5, seed))
        wait_until(lambda: outbox.real.depth == 1)
    assert running.error is None
    assert running.vitals.scans == {"match": 1}


def test_a_stale_frame_is_not_scanned(scanner, outbox):
    with Running(scanner, outbox) as running:
        for seed in range(6):
            running.give(photo(5, seed), age_s=30)
    assert outbox.real.depth == 0


def test_a_recording_that_waits_for_its_scan_has_no_stale_frames(scanner, outbox):
    with Running(scanner, outbox, paced=False) as running:
        for seed in range(6):
            running.give(photo(5, seed), age_s=30)
        wait_until(lambda: outbox.real.depth == 1)


@pytest.mark.parametrize("refusal", [OutboxFull("cap reached"), OutboxFault("disk full")])
def test_cards_that_were_never_stored_are_named_at_the_end(scanner, outbox, refusal):
    outbox.refusal = refusal
    with capture_logs() as logs, Running(scanner, outbox) as running:
        for seed in range(6):
            running.give(photo(5, seed))
        wait_until(lambda: running.vitals.reasons != ())
    (lost,) = [each for each in logs if each["event"].startswith("decided cards are lost")]
    assert lost["cards"] == ["card-005"]
    assert outbox.real.depth == 0


@pytest.fixture(scope="module")
def hailo_scanner(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hailo")
    return small_scanner(folder, 6, (), make_model=lambda path: hailo_thumbnail_model(path, 16, 224))


@pytest.fixture
def chip(tmp_path, monkeypatch):
    steering = ChipSteering(tmp_path)
    for key, value in steering.environment.items():
        monkeypatch.setenv(key, value)
    return steering


HAILO = {"backend": "hailo", "model": "model", "timeout_ms": 500}


@pytest.mark.parametrize(("status", "condition"), [(HANG, "hung"), (8, "ok")])
def test_a_failed_embedding_is_no_event_and_above_all_no_no_match(
    hailo_scanner, outbox, chip, status, condition
):
    with Running(
        hailo_scanner, outbox, embedder=HAILO, decide={"report_no_match": True, "min_frames": 2}
    ) as running:
        chip.set(once=status)
        running.give(photo(5, 0))
        wait_until(lambda: running.vitals.reasons == ("npu",))
        assert running.vitals.npu[0] == condition
        assert outbox.real.depth == 0
        while outbox.real.depth == 0 and running.seq < 500:
            running.give(photo(5, running.seq))
            time.sleep(0.05)
        wait_until(lambda: outbox.real.depth == 1)
        assert running.vitals.reasons == ()
        assert running.vitals.npu[0] == "ok"
        assert running.vitals.frames_skipped >= 1
        assert running.vitals.npu_restarts == (condition == "hung")
    assert running.vitals.scans == {"match": 1}


def test_a_search_that_is_not_answered_is_no_event_and_above_all_no_no_match(scanner, outbox):
    with serving() as server:
        place = {"url": server.url, "timeout_s": 1}
        push_database(scanner.database, QdrantConfig(**place), Progress(io.StringIO()))
        index = {"backend": "qdrant", "database": "db", "qdrant": place}
        with Running(
            scanner, outbox, index=index, decide={"report_no_match": True, "min_frames": 2}
        ) as running:
            server.fail_with = 503
            for seed in range(2):
                running.give(photo(5, seed))
            wait_until(lambda: running.vitals.reasons == ("index",))
            assert outbox.real.depth == 0
            server.fail_with = None
            for seed in range(2, 8):
                running.give(photo(5, seed))
            wait_until(lambda: outbox.real.depth == 1)
            assert running.vitals.reasons == ()
    assert running.vitals.scans == {"match": 1}


def test_a_chip_that_goes_for_good_is_a_state_and_frames_are_skipped(hailo_scanner, outbox, chip):
    with Running(hailo_scanner, outbox, embedder=HAILO, decide={"report_no_match": True}) as running:
        assert (running.vitals.npu[0], running.vitals.reasons) == ("ok", ())
        chip.set(every_job=HANG, **ABSENT)
        running.give(photo(5))
        wait_until(lambda: running.vitals.reasons == ("npu_absent",))
        assert running.vitals.npu[0] == "absent"
        assert "lspci" in running.vitals.explanations["npu_absent"]
        before = running.vitals.frames_skipped
        for seed in range(5):
            running.give(photo(5, seed))
        assert running.vitals.frames_skipped >= before + 3
        assert running.thread.is_alive()
    assert running.error is None
    assert outbox.real.depth == 0


def test_a_network_for_another_chip_ends_the_thread(hailo_scanner, outbox, chip):
    chip.set(chips={"0001:01:00.0": "HAILO15H"})
    running = Running(hailo_scanner, outbox, embedder=HAILO)
    running.thread.start()
    running.thread.join(30)
    running.stopping.set()
    assert isinstance(running.error, ArtifactError)


def test_the_temperature_of_the_chip_is_known(hailo_scanner, outbox, chip):
    with Running(hailo_scanner, outbox, embedder=HAILO) as running:
        wait_until(lambda: running.vitals.npu[1] is not None)


def test_an_empty_table_is_nothing(scanner, outbox):
    with Running(scanner, outbox, decide={"report_no_match": True}) as running:
        for seed in range(10):
            running.give(table(seed))
    assert outbox.real.depth == 0


def test_a_flat_picture_is_scanned_without_a_fault(scanner, outbox):
    with Running(scanner, outbox) as running:
        running.give(np.zeros((480, 640, 3), np.uint8))
        running.give(np.full((480, 640, 3), 255, np.uint8))
    assert running.error is None


def test_events_are_replaced_by_nothing_else(outbox):
    event = scan_event(1)
    store = Storekeeper(outbox, Vitals())
    store.add(replace(event, frames=7), FACTS)
    (row,) = outbox.real.pending(0, 5)
    assert b'"frames":7' in row.payload


@pytest.fixture
def own_scanner(tmp_path):
    """A scanner whose database may be changed."""
    return small_scanner(tmp_path / "own", shown=())


def add_to(scanner, folder, *numbers):
    folder.mkdir()
    for number in numbers:
        cv2.imwrite(str(folder / f"card-{number:03d}.png"), card_face(number)[:, :, ::-1])
    with closing(load_embedder(OnnxConfig(backend="onnx", model=scanner.model))) as embedder:
        model = load_model_manifest(scanner.model)
        references = add_source(scanner.database, folder)
        return add_cards(scanner.database, references, embedder, model, progress=Progress(io.StringIO()))


def payloads(outbox):
    return [json.loads(row.payload) for row in outbox.real.pending(0, 100)]


def test_a_change_is_taken_up_between_two_frames_and_a_card_that_lies_there_is_no_new_one(
    own_scanner, outbox, tmp_path
):
    with Running(own_scanner, outbox) as running:
        for seed in range(4):
            running.give(photo(5, seed))
        wait_until(lambda: outbox.real.depth == 1)
        for changing in (
            lambda: add_to(own_scanner, tmp_path / "new", 20),
            lambda: remove_cards(own_scanner.database, ["card-000"]),
            lambda: merge_database(own_scanner.database, Progress(io.StringIO())),
        ):
            before = running.vitals.database
            changing()
            while running.vitals.database == before:
                running.give(photo(5, running.seq))
            for _ in range(4):
                running.give(photo(5, running.seq))
            assert outbox.real.depth == 1, "the same presentation of the same card"
        for seed in range(60):
            running.give(table(seed))
            time.sleep(0.005)
        for seed in range(6):
            running.give(photo(20, seed))
        wait_until(lambda: outbox.real.depth == 2)
    assert running.error is None
    first, second = payloads(outbox)
    assert (first["card"]["card_id"], second["card"]["card_id"]) == ("card-005", "card-020")
    manifest = load_database_manifest(own_scanner.database)
    assert second["db"] == {"version": manifest.version, "sha256": manifest.sha256}
    assert first["db"]["version"] != second["db"]["version"]


def test_a_new_version_that_cannot_be_used_is_told_once_and_the_old_one_stays(own_scanner, outbox, tmp_path):
    whole = shutil.copytree(own_scanner.database, tmp_path / "whole")
    with capture_logs() as logs, Running(own_scanner, outbox) as running:
        add_to(own_scanner, tmp_path / "new", 20)
        (own_scanner.database / "delta-1.npy").write_bytes(b"damaged")
        wait_until(lambda: any("cannot be used" in each["event"] for each in logs))
        (own_scanner.database / "manifest.json").touch()
        time.sleep(2.5)
        for seed in range(6):
            running.give(photo(5, seed))
        wait_until(lambda: outbox.real.depth == 1)
        assert running.vitals.database == load_database_manifest(whole)
    assert running.error is None
    (told,) = [each for each in logs if "cannot be used" in each["event"]]
    assert "delta-1.npy" in told["error"]


def test_a_database_of_another_model_is_not_taken_up(own_scanner, outbox, tmp_path):
    other = small_database(tmp_path, 6, 64)
    with capture_logs() as logs, Running(own_scanner, outbox) as running:
        for name in ("vectors.npy", "index.ann", "cards.sqlite", "manifest.json"):
            (other / name).replace(own_scanner.database / name)
        wait_until(lambda: any("cannot be used" in each["event"] for each in logs))
        for seed in range(6):
            running.give(photo(5, seed))
        wait_until(lambda: outbox.real.depth == 1)
    assert "holds vectors of projecting-64" in next(each["error"] for each in logs if "error" in each)
