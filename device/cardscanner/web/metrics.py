"""``/metrics`` in Prometheus' text format, made when it is asked for; nothing is counted twice.

Names follow Prometheus' naming guide: a prefix, base units, ``_total`` for counters, and no label that grows
with what is scanned.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import accumulate
from pathlib import Path

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from cardscanner.publish.status import complete_state
from cardscanner.soc import soc_temperature_c
from cardscanner.stage_times import BOUNDS_S
from cardscanner.web.room import WebRoom

_THROTTLING = {
    "under_voltage": 0,
    "frequency_capped": 1,
    "throttled": 2,
    "soft_temperature_limit": 3,
}
"""Bits of the Pi firmware's ``get_throttled``; what was so since the start is 16 bits further."""


def exposition(room: WebRoom) -> tuple[bytes, str]:
    """Return all metrics as text, and its media type."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Box(room))
    ProcessCollector(registry=registry)
    return generate_latest(registry), CONTENT_TYPE_LATEST


class _Box(Collector):
    def __init__(self, room: WebRoom) -> None:
        self._room = room

    def collect(self) -> Iterable[Metric]:
        yield _build_info(self._room)
        yield from _scanning(self._room)
        yield from _parts(self._room)
        yield from _way_out(self._room)
        yield from _machine(self._room)


def _build_info(room: WebRoom) -> Metric:
    info = room.facts.info()
    labels = {
        "version": info.daemon,
        "model": f"{info.model.name}-{info.model.version}",
        "db": f"{info.db.name}-{info.db.version}",
    }
    return InfoMetricFamily("cardscanner_build", "Versions in use.", labels)


def _scanning(room: WebRoom) -> Iterator[Metric]:
    scans = CounterMetricFamily("cardscanner_scans", "Decided cards.", labels=["result"])
    decided = room.vitals.scans
    for result in ("match", "ambiguous", "no_match"):
        scans.add_metric([result], decided.get(result, 0))
    yield scans
    stages = HistogramMetricFamily(
        "cardscanner_stage_duration_seconds", "Time a frame spends in a stage.", labels=["stage"]
    )
    for stage, each in sorted(room.vitals.stages.histograms().items()):
        ends = [*(f"{bound:g}" for bound in BOUNDS_S), "+Inf"]
        stages.add_metric([stage], list(zip(ends, accumulate(each.counts), strict=True)), each.sum_s)
    yield stages
    yield _gauge("cardscanner_scanning", "1 while frames are scanned.", room.facts.state().scanning)
    stored = room.history.stored_bytes
    yield _gauge("cardscanner_history_bytes", "Size of the history on the disk.", stored)


def _parts(room: WebRoom) -> Iterator[Metric]:
    camera, vitals = room.camera.report(), room.vitals
    yield _counter("cardscanner_camera_frames", "Frames that came from the camera.", camera.frames)
    yield _counter("cardscanner_camera_losses", "How often the camera was lost.", camera.losses)
    yield _gauge("cardscanner_camera_up", "1 while frames come.", camera.state == "ok")
    skipped = CounterMetricFamily(
        "cardscanner_frames_skipped", "Frames that were not scanned.", labels=["cause"]
    )
    skipped.add_metric(["newer_frame"], room.control.slot.lost)
    skipped.add_metric(["no_answer"], vitals.frames_skipped)
    yield skipped
    condition, warm_c = vitals.npu
    yield _counter("cardscanner_npu_restarts", "Restarts of the accelerator.", vitals.npu_restarts)
    yield _gauge("cardscanner_npu_up", "1 while the accelerator answers.", condition == "ok")
    if warm_c is not None:
        yield _gauge("cardscanner_npu_temperature_celsius", "Temperature of the accelerator.", warm_c)
    trouble = GaugeMetricFamily("cardscanner_trouble", "1 for each trouble there is now.", labels=["reason"])
    for reason in complete_state(room.facts, room.control.way_out()).reasons:
        trouble.add_metric([reason], 1)
    yield trouble


def _way_out(room: WebRoom) -> Iterator[Metric]:
    status, backlog = room.control.way_out(), room.control.outbox.backlog()
    yield _gauge("cardscanner_outbox_messages", "Messages that wait.", backlog.depth)
    yield _gauge("cardscanner_outbox_bytes", "Size of what waits.", backlog.payload_bytes)
    yield _gauge(
        "cardscanner_outbox_oldest_age_seconds", "Age of what waits longest.", backlog.oldest_age_s or 0
    )
    yield _gauge("cardscanner_mqtt_connected", "1 while the broker is connected.", status.connected)
    answers = CounterMetricFamily(
        "cardscanner_mqtt_publish", "Messages by the broker's reason code.", labels=["reason"]
    )
    for reason, count in sorted(status.answers.items()):
        answers.add_metric([str(reason)], count)
    yield answers


def _machine(room: WebRoom) -> Iterator[Metric]:
    state = room.facts.state()
    yield _gauge("cardscanner_disk_free_bytes", "Free space beside the outbox.", state.disk.free_bytes)
    yield _gauge("cardscanner_clock_synced", "1 when the clock was set from the network.", state.clock.synced)
    warm_c = soc_temperature_c()
    if warm_c is not None:
        yield _gauge("cardscanner_soc_temperature_celsius", "Temperature of the processor.", warm_c)
    throttling = GaugeMetricFamily(
        "cardscanner_throttling", "1 while the firmware holds the processor back.", labels=["cause"]
    )
    ever = GaugeMetricFamily("cardscanner_throttling_since_boot", "1 if it ever did.", labels=["cause"])
    for cause, bit in _THROTTLING.items():
        throttling.add_metric([cause], state.power.throttled >> bit & 1)
        ever.add_metric([cause], state.power.throttled >> (bit + 16) & 1)
    yield throttling
    yield ever
    yield _gauge("cardscanner_uptime_seconds", "Seconds since the start of this run.", state.uptime_s)
    yield _gauge("cardscanner_children_resident_memory_bytes", "Memory of camera and accelerator processes.",
                 _children_rss_bytes())  # fmt: skip


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, float(value))


def _counter(name: str, words: str, value: float) -> Metric:
    return CounterMetricFamily(name, words, value)


def _children_rss_bytes() -> int:
    """Return the resident memory of our child processes; 0 where /proc does not tell."""
    page = os.sysconf("SC_PAGE_SIZE")
    total = 0
    for listing in Path("/proc/self/task").glob("*/children"):
        try:
            for pid in listing.read_text(encoding="ascii").split():
                total += int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * page
        except OSError:  # it has just ended
            continue
    return total
