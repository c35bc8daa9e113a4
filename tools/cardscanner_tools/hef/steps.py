"""The compilation itself: parse, quantise, compile, with an accuracy gate after every stage of the emulator.

The order of calls is that of Hailo's own model zoo. Every step ends in a HAR in the work folder; a run that
was stopped, or whose gate failed, goes on behind the last HAR that is still right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardscanner.files import replacing
from cardscanner_tools.hef.compiler import FULL_PRECISION, NATIVE, QUANTIZED, Compiler, Compiling
from cardscanner_tools.hef.gates import Figures, Reference
from cardscanner_tools.hef.source import INPUT, Source
from cardscanner_tools.hef.work import WorkFolder, key_of

NETWORK = "card_embedder"
"""Scope of the layer names in model scripts."""
PARSED, QUANTISED, COMPILED, SCRIPT, HEF = (
    "parsed.har",
    "quantised.har",
    "compiled.har",
    "model.alls",
    "model.hef",
)


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What to compile, and from what."""

    source: Source
    arch: str
    script: str
    calibration: NDArray[np.uint8]
    """(N, H, W, 3) RGB captures."""
    queries: NDArray[np.uint8]
    """(N, H, W, 3) RGB captures that the gates look at."""
    reference: Reference
    recipe: dict[str, int]
    """Seeds and counts that calibration and queries were drawn with."""


class Compilation:
    """One compilation in its work folder."""

    def __init__(self, plan: Plan, compiler: Compiler, work: WorkFolder) -> None:
        self.plan, self.compiler, self.work = plan, compiler, work
        self.gates: list[Figures] = []
        self._parsed = key_of(plan.source.sha256, plan.arch, compiler.version)
        self._quantised = key_of(self._parsed, plan.script, plan.recipe)
        self._runner: Any = None
        self._stage = ""
        """What state the runner is in: the last emulator stage that it can play."""

    def run(self) -> Path:
        """Do what is not done yet; return the path of the HEF.

        Raises
        ------
        ArtifactError
            A gate failed. Whatever the compiler raises comes through, with a note of what was done.
        """
        self._parse()
        self._gate(NATIVE, self._parsed, self._load_parsed)
        self._gate(FULL_PRECISION, self._quantised, self._optimise_full_precision)
        self._quantise()
        self._gate(QUANTIZED, self._quantised, self._load_quantised)
        self._compile()
        return self.work.path(HEF)

    def output_layer(self) -> str:
        """Return what the compiler calls the layer that gives the features, as the parser named it."""
        facts = self.work.finished("parse", self._parsed, PARSED) or {}
        return str(facts.get("output_layer", "unknown"))

    def _parse(self) -> None:
        if self.work.finished("parse", self._parsed, PARSED) is not None:
            return
        source = self.plan.source
        _say(f"parsing {source.path.name} for {self.plan.arch}")
        advice = "See docs/hailo.md; a model script cannot help a graph that does not parse."
        self._runner = self.compiler.fresh(self.plan.arch)
        with Compiling(f"parsing {source.path}", advice):
            self._runner.translate_onnx_model(
                str(source.path),
                NETWORK,
                start_node_names=list(source.start_nodes),
                end_node_names=list(source.end_nodes),
                net_input_shapes={INPUT: [1, 3, source.size, source.size]},
            )
            self._save_har(PARSED)
            layer = _layer_of(self._runner.get_hn_dict(), source.end_nodes[0])
        self._stage = NATIVE
        self.work.finish("parse", self._parsed, {"output_layer": layer})

    def _quantise(self) -> None:
        if self.work.finished("quantise", self._quantised, QUANTISED) is not None:
            return
        if self._stage != FULL_PRECISION:
            self._optimise_full_precision()
        _say(f"quantising on {len(self.plan.calibration)} captures (hours without a GPU)")
        with Compiling(
            "quantising", "A GPU beside the compiler and at least 1024 captures are what it wants."
        ):
            self._runner.optimize(self._calibration())
            self._save_har(QUANTISED)
        self._stage = QUANTIZED
        self.work.finish("quantise", self._quantised)

    def _compile(self) -> None:
        if self.work.finished("compile", self._quantised, HEF) is not None:
            return
        if self._stage != QUANTIZED:
            self._load_quantised()
        _say("compiling (up to an hour)")
        advice = "`Mapping failed`: it does not fit; try context_switch_param(mode=enabled) in the script."
        with Compiling(f"compiling for {self.plan.arch}", advice):
            content = self._runner.compile()
            self._save_har(COMPILED)
        with replacing(self.work.path(HEF)) as temporary:
            temporary.write_bytes(content)
        self.work.finish("compile", self._quantised)

    def _gate(self, stage: str, key: str, reach: Callable[[], None]) -> None:
        """Judge one stage of the emulator, unless that was done on the same files and captures."""
        step, key = f"gate {stage}", key_of(key, self.plan.recipe)
        facts = self.work.finished(step, key)
        if facts is None:
            if self._stage != stage:
                reach()
            _say(f"emulating {stage} on {len(self.plan.queries)} captures")
            with Compiling(
                f"emulating {stage}", "The emulator needs about as much memory as training would."
            ):
                features = self.compiler.emulate(self._runner, stage, self._pixels(stage))
            facts = self.plan.reference.judge(stage, features).document()
            self.work.finish(step, key, facts)
        self.gates.append(Figures(**facts))
        _say(self.gates[-1].line())

    def _pixels(self, stage: str) -> NDArray[np.float32]:
        """The graph as parsed wants normalised pixels; behind the model script, raw ones from 0 to 255."""
        if stage == NATIVE:
            return self.plan.source.normalised(self.plan.queries)
        return self.plan.queries.astype(np.float32)

    def _load_parsed(self) -> None:
        self._runner = self.compiler.loaded(self.plan.arch, self.work.path(PARSED))
        self._stage = NATIVE

    def _load_quantised(self) -> None:
        self._runner = self.compiler.loaded(self.plan.arch, self.work.path(QUANTISED))
        self._stage = QUANTIZED

    def _optimise_full_precision(self) -> None:
        self._load_parsed()
        script = self.work.path(SCRIPT)
        with replacing(script) as temporary:
            temporary.write_text(self.plan.script, encoding="utf-8")
        _say(f"applying the model script {script}")
        with Compiling(
            f"applying {script}", "Layer names in it are the compiler's own; `hailo visualizer` shows them."
        ):
            self._runner.load_model_script(str(script))
            self._runner.optimize_full_precision(calib_data=self._calibration())
        self._stage = FULL_PRECISION

    def _calibration(self) -> NDArray[np.float32]:
        return self.plan.calibration.astype(np.float32)

    def _save_har(self, name: str) -> None:
        with replacing(self.work.path(name)) as temporary:
            # Its tools tell a HAR by the ending.
            written = temporary.with_name(f"{temporary.name}.har")
            self._runner.save_har(str(written))
            written.replace(temporary)


def _layer_of(network: Any, node: str) -> str:
    """Return the compiler's name of the layer that an ONNX node went into, for scripts and reports."""
    for name, layer in network["layers"].items():
        if node in layer.get("original_names", ()):
            return str(name)
    return "unknown"


def _say(text: str) -> None:
    print(f"compile-hef: {text}", flush=True)
