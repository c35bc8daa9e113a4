"""Every part in words, and every trouble with what to do about it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from scans import DaemonFacts, open_outbox

import cardscanner
from cardscanner.capture.health import CameraHealth
from cardscanner.configfile import load_config
from cardscanner.publish import PublishStatus
from cardscanner.publish.payload_state import BrokerState, ClockState, DiskState, NpuState, PowerState
from cardscanner.remedies import PARTS, REMEDIES, remedy_of
from cardscanner.web.parts import Sources, parts_of

CONFIG = """\
camera: {{backend: opencv}}
embedder: {{backend: {embedder}, model: model}}
index: {{database: db}}
publish: {{backend: mqtt, host: broker}}
"""


@pytest.fixture
def well(tmp_path):
    path = tmp_path / "cardscanner.yaml"
    path.write_text(CONFIG.format(embedder="hailo"))
    outbox = open_outbox(tmp_path)
    facts, camera = DaemonFacts(outbox), CameraHealth()
    camera.frame_came(1)
    state = facts.state().model_copy(
        update={"npu": NpuState(state="ok", temp_c=51.2), "broker": BrokerState(connected=True)}
    )
    yield Sources(load_config(path), state, facts.info(), camera.report(), {}, PublishStatus(connected=True))
    outbox.close()


def told(sources, **changes):
    state = sources.state.model_copy(update=changes)
    return {each.part: each for each in parts_of(replace(sources, state=state))}


def test_a_healthy_box_is_ok_in_every_part_and_needs_no_fix(well):
    parts = told(well)
    assert tuple(parts) == PARTS
    assert {each.condition for each in parts.values()} == {"ok"}
    assert all(each.fix is None for each in parts.values())
    assert parts["accelerator"].words == "Hailo, 51 °C"
    assert parts["broker"].words == "Connected to broker:1883"


@pytest.mark.parametrize(
    ("changes", "part", "condition", "word"),
    [
        ({"reasons": ("camera_lost",)}, "camera", "bad", "cable"),
        ({"reasons": ("camera_frozen",)}, "camera", "bad", "restarted"),
        ({"reasons": ("camera_black",)}, "camera", "bad", "lens"),
        ({"npu": NpuState(state="hung")}, "accelerator", "bad", "restarted"),
        ({"npu": NpuState(state="absent")}, "accelerator", "bad", "hailortcli"),
        ({"npu": NpuState(state="mismatch")}, "accelerator", "bad", "version"),
        ({"npu": NpuState(state="ok", temp_c=95)}, "accelerator", "warning", "fan"),
        ({"reasons": ("index",)}, "database", "bad", "qdrant"),
        ({"reasons": ("outbox_full",)}, "outbox", "bad", "outbox.max_bytes"),
        ({"reasons": ("disk",)}, "disk", "bad", "space"),
        ({"disk": DiskState(free_bytes=10**8)}, "disk", "warning", "space"),
        ({"disk": DiskState(free_bytes=10**6)}, "disk", "bad", "space"),
        ({"clock": ClockState(synced=False)}, "clock", "warning", "timedatectl"),
        ({"power": PowerState(throttled=0x50005)}, "power", "bad", "supply"),
        ({"power": PowerState(throttled=0x50000)}, "power", "warning", "supply"),
        ({"power": PowerState(throttled=0x8)}, "power", "warning", "fan"),
        ({"reasons": ("mqtt_unreachable",)}, "broker", "bad", "publish.host"),
        ({"reasons": ("mqtt_denied",)}, "broker", "bad", "access rules"),
        ({"lifecycle": "starting"}, "model", "warning", "Wait"),
        ({"reasons": ("never_heard_of",)}, "model", "bad", "log"),
    ],
)
def test_a_trouble_is_told_by_its_part_with_what_to_do(well, changes, part, condition, word):
    found = told(well, **changes)[part]
    assert found.condition == condition
    assert found.words
    assert word in found.fix


def test_who_noticed_a_trouble_says_what_exactly_happened(well):
    sources = replace(well, explanations={"index": "http://q:6333 did not answer within 2 s"})
    assert told(sources, reasons=("index",))["database"].words == "http://q:6333 did not answer within 2 s"
    camera = CameraHealth()
    camera.lost("no frame for 3 s: check the cable")
    sources = replace(well, camera=camera.report())
    assert told(sources, reasons=("camera_lost",))["camera"].words == "no frame for 3 s: check the cable"
    refused = PublishStatus(reasons=("mqtt_refused",), refusal="broker:1883: not authorised")
    sources = replace(well, way_out=refused)
    assert told(sources, reasons=("mqtt_refused",))["broker"].words == "broker:1883: not authorised"


def test_of_two_troubles_of_a_part_the_worse_is_told(well):
    found = told(well, reasons=("mqtt_deaf", "mqtt_unreachable"))["broker"]
    assert found.condition == "bad"


def test_what_is_not_used_is_off(well, tmp_path):
    path = tmp_path / "plain.yaml"
    path.write_text(CONFIG.format(embedder="onnx").replace("mqtt, host: broker", "stdout"))
    parts = told(replace(well, config=load_config(path)), npu=NpuState(state="absent"), broker=None)
    assert parts["accelerator"].condition == parts["broker"].condition == "off"


def test_every_reason_that_the_program_gives_has_a_remedy():
    root = Path(cardscanner.__file__).parent
    noted = re.compile(r'(?:vitals|troubles|_troubles)\.enter\(\s*"([a-z_]+)"|_refused\("([a-z_]+)"')
    named = re.compile(r'"(mqtt_[a-z_]+)"')
    reasons = set()
    for path in root.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        reasons |= {one or two for one, two in noted.findall(text)}
        if path.parent.name == "publish":
            reasons |= set(named.findall(text))
    reasons |= {"camera_lost", "camera_frozen", "camera_black"}
    assert len(reasons) > 12
    assert sorted(reasons - set(REMEDIES)) == []


def test_words_and_fixes_are_sentences():
    for remedy in REMEDIES.values():
        assert remedy.part in PARTS
        assert remedy.words.endswith(".")
        assert remedy.fix.endswith(".")
    assert remedy_of("no_such").words.endswith(": no_such.")
