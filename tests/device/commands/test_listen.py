"""``cardscanner listen`` as a person or a script calls it, with a real broker and a box that scans on command."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
import yaml
from boxes import Box
from brokers import Mosquitto
from certificates import Authority

from cardscanner.cli import build_parser
from cardscanner.commands.broker_options import broker_config
from cardscanner.config import TlsConfig
from cardscanner.listen.table import HEAD


@pytest.fixture
def broker(tmp_path):
    broker = Mosquitto(tmp_path / "broker").start()
    yield broker
    broker.stop()


class Listening:
    """The command as a child; what it says is kept line by line."""

    def __init__(self, broker, *arguments: object) -> None:
        options = ["--host", "127.0.0.1", "--port", str(broker.port)] if broker else []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cardscanner", "listen", *options, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "TZ": "UTC"},
        )
        self.out, self.err = [], []
        self._readers = [
            threading.Thread(target=self._keep, args=pair, daemon=True)
            for pair in ((self.process.stdout, self.out), (self.process.stderr, self.err))
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.end()

    def end(self, timeout_s=30.0):
        code = self.process.wait(timeout_s)
        for reader in self._readers:
            reader.join(10)
        return code

    def wait_for(self, lines, words, timeout_s=30.0):
        end_s = time.monotonic() + timeout_s
        while not any(words in line for line in lines):
            assert time.monotonic() < end_s, (words, self.out, self.err)
            time.sleep(0.02)
        return self

    def ready(self):
        return self.wait_for(self.err, "is online")

    def _keep(self, pipe, lines):
        with pipe:
            for line in pipe:
                lines.append(line.rstrip("\n"))


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_table_has_a_line_for_each_scan_and_ends_after_the_count(broker):
    with Box(broker.port) as box, Listening(broker, "--count", 2) as listening:
        listening.ready()
        box.scan(1)
        box.scan(2, event_type="no_match", match="none", card=None)
        assert listening.end() == 0
    assert listening.out[0] == HEAD
    assert listening.out[1].split() == ["12:00:03", "box-1", "match", "neo-1", "Card", "1", "0.942"]
    assert listening.out[2].split()[2:4] == ["no_match", "(neo-2)"]


def test_json_is_one_line_a_scan_as_it_came(broker):
    with Box(broker.port) as box, Listening(broker, "--json", "--count", 1) as listening:
        listening.ready()
        scan = box.scan(1)
        assert listening.end() == 0
    assert [json.loads(line) for line in listening.out] == [json.loads(scan.to_bytes())]


def test_a_session_is_written_and_gone_on_with_and_what_was_missed_in_between_is_fetched(broker, tmp_path):
    path = tmp_path / "session.csv"
    with Box(broker.port) as box:
        with Listening(broker, "--csv", path, "--count", 2) as listening:
            listening.ready()
            box.scan(1)
            box.scan(2)
            assert listening.end() == 0
        box.last(box.scan(3))
        with Listening(broker, "--csv", path, "--count", 2) as listening:
            listening.wait_for(listening.err, "holds 2 scans, going on").ready()
            box.scan(4)
            assert listening.end() == 0
    assert sorted(row["seq"] for row in rows(path)) == ["1", "2", "3", "4"]


@pytest.mark.slow
def test_a_collection_tools_columns_are_written_for_matches_alone(broker, tmp_path):
    path = tmp_path / "cards.csv"
    with (
        Box(broker.port) as box,
        Listening(broker, "--csv", path, "--format=moxfield", "--count=2") as listening,
    ):
        listening.ready()
        box.scan(1)
        box.scan(2, event_type="no_match", match="none", card=None)
        assert listening.end() == 0
    assert [(row["Count"], row["Name"], row["Edition"]) for row in rows(path)] == [("1", "Card 1", "neo")]


@pytest.mark.slow
def test_what_is_missing_for_good_makes_the_exit_code_1(broker):
    with Box(broker.port) as box, Listening(broker, "--seconds", 5) as listening:
        listening.ready()
        box.scan(1)
        box.scan(3)
        assert listening.end() == 1
    assert any("lost: message 2 of box-1" in line for line in listening.err)


@pytest.mark.slow
def test_a_kill_loses_no_scan_that_was_shown(broker, tmp_path):
    path = tmp_path / "session.csv"
    with Box(broker.port) as box, Listening(broker, "--csv", path) as listening:
        listening.ready()
        for seq in range(1, 41):
            box.scan(seq)
        listening.wait_for(listening.out, "Card 20 ")
        listening.process.send_signal(signal.SIGKILL)
        listening.end()
    shown = [line.split()[3] for line in listening.out[1:]]
    written = [row["card_id"] for row in rows(path)]
    assert len(shown) >= 20
    assert written[: len(shown)] == shown


@pytest.mark.slow
def test_the_broker_is_found_in_a_scanners_configuration(broker, tmp_path):
    config = tmp_path / "cardscanner.yaml"
    document = {
        "camera": {"backend": "replay", "path": "frames"},
        "embedder": {"backend": "onnx", "model": "model"},
        "index": {"database": "db"},
        "publish": {"backend": "mqtt", "host": "127.0.0.1", "port": broker.port},
    }
    config.write_text(yaml.safe_dump(document))
    with Box(broker.port) as box, Listening(None, "--config", config, "--count", 1) as listening:
        listening.ready()
        box.scan(1)
        assert listening.end() == 0


def test_a_scanner_without_a_broker_cannot_be_listened_to(cardscanner, tmp_path):
    config = tmp_path / "cardscanner.yaml"
    document = {
        "camera": {"backend": "replay", "path": "frames"},
        "embedder": {"backend": "onnx", "model": "model"},
        "index": {"database": "db"},
        "publish": {"backend": "stdout"},
    }
    config.write_text(yaml.safe_dump(document))
    said = cardscanner("listen", "--config", config)
    assert (said.code, "there is no broker to ask" in said.err) == (78, True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--device", "Box 1"), "--device Box 1"),
        (("--password-file", "/nowhere/password"), "needs username"),
        (("--username", "me", "--password-file", "/nowhere/password"), "--password-file /nowhere/password"),
        (("--ca-file", "/nowhere/ca.pem"), "--ca-file cannot be used"),
    ],
)
def test_options_that_cannot_work_are_named_in_the_words_of_the_command_line(cardscanner, options, words):
    said = cardscanner("listen", *options)
    assert said.code == 78
    assert words in said.err


def test_a_refusal_names_options_and_ends_with_1(cardscanner, tmp_path):
    broker = Mosquitto(tmp_path / "broker", passwords={"reader": "correct horse"}).start()
    try:
        said = cardscanner("listen", "--host", "127.0.0.1", "--port", broker.port)
    finally:
        broker.stop()
    assert said.code == 1
    assert "check --username" in said.err


def test_a_file_with_other_columns_is_left_alone(cardscanner, tmp_path):
    path = tmp_path / "cards.csv"
    path.write_text("mine\r\n1\r\n")
    said = cardscanner("listen", "--csv", path)
    assert said.code == 1
    assert "other columns" in said.err


def test_a_certificate_option_means_tls_on_its_usual_port(tmp_path):
    authority = Authority(tmp_path / "ca")
    client = authority.issue("reader")
    options = ["--ca-file", authority.cert, "--cert-file", client.cert, "--key-file", client.key]
    arguments = build_parser().parse_args(["listen", *map(str, options)])
    config = broker_config(arguments)
    assert (config.host, config.port) == ("localhost", 8883)
    assert config.tls == TlsConfig(ca_file=authority.cert, cert_file=client.cert, key_file=client.key)
    assert broker_config(build_parser().parse_args(["listen", "--tls", "--port", "1234"])).port == 1234
    plain = broker_config(build_parser().parse_args(["listen"]))
    assert (plain.port, plain.tls) == (1883, None)
