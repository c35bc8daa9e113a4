"""The workshop's command line: only the asked command is imported, errors end with their exit code."""

import subprocess
import sys

import pytest

from cardscanner_tools.cli import COMMANDS, main


def test_help_lists_every_command(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert all(name in text for name in COMMANDS)


@pytest.mark.parametrize("words", [[], ["make-coffee"], ["render-demo", "--no-such-option"]])
def test_a_wrong_command_line_is_exit_code_2(words):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2


def test_help_of_a_command_is_its_own_with_its_example(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["render-demo", "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert "cardscanner-tools render-demo --out ." in text
    assert "--presentations" in text


def test_a_deliberate_error_is_words_on_standard_error_and_its_exit_code(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    film = ["render-demo", "--only", "film", "--cards", "9", "--presentations", "1", "--out", str(tmp_path)]
    assert main(film) == 1
    said = capsys.readouterr().err
    assert said == "cardscanner-tools: encoding the film needs ffmpeg: sudo apt install ffmpeg\n"


def test_the_commands_that_draw_need_no_torch():
    code = "import sys; sys.modules['torch'] = None; from cardscanner_tools.cli import main; main(['render-demo', '--help'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "command", ["train", "distil", "finetune", "export", "train-corners", "export-corners"]
)
def test_without_torch_a_training_command_says_how_to_get_it(command):
    code = f"import sys; sys.modules['torch'] = None; from cardscanner_tools.cli import main; sys.exit(main(['{command}', '--help']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"cardscanner-tools: {command} needs ")
    assert "make .venv/.train" in done.stderr


def test_without_ray_the_command_that_needs_it_says_how_to_get_it():
    code = "import sys; sys.modules['ray'] = None; from cardscanner_tools.cli import main; sys.exit(main(['db-build-ray', '--help']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "which the extra `ray` brings" in done.stderr
    assert "cardscanner[ray]" in done.stderr
