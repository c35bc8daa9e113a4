"""Model scripts: ours parse, comments go, the normalisation comes from the model."""

from __future__ import annotations

import pytest
from hailo_sdk_client.model_script import read_script

from cardscanner.errors import InputError
from cardscanner_tools.hef.script import FOLDER, read_recipe, recipes, with_normalisation


def test_there_is_a_script_for_every_kind_of_student():
    assert recipes() == ["cardnet", "convnext_tiny", "regnetx"]


@pytest.mark.parametrize("name", recipes())
def test_every_script_of_ours_has_only_commands_that_the_compiler_knows(name):
    script = with_normalisation(read_recipe(name), (127, 127, 127), (128, 128, 128))
    assert read_script(script).mean == [127, 127, 127]
    assert "#" not in script


@pytest.mark.parametrize("name", recipes())
def test_every_script_of_ours_says_in_a_comment_what_it_is_for(name):
    assert (FOLDER / f"{name}.alls").read_text(encoding="utf-8").startswith("# ")


def test_a_file_of_ones_own_is_taken_by_its_path(tmp_path):
    path = tmp_path / "my.alls"
    path.write_text("# mine\nperformance_param(compiler_optimization_level=max)  # slow\n\n")
    assert read_recipe(str(path)) == "performance_param(compiler_optimization_level=max)\n"


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(
        InputError, match="resnet: there is no such file, and our own are cardnet, convnext_tiny"
    ):
        read_recipe("resnet")


def test_the_models_normalisation_comes_first():
    script = with_normalisation(
        "context_switch_param(mode=enabled)\n", (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
    )
    assert script.splitlines() == [
        "normalization1 = normalization([123.675, 116.28, 103.53], [58.395, 57.12, 57.375])",
        "context_switch_param(mode=enabled)",
    ]


@pytest.mark.parametrize("line", ["normalization([0,0,0],[1,1,1])", "n1 = normalization([0,0,0],[1,1,1])"])
def test_a_script_that_brings_its_own_normalisation_keeps_it(line):
    assert with_normalisation(f"{line}\n", (1, 2, 3), (4, 5, 6)) == f"{line}\n"
