"""The compilation on the double of the compiler: gates that catch mistakes, steps that are not done twice."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import hailo_sdk_client
import numpy as np
import pytest
from little_models import SIZE, little_folder, little_model

from cardscanner.config import OnnxConfig
from cardscanner.embed import load_embedder
from cardscanner.errors import ArtifactError, InputError
from cardscanner_tools.export.trial import Trial, calibration_crops
from cardscanner_tools.hef.compiler import Compiler
from cardscanner_tools.hef.gates import Reference
from cardscanner_tools.hef.script import read_recipe, with_normalisation
from cardscanner_tools.hef.source import write_source
from cardscanner_tools.hef.steps import Compilation, Plan
from cardscanner_tools.hef.work import WorkFolder

RECIPE = {"captures": 48, "seed": 1, "cards": 24, "queries": 16, "trial_seed": 2}
STAGES = ["SDK_NATIVE", "SDK_FP_OPTIMIZED", "SDK_QUANTIZED"]


@dataclass
class Recorder:
    """Makes runners of the double that write down what is called, and can be interrupted."""

    calls: list[str] = field(default_factory=list)
    stop_at: str | None = None

    def compiler(self) -> Compiler:
        def made(hw_arch: str, har: str | None = None) -> hailo_sdk_client.ClientRunner:
            self.calls.append(f"load {Path(har).name}" if har else "fresh")
            return Recorded(hw_arch, har, self)

        return Compiler(hailo_sdk_client.__version__, made, hailo_sdk_client.InferenceContext)


class Recorded(hailo_sdk_client.ClientRunner):
    def __init__(self, hw_arch: str, har: str | None, recorder: Recorder) -> None:
        super().__init__(hw_arch, har)
        self.recorder = recorder

    def note(self, call: str) -> None:
        if self.recorder.stop_at == call:
            raise KeyboardInterrupt
        self.recorder.calls.append(call)

    def translate_onnx_model(self, *given, **named):
        self.note("translate")
        return super().translate_onnx_model(*given, **named)

    def optimize_full_precision(self, calib_data=None):
        self.note("full precision")
        super().optimize_full_precision(calib_data)

    def optimize(self, calib_data):
        self.note("optimize")
        super().optimize(calib_data)

    def infer(self, context, dataset):
        self.note(context.name)
        return super().infer(context, dataset)

    def compile(self) -> bytes:
        self.note("compile")
        return super().compile()


@pytest.fixture(scope="module")
def plan(tmp_path_factory) -> Plan:
    folder = little_folder(tmp_path_factory.mktemp("little"))
    source = write_source(folder / "model.onnx", folder / "hef-source.onnx", SIZE)
    trial = Trial.render(RECIPE["trial_seed"], RECIPE["cards"], RECIPE["queries"], SIZE)
    embedder = load_embedder(OnnxConfig(backend="onnx", model=folder, threads=1))
    reference = Reference(embedder.embed(trial.gallery), embedder.embed(trial.queries))
    embedder.close()
    return Plan(
        source=source,
        arch="hailo8l",
        script=with_normalisation(read_recipe("cardnet"), source.mean, source.std),
        calibration=calibration_crops(RECIPE["seed"], RECIPE["captures"], SIZE),
        queries=trial.queries,
        reference=reference,
        recipe=RECIPE,
    )


def compile_it(plan: Plan, folder: Path, recorder: Recorder | None = None) -> Compilation:
    compilation = Compilation(plan, (recorder or Recorder()).compiler(), WorkFolder.open(folder))
    compilation.run()
    return compilation


ALL_CALLS = [
    "fresh", "translate", "SDK_NATIVE", "load parsed.har", "full precision", "SDK_FP_OPTIMIZED", "optimize",
    "SDK_QUANTIZED", "compile",
]  # fmt: skip


def test_a_good_network_passes_every_gate_in_order_and_ends_in_a_hef(plan, tmp_path):
    recorder = Recorder()
    done = compile_it(plan, tmp_path, recorder)
    assert recorder.calls == ALL_CALLS
    assert [figures.stage for figures in done.gates] == STAGES
    assert done.gates[0].cosine_p1 > 0.99999
    assert done.gates[1].cosine_p1 > 0.99999
    assert 0.99 < done.gates[2].cosine_mean < 0.9999999
    assert (tmp_path / "model.hef").read_bytes()[:4] == b"\x01HEF"
    assert done.output_layer() == "card_embedder/fc1"


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("context_switch_param(mode=allowed)\n", id="normalisation forgotten"),
        pytest.param(
            "normalization([123.675, 116.28, 103.53], [255, 255, 255])\n", id="that of another network"
        ),
    ],
)
def test_a_script_with_a_wrong_normalisation_fails_the_gate_after_the_script(plan, tmp_path, script):
    with pytest.raises(
        ArtifactError, match=r"gate after SDK_FP_OPTIMIZED failed: .*`normalization\(\.\.\.\)` is missing"
    ):
        compile_it(replace(plan, script=script), tmp_path)
    assert not (tmp_path / "model.hef").exists()
    assert not (tmp_path / "quantised.har").exists()


def test_swapped_colours_fail_the_gate_after_the_script(plan, tmp_path):
    script = f"{plan.script}input_conversion(bgr_to_rgb)\n"
    with pytest.raises(ArtifactError, match=r"SDK_FP_OPTIMIZED failed: .*swaps the colours"):
        compile_it(replace(plan, script=script), tmp_path)


def test_a_wrong_scaling_of_our_own_fails_the_first_gate(plan, tmp_path):
    source = replace(plan.source, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    with pytest.raises(ArtifactError, match="gate after SDK_NATIVE failed"):
        compile_it(replace(plan, source=source), tmp_path)


def test_an_end_node_before_the_embedding_fails_the_first_gate(plan, tmp_path):
    source = replace(plan.source, end_nodes=("flatten",))
    with pytest.raises(
        ArtifactError, match=r"SDK_NATIVE.* gives 1024 values .* the end node is not at the embedding"
    ):
        compile_it(replace(plan, source=source), tmp_path)


def test_captures_that_are_unlike_the_cameras_fail_the_gate_of_8_bits(plan, tmp_path):
    dark = np.asarray(plan.calibration // 12, np.uint8)
    with pytest.raises(ArtifactError, match=r"gate after SDK_QUANTIZED failed: .*calibrate on more captures"):
        compile_it(replace(plan, calibration=dark), tmp_path)
    assert (tmp_path / "quantised.har").is_file()
    assert not (tmp_path / "model.hef").exists()


def test_a_finished_compilation_is_not_done_again_and_says_the_same(plan, tmp_path):
    first = compile_it(plan, tmp_path)
    hef = (tmp_path / "model.hef").read_bytes()
    recorder = Recorder()
    again = compile_it(plan, tmp_path, recorder)
    assert recorder.calls == []
    assert again.gates == first.gates
    assert (tmp_path / "model.hef").read_bytes() == hef


@pytest.mark.parametrize(
    ("stop_at", "left"),
    [
        ("translate", ALL_CALLS),
        ("SDK_NATIVE", ["load parsed.har", *ALL_CALLS[2:]]),
        ("SDK_FP_OPTIMIZED", ALL_CALLS[3:]),
        ("optimize", ["load parsed.har", "full precision", *ALL_CALLS[6:]]),
        ("SDK_QUANTIZED", ["load quantised.har", *ALL_CALLS[7:]]),
        ("compile", ["load quantised.har", "compile"]),
    ],
)
def test_a_stopped_compilation_goes_on_behind_its_last_finished_step(plan, tmp_path, stop_at, left):
    with pytest.raises(KeyboardInterrupt):
        compile_it(plan, tmp_path, Recorder(stop_at=stop_at))
    recorder = Recorder()
    resumed = compile_it(plan, tmp_path, recorder)
    assert recorder.calls == left
    assert [figures.stage for figures in resumed.gates] == STAGES
    assert (tmp_path / "model.hef").is_file()


@pytest.mark.parametrize(
    ("file", "left"),
    [
        ("model.hef", ["load quantised.har", "compile"]),
        ("quantised.har", ["load parsed.har", "full precision", "optimize"]),
        ("parsed.har", ["fresh", "translate"]),
    ],
)
def test_a_file_that_was_deleted_is_made_again(plan, tmp_path, file, left):
    compile_it(plan, tmp_path)
    (tmp_path / file).unlink()
    recorder = Recorder()
    compile_it(plan, tmp_path, recorder)
    assert recorder.calls == left
    assert (tmp_path / file).is_file()


def test_another_script_quantises_again_but_does_not_parse_again(plan, tmp_path):
    compile_it(plan, tmp_path)
    recorder = Recorder()
    compile_it(replace(plan, script=f"{plan.script}context_switch_param(mode=allowed)\n"), tmp_path, recorder)
    assert recorder.calls == ALL_CALLS[3:]
    assert (tmp_path / "model.alls").read_text().endswith("context_switch_param(mode=allowed)\n")


def test_another_chip_starts_from_the_beginning(plan, tmp_path):
    compile_it(plan, tmp_path)
    recorder = Recorder()
    compile_it(replace(plan, arch="hailo8"), tmp_path, recorder)
    assert recorder.calls == ALL_CALLS


def test_what_the_compiler_raises_comes_with_what_was_done_and_what_helps(plan, tmp_path):
    folder = little_folder(tmp_path / "odd", little_model(odd="Erf"))
    source = write_source(folder / "model.onnx", folder / "hef-source.onnx", SIZE)
    with pytest.raises(hailo_sdk_client.ParsingWithRecommendationException, match="Erf") as failed:
        compile_it(replace(plan, source=source), tmp_path / "work")
    assert f"This happened while parsing {source.path}" in failed.value.__notes__[0]


def test_damaged_notes_say_what_to_delete(tmp_path):
    (tmp_path / "steps.json").write_text("{")
    with pytest.raises(InputError, match=f"delete {tmp_path} and start again"):
        WorkFolder.open(tmp_path)
