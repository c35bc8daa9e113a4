"""Accuracy gates between the network that was trained and what the compiler holds.

Each stage of the compiler's emulator must answer like ``model.onnx`` in float before the next stage starts,
so that a mistake is named where it was made, hours before a HEF exists. The float stages have to agree to
rounding. In 8 bits, retrieval decides; the cosines there are only a net for what is broken: ONNX Runtime's
8-bit form of CardNet 0.1.0 reaches mean 0.993 and p1 0.964, and loses 0.2 points of top-1 (docs/hailo.md).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from cardscanner.errors import ArtifactError
from cardscanner.records import Vectors
from cardscanner_tools.export.trial import cosines, top1
from cardscanner_tools.hef.compiler import FULL_PRECISION, NATIVE, QUANTIZED


@dataclass(frozen=True, slots=True)
class Gate:
    """What one stage has to reach."""

    stage: str
    mean: float
    p1: float
    """Cosines to float ONNX: their mean, and what all but 1 % exceed."""
    points: float
    """Percentage points of top-1 that it may lose."""
    advice: str


GATES = {
    gate.stage: gate
    for gate in (
        Gate(
            NATIVE, 0.9999, 0.999, 0.25,
            "The parser read another network than the one exported: look at the start and end nodes, and at "
            "the parser's warnings. Quantisation has nothing to do with it.",
        ),
        Gate(
            FULL_PRECISION, 0.9999, 0.999, 0.25,
            "The model script changes the answers: `normalization(...)` is missing or is that of another "
            "network, or `input_conversion(...)` swaps the colours (our crops are RGB).",
        ),
        Gate(
            QUANTIZED, 0.98, 0.95, 0.5,
            "8 bits cost too much: calibrate on more captures (--captures), raise optimization_level in the "
            "script (needs a GPU), or give the worst layers 16 bits (`hailo analyze-noise` names them).",
        ),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figures:
    """What one stage reached."""

    stage: str
    cosine_mean: float
    cosine_p1: float
    top1_float: float
    top1: float
    """Captures of this stage in a gallery in float: the box finds its cards in such a database."""

    def document(self) -> dict[str, float | str]:
        """Return everything for JSON."""
        return asdict(self)

    def line(self) -> str:
        """Return everything for people."""
        return (
            f"{self.stage:16} cosine to float ONNX: mean {self.cosine_mean:.5f}, p1 {self.cosine_p1:.5f}; "
            f"top-1 {self.top1:.2%} (float {self.top1_float:.2%})"
        )


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """What float ONNX says about gallery and captures of a trial."""

    gallery: Vectors
    queries: Vectors

    def judge(self, stage: str, features: NDArray[np.float32]) -> Figures:
        """Return what a stage reached; features (N, dim) need no unit length.

        Raises
        ------
        ArtifactError
            It did not pass its gate.
        """
        figures = self._figures(stage, features)
        gate = GATES[stage]
        lost = 100 * (figures.top1_float - figures.top1)
        if figures.cosine_mean >= gate.mean and figures.cosine_p1 >= gate.p1 and lost <= gate.points:
            return figures
        raise ArtifactError(
            f"the accuracy gate after {stage} failed: {figures.line()}; wanted: mean {gate.mean}, "
            f"p1 {gate.p1}, at most {gate.points} points of top-1 lost. {gate.advice}"
        )

    def _figures(self, stage: str, features: NDArray[np.float32]) -> Figures:
        if features.shape != self.queries.shape:
            raise ArtifactError(
                f"the emulator ({stage}) gives {features.shape[1]} values for a capture, the model "
                f"{self.queries.shape[1]}: the end node is not at the embedding"
            )
        alike = cosines(features, self.queries)
        return Figures(
            stage=stage,
            cosine_mean=float(alike.mean()),
            cosine_p1=float(np.quantile(alike, 0.01)),
            top1_float=top1(self.gallery, self.queries),
            top1=top1(self.gallery, features),
        )
