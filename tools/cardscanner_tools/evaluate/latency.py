"""What our wrapper costs on top of ONNX Runtime: one crop, both ways, call by call in turns."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from cardscanner.config import OnnxConfig
from cardscanner.embed import load_embedder
from cardscanner.manifest import load_model_manifest
from cardscanner_tools.evaluate import plots
from cardscanner_tools.evaluate.figures import Figure, quantile
from cardscanner_tools.evaluate.findings import Findings

_WARM_UP = 20
_RESAMPLES = 400


def measure_latency(model: Path, threads: int, calls: int) -> Findings:
    """Time ``embed`` of one crop against a plain session with the same file, input and number of threads."""
    path = model / "model.onnx"
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    bare = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = bare.get_inputs()[0].name
    with closing(load_embedder(OnnxConfig(backend="onnx", model=model, threads=threads))) as embedder:
        info = embedder.info
        crop = np.random.default_rng(0).integers(0, 256, (1, info.height, info.width, 3), dtype=np.uint8)
        ours: list[float] = []
        plain: list[float] = []
        for call in range(_WARM_UP + calls):
            sides = [(ours, lambda: embedder.embed(crop)), (plain, lambda: bare.run(None, {name: crop}))]
            for times, run in sides if call % 2 else reversed(sides):
                start = time.perf_counter()
                run()
                times.append((time.perf_counter() - start) * 1000)
    return _findings(np.array(ours[_WARM_UP:]), np.array(plain[_WARM_UP:]), threads, model)


def ratio_of_medians(ours: np.ndarray[Any, Any], bare: np.ndarray[Any, Any]) -> Figure:
    """Return the ratio with a bootstrap interval over pairs of neighbouring calls."""
    rng = np.random.default_rng(3)
    drawn = []
    for _ in range(_RESAMPLES):
        some = rng.integers(0, len(ours), len(ours))
        drawn.append(float(np.median(ours[some]) / np.median(bare[some])))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Figure(float(np.median(ours) / np.median(bare)), float(low), float(high), len(ours))


def _findings(ours: np.ndarray[Any, Any], bare: np.ndarray[Any, Any], threads: int, model: Path) -> Findings:
    found = Findings("latency")
    found.document = {
        "threads": threads,
        "onnxruntime": onnxruntime.__version__,
        "ours_ms": quantile(ours, 0.5),
        "ours_p95_ms": quantile(ours, 0.95),
        "bare_ms": quantile(bare, 0.5),
        "ratio": ratio_of_medians(ours, bare),
        "onnx_mb": load_model_manifest(model).files["model.onnx"].size / 1e6,
    }
    found.charts.append(
        (
            f"One crop, {threads} thread(s), calls in turns",
            plots.times({"our embedder": ours, "bare session": bare}),
        )
    )
    return found
