"""The command line as a whole: help, exit codes, and how it ends when something is wrong outside."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cardscanner import __version__
from cardscanner.commands.options import EXIT_CODES
from cardscanner.errors import ArtifactError, CardscannerError, ConfigError

COMMANDS = [
    "run",
    "check",
    "scan",
    "listen",
    "fleet",
    "db",
    "db build",
    "db info",
    "db push",
    "db verify",
    "demo",
    "account",
    "update",
    "backup",
    "restore",
]


def started(*arguments: object, **how) -> subprocess.Popen:
    command = [sys.executable, "-m", "cardscanner", *(str(each) for each in arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    return subprocess.Popen(command, text=True, **{**pipes, **how})


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_an_example_and_says_its_exit_codes(cardscanner, command):
    said = cardscanner(*command.split(), "--help")
    assert said.code == 0
    assert said.err == ""
    examples, codes = said.out.split("examples:\n")[1].split("exit codes:\n")
    assert re.match(rf"  cardscanner {command}\s", examples)
    named = [int(code) for code in re.findall(r"^  (\d+) +\S", codes, re.MULTILINE)]
    assert named == sorted(named)
    assert {0, 2} <= set(named) <= set(EXIT_CODES)
    assert all(len(line) <= 110 for line in said.out.splitlines())


@pytest.mark.parametrize("command", COMMANDS)
def test_the_examples_in_the_help_are_ones_that_the_command_line_understands(command):
    from cardscanner.cli import build_parser

    parser = build_parser()
    actions = [parser, *(part for part in command.split())]
    for name in actions[1:]:
        parser = parser._subparsers._group_actions[0].choices[name]
    calls = re.findall(r"^  cardscanner ([^\n|]*?)(?:   .*|\|.*|>.*)?$", parser.epilog, re.MULTILINE)
    assert calls
    for call in calls:
        arguments = build_parser().parse_args(call.split())
        assert callable(arguments.command)


def test_the_overview_names_every_command_and_every_exit_code(cardscanner):
    said = cardscanner("--help")
    assert said.code == 0
    for command in COMMANDS:
        assert re.search(rf"^    {command.split()[0]} +\S", said.out, re.MULTILINE)
    for code, meaning in EXIT_CODES.items():
        assert f"  {code:<4} {meaning}" in said.out


def test_the_documentation_has_the_same_exit_codes_and_every_command(cardscanner):
    text = (Path(__file__).parents[3] / "docs" / "commands.md").read_text()
    table = dict(re.findall(r"^\| (\d+) \| (.+?) \|$", text, re.MULTILINE))
    assert {int(code): meaning for code, meaning in table.items()} == EXIT_CODES
    overview = text.split("\n## ")[0]
    for command in COMMANDS:
        assert re.search(rf"\b{command.split()[-1]}\b", overview), command


def test_our_errors_end_with_codes_that_the_overview_names():
    assert {each.exit_code for each in (CardscannerError, ArtifactError, ConfigError)} <= set(EXIT_CODES)


@pytest.mark.parametrize("command", ["", "db"])
def test_a_command_that_needs_another_word_answers_with_its_help_and_a_failure(cardscanner, command):
    said = cardscanner(*command.split())
    assert said.code == 2
    assert said.out == ""
    assert said.err.startswith(f"usage: cardscanner {command}".rstrip())
    assert "exit codes:" in said.err


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("scn photo.jpg", "invalid choice: 'scn'"),
        ("scan", "required: IMAGE"),
        ("scan a.jpg --frobnicate", "unrecognized arguments: --frobnicate"),
        ("scan a.jpg --top 0", "'0' is no whole number from 1 to 100"),
        ("scan a.jpg --top five", "'five' is no whole number from 1 to 100"),
        ("scan a.jpg --threads 99", "'99' is no whole number from 1 to 64"),
        ("scan a.jpg --index faiss", "invalid choice: 'faiss'"),
        ("scan a.jpg --db=", "the path is empty"),
        ("db build", "required: SRC, --out"),
        ("db make x", "invalid choice: 'make'"),
        ("demo --broker hivemq", "invalid choice: 'hivemq'"),
    ],
)
def test_a_wrong_command_line_is_told_and_ends_with_2(cardscanner, call, says):
    said = cardscanner(*call.split(" "))
    assert said.code == 2
    assert says in said.err
    assert "usage: cardscanner" in said.err
    assert said.out == ""


def test_the_version_is_told(cardscanner):
    said = cardscanner("--version")
    assert (said.code, said.out) == (0, f"cardscanner {__version__}\n")


def test_home_is_understood_where_no_shell_has_seen_to_it(cardscanner, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    said = cardscanner("db", "info", "~/mine")
    assert said.code == 65
    assert f"{tmp_path}/mine/manifest.json is missing" in said.err
    assert "~nobody-here/mine" in cardscanner("db", "info", "~nobody-here/mine").err


def test_without_anything_shipped_a_command_says_what_to_name(cardscanner, monkeypatch, tmp_path, save):
    photo = save("a.png")
    monkeypatch.setenv("CARDSCANNER_HOME", str(tmp_path))
    said = cardscanner("scan", photo)
    assert said.code == 65
    assert re.search(r"no shipped db found .*name a folder on the command line", said.err)


def test_a_reader_that_goes_away_ends_the_command_quietly(scanner, save):
    photos = [save(f"{number}.png") for number in range(2)]
    process = started("scan", *photos, "--db", scanner.database, "--model", scanner.model, "--json")
    process.stdout.close()
    assert process.wait(60) == 141
    assert process.stderr.read() == ""
    process.stderr.close()


def test_output_that_cannot_be_written_is_an_error_and_not_a_traceback(scanner, save):
    with Path("/dev/full").open("w") as full:
        process = started(
            "scan", save("a.png"), "--db", scanner.database, "--model", scanner.model, stdout=full
        )
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err == "cardscanner: [Errno 28] No space left on device\n"


def test_ctrl_c_ends_a_command_with_one_line_and_130(scanner, save, tmp_path):
    photos = [save("a.png")] * 500
    process = started("scan", *photos, "--db", scanner.database, "--model", scanner.model, "--json")
    assert process.stdout.readline().startswith('{"image":')
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == "cardscanner: stopped\n"


def test_ctrl_c_while_the_program_is_still_loading_is_no_traceback():
    process = started("--help")
    maps = Path(f"/proc/{process.pid}/maps")
    end = time.monotonic() + 30
    while "numpy" not in maps.read_text() and time.monotonic() < end:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "cardscanner: stopped\n")


def test_a_terminal_that_knows_only_ascii_is_no_reason_to_fail(scanner, save):
    photo = save("フォト.png")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    process = started("scan", photo, "--db", scanner.database, "--model", scanner.model, env=environment)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "\\u30d5\\u30a9\\u30c8.png: 1 card" in out
