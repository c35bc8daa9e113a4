"""The live view's producer: a scene only while somebody watches."""

from __future__ import annotations

import threading
import time
from contextlib import closing

import pytest
from small_scanner import photo, table

from cardscanner.config import OutboxConfig
from cardscanner.configfile import load_config
from cardscanner.live import LiveView
from cardscanner.mailbox import LatestSlot
from cardscanner.probe import Probe
from cardscanner.publish import Outbox
from cardscanner.records import Frame
from cardscanner.scan_loop import ScanLoop
from cardscanner.shipped import shipped_database, shipped_model
from cardscanner.vitals import Vitals


@pytest.fixture
def scanning(tmp_path):
    """The real scan thread; yields the live view and how to show it a frame."""
    path = tmp_path / "cardscanner.yaml"
    path.write_text(
        f"camera: {{backend: opencv}}\nembedder: {{backend: onnx, model: {shipped_model()}, threads: 1}}\n"
        f"index: {{database: {shipped_database()}}}\noutbox: {{path: outbox.db}}\npublish: {{backend: stdout}}\n"
    )
    slot, vitals, live, probe = LatestSlot(), Vitals(), LiveView(), Probe()
    stopping = threading.Event()
    with closing(Outbox.open(OutboxConfig(path=tmp_path / "outbox.db"))) as outbox:
        loop = ScanLoop(load_config(path), slot, outbox, vitals, None, live, probe)
        thread = threading.Thread(target=loop, args=(stopping,))
        thread.start()
        assert vitals.ready.wait(60)

        def show(picture, seq):
            slot.put(Frame(picture, seq, time.monotonic_ns(), "top"))
            assert slot.wait_empty(10)

        try:
            yield live, probe, show
        finally:
            stopping.set()
            thread.join(20)
            assert not thread.is_alive()


def test_a_scene_is_made_only_while_somebody_watches(scanning):
    live, probe, show = scanning
    for seq in range(4):
        show(photo(3, seed=seq), seq)
    assert probe.ask(10).findings, "the frames were scanned"
    assert live.scenes.newest is None
    with live.watching() as scenes:
        show(photo(3, seed=9), 9)
        scene = scenes.take(10)
        assert scene.frame.seq == 9
        assert len(scene.outlines) == 1
        show(table(), 10)
        assert scenes.take(10).outlines == ()
    before = live.scenes.newest
    show(photo(3, seed=11), 11)
    probe.ask(10)
    assert live.scenes.newest is before


def test_two_who_watch_are_counted_and_only_the_last_ends_it():
    live = LiveView()
    with live.watching():
        with live.watching():
            assert live.watched
        assert live.watched
    assert not live.watched
