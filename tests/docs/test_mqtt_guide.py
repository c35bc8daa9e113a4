"""The consumer's guide: its snippets are run as they stand there, with a real broker."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest
from boxes import Box
from brokers import Mosquitto, mosquitto_program
from listeners import Listener

from cardscanner.listen.formats import manabox, moxfield, plain
from cardscanner.publish.contract import CHANNELS

DOCS = Path(__file__).parents[2] / "docs"
GUIDE = (DOCS / "mqtt.md").read_text(encoding="utf-8")


def snippets(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def broker(tmp_path):
    broker = Mosquitto(tmp_path / "broker").start()
    yield broker
    broker.stop()


def wait_for_subscriptions(broker, count):
    """Wait until clients have so many subscriptions, beside the one that asks."""
    with Listener(broker.port, ("$SYS/broker/subscriptions/count",)) as asking:
        asking.wait_for(lambda heard: heard and int(heard[-1].payload) >= count + 1)


def wait_for(done, timeout_s=20.0):
    end_s = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < end_s
        time.sleep(0.02)


def test_the_python_snippet_hears_each_scan_once_and_fetches_what_it_missed(tmp_path, broker):
    (code,) = snippets("python")
    out = tmp_path / "out"
    with Box(broker.port) as box, out.open("wb") as written:
        child = subprocess.Popen(
            [sys.executable, "-c", code, "127.0.0.1", str(broker.port)],
            stdout=written,
            stderr=written,
            cwd=tmp_path,
        )
        try:
            wait_for_subscriptions(broker, 3)
            first = box.scan(1)
            box.send(first)
            box.event(2)
            box.scan(3, heard=False)
            box.scan(4)
            wait_for(lambda: out.read_text().count("\n") >= 3)
            time.sleep(0.3)
        finally:
            child.kill()
            child.wait()
    assert out.read_text().splitlines() == ["Card 1", "Card 4", "Card 3"]
    assert [(each.from_seq, each.to_seq) for each in box.asked] == [(3, 3)]


@pytest.mark.parametrize("command", [line for each in snippets("sh") for line in each.splitlines()])
def test_every_mosquitto_command_works_as_it_is_written(broker, command):
    program, *arguments = shlex.split(command)
    arguments[arguments.index("localhost")] = "127.0.0.1"
    call = [mosquitto_program(program), *arguments, "-p", str(broker.port)]
    if program == "mosquitto_pub":
        topic, payload = arguments[arguments.index("-t") + 1], arguments[arguments.index("-m") + 1]
        assert json.loads(payload)
        assert "/cmd/" in topic
        assert subprocess.run(call, timeout=10, check=False).returncode == 0
        return
    with Box(broker.port) as box:
        child = subprocess.Popen([*call, "-C", "1"], stdout=subprocess.PIPE)
        if "/scan" in command:  # what is retained comes at once
            wait_for_subscriptions(broker, 2)
            box.scan(1)
        out, _ = child.communicate(timeout=10)
    assert child.returncode == 0
    assert b"online" in out or json.loads(out)["seq"] == 1


def test_the_node_red_flow_is_whole():
    (flow,) = (json.loads(each) for each in snippets("json"))
    nodes = {node["id"]: node for node in flow}
    wired = [target for node in flow for wires in node.get("wires", []) for target in wires]
    assert set(wired) <= set(nodes)
    assert all(node["z"] in nodes for node in flow if "z" in node)
    assert nodes["cs-in"]["broker"] in nodes
    assert nodes["cs-in"]["topic"] == "cardscanner/+/scan"


def test_the_guide_names_every_topic_that_the_contract_has():
    for channel in CHANNELS:
        name = channel.name.replace("{consumer}", "<consumer>")
        if name != "log":
            assert f"`{name}`" in GUIDE, name


def test_the_guide_names_every_column_that_is_written():
    for columns in (plain.COLUMNS, moxfield.COLUMNS, manabox.COLUMNS):
        for column in columns:
            assert f"`{column}`" in GUIDE, column


def test_the_links_of_the_guide_lead_somewhere():
    for link in re.findall(r"\]\(([^)#:]+)\)", GUIDE.replace("\n", " ")):
        assert (DOCS / link).exists(), link
