"""docs/install.md and docs/ansible.md name only what there is: every command, option, path, port, variable and message."""

import argparse
import importlib
import re
import shlex
from pathlib import Path

import pytest
import yaml
from provisioning import ANSIBLE

import cardscanner
from cardscanner.cli import build_parser
from cardscanner.config import Config, MqttConfig, WebConfig
from cardscanner_tools.cli import COMMANDS

ROOT = Path(__file__).parents[2]
INSTALL = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
FLEET = (ROOT / "docs" / "ansible.md").read_text(encoding="utf-8")
BLOCKS = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
SOURCES = [
    path.read_text(encoding="utf-8")
    for folder in (ANSIBLE / "roles", ANSIBLE / "playbooks", ANSIBLE / "install", ROOT / "systemd")
    for path in sorted(folder.rglob("*"))
    if path.is_file() and path.suffix != ".pyc"
]
OUR_OWN_CHOICE = {"/var/local/film.mp4", "/mnt/image", "/srv/backups"}
"""Paths that the reader invents as he reads."""


def commands(text):
    """Every line that is typed: in blocks, and between backticks."""
    blocks = [body for kind, body in BLOCKS.findall(text) if kind == "sh"]
    inline = re.findall(r"`([^`\n]+)`", BLOCKS.sub("", text))
    lines = [line for body in blocks for line in body.splitlines()] + inline
    for line in lines:
        words = shlex.split(line.partition("  #")[0])
        if words[:1] == ["sudo"]:
            words = words[3:] if words[1:2] == ["-u"] else words[1:]
        if words:
            yield words


def called(program, *texts):
    return [words for text in texts for words in commands(text) if words[0] == program]


def variables():
    """Every variable of every role, with its default."""
    return {
        name: value
        for file in ANSIBLE.glob("roles/*/defaults/main.yml")
        for name, value in yaml.safe_load(file.read_text()).items()
    }


def test_there_are_ten_steps_and_each_says_what_to_see_and_what_to_do_else():
    steps = re.findall(r"^## (\d+)\. .*?\n(.*?)(?=^## )", INSTALL, re.DOTALL | re.MULTILINE)
    assert [int(number) for number, _ in steps] == list(range(1, 11))
    for number, text in steps:
        assert "**You see**" in text, number
        assert "**When it does not" in text or "**Without one**" in text, number


@pytest.mark.parametrize("words", called("cardscanner", INSTALL, FLEET), ids=" ".join)
def test_a_command_of_the_box_exists(words):
    if len(words) > 1:
        read(build_parser(), words[1:])


@pytest.mark.parametrize("words", called("cardscanner-tools", INSTALL, FLEET), ids=" ".join)
def test_a_command_of_the_workshop_exists(words):
    parser = argparse.ArgumentParser()
    importlib.import_module(COMMANDS[words[1]][0]).add_arguments(parser)
    read(parser, words[2:])


def read(parser, words):
    try:
        parser.parse_args(words)
    except SystemExit as refused:
        raise AssertionError(f"no such command or option: {words}") from refused


def test_every_option_of_the_installer_is_in_its_help():
    said = (ANSIBLE / "install" / "install.sh").read_text()
    runs = called("./install.sh", INSTALL, FLEET)
    assert len(runs) > 8
    named = {word for words in runs for word in words[1:] if word.startswith("--")}
    named |= set(re.findall(r"`(--[a-z-]+)", INSTALL))
    assert {option for option in named if f"  {option} " not in said and f"  {option}," not in said} == set()


def test_every_path_is_one_of_the_roles_the_units_or_the_installer():
    paths = set(re.findall(r"(?<![\w.:/~])/(?:boot|etc|mnt|opt|run|srv|usr|var)/[\w./-]*\w", INSTALL + FLEET))
    assert len(paths) > 8
    known = "\n".join(SOURCES)
    unknown = {path for path in paths - OUR_OWN_CHOICE if path not in known}
    # The installer writes them as $kept/...
    unknown = {path for path in unknown if path.replace("/etc/cardscanner/install", "$kept") not in known}
    assert unknown <= {"/etc/machine-id", "/etc/cardscanner/install/choices"}
    assert "$kept/choices" in known


def test_ports_are_the_ones_that_are_listened_on():
    assert set(re.findall(r"cards\.local:(\d+)", INSTALL)) == {str(WebConfig().port)}
    assert variables()["base_firewall_page_port"] == WebConfig().port
    assert re.search(r"Mosquitto, port (\d+)", INSTALL)[1] == str(MqttConfig(backend="mqtt").port)


def test_the_tarball_has_this_version():
    assert set(re.findall(r"cardscanner-([\d.]+)-box", INSTALL)) == {cardscanner.__version__}


def test_what_the_programs_are_said_to_say_they_say():
    table = re.findall(r"^\| (?!it says|---)([^|]+?) \|", INSTALL, re.MULTILINE)
    assert len(table) == 6
    known = " ".join(" ".join(SOURCES).split())
    for row in table:
        start = row.partition(" ...")[0].removesuffix("differ").strip()
        assert start in known or start.replace("binding", "binding (") in known, row
    assert "library (hailort)" in known
    for words in (
        "This box is a card scanner now",
        "Restart the box",
        "library, driver, firmware and binding agree",
    ):
        assert words in " ".join(INSTALL.split())
        assert words in known


def test_every_variable_is_one_of_a_role_or_a_playbook():
    prefixes = "|".join(sorted({name.split("_")[0] for name in variables()}))
    named = set(re.findall(rf"`((?:{prefixes}|verify)_[a-z_]+)", INSTALL + FLEET))
    assert len(named) > 30
    books = "\n".join(file.read_text() for file in ANSIBLE.glob("playbooks/*.yml"))
    books += (ANSIBLE / "install" / "parts" / "choices.sh").read_text()
    assert {name for name in named if name not in variables() and name not in books} == set()


def test_examples_of_variables_can_be_read_and_so_can_their_configuration():
    blocks = [yaml.safe_load(body) for kind, body in BLOCKS.findall(INSTALL + FLEET) if kind == "yaml"]
    assert len(blocks) == 2
    for block in blocks:
        known = variables().keys() | {"box_config"}
        assert block.keys() <= known
        config = block.get("box_config") or block["cardscanner_config"]
        config = {**config, "device_id": "box1", "publish": {"backend": "mqtt", **config.get("publish", {})}}
        folders = {
            "camera": {"backend": "picamera2"},
            "embedder": {"backend": "onnx", "model": "m"},
            "index": {"database": "d"},
        }
        Config.model_validate({**folders, **config})


def test_every_playbook_and_role_is_described_and_every_described_one_exists():
    books = {file.name for file in ANSIBLE.glob("playbooks/*.yml")}
    assert set(re.findall(r"playbooks/(\w+\.yml)", FLEET)) == books
    assert set(re.findall(r"^\| `(\w+\.yml)`", FLEET, re.MULTILINE)) == books
    assert set(re.findall(r"ansible/roles/(\w+)/README", FLEET)) == {
        file.name for file in (ANSIBLE / "roles").iterdir()
    }


def test_services_and_make_targets_exist():
    units = set(re.findall(r"(?:systemctl \w+|journalctl -u) (\w+)", INSTALL))
    assert units
    assert [unit for unit in units if not (ROOT / "systemd" / f"{unit}.service").is_file()] == []
    targets = set(re.findall(r"`?make ((?!the)[a-z-]+)", INSTALL + FLEET))
    assert targets >= {"dist", "test-hosts"}
    assert [
        name for name in targets if not re.search(rf"^{name}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    ] == []


@pytest.mark.parametrize("text", [INSTALL, FLEET], ids=["install.md", "ansible.md"])
def test_links_lead_somewhere(text):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    assert links
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []
