"""``ClientRunner``: the compiler's state machine."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import onnx

import hailo_sdk_client
from hailo_sdk_client import hef, network
from hailo_sdk_client.exceptions import InvalidArgumentsException, InvalidStateException
from hailo_sdk_client.model_script import Modifications, read_script

ARCHITECTURES = {"hailo8", "hailo8r", "hailo8l"}
_ENTRIES = 64
"""Statistics are collected on so many captures, however many there are."""


class InferenceContext(Enum):
    SDK_NATIVE = "sdk_native"
    SDK_FP_OPTIMIZED = "sdk_fp_optimized"
    SDK_QUANTIZED = "sdk_quantized"


class States(Enum):
    UNINITIALIZED = "uninitialized"
    HAILO_MODEL = "hailo_model"
    FP_OPTIMIZED_MODEL = "fp_optimized_model"
    QUANTIZED_MODEL = "quantized_model"
    COMPILED_MODEL = "compiled_model"


_NEEDS = {
    InferenceContext.SDK_NATIVE: list(States)[1:],
    InferenceContext.SDK_FP_OPTIMIZED: list(States)[2:],
    InferenceContext.SDK_QUANTIZED: list(States)[3:],
}


class ClientRunner:
    def __init__(self, hw_arch: str | None = None, har: str | None = None) -> None:
        if hw_arch is not None and hw_arch not in ARCHITECTURES:
            raise InvalidArgumentsException(f"{hw_arch} is not a valid hw_arch of this version")
        self.hw_arch = hw_arch or "hailo8"
        self.state = States.UNINITIALIZED
        self._name = ""
        self._float, self._quantised = b"", b""
        self._script = Modifications()
        self._limits = (0.0, 0.0)
        if har is not None:
            self.load_har(har)

    def translate_onnx_model(
        self,
        model: str,
        net_name: str = "model",
        start_node_names: list[str] | None = None,
        end_node_names: list[str] | None = None,
        net_input_shapes: dict[str, list[int]] | None = None,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        self._allowed("translate_onnx_model", States.UNINITIALIZED, States.HAILO_MODEL)
        parsed = network.parse(
            onnx.load(model), start_node_names or [], end_node_names or [], net_input_shapes or {}
        )
        self._name, self._float, self.state = net_name, parsed.SerializeToString(), States.HAILO_MODEL
        return self.get_hn_dict(), {}

    def get_hn_dict(self) -> dict[str, Any]:
        self._allowed("get_hn_dict", *list(States)[1:])
        return {
            "name": self._name,
            "layers": network.layers_of(onnx.load_from_string(self._float), self._name),
        }

    def load_model_script(self, model_script: str, append: bool = False) -> None:
        self._allowed("load_model_script", States.HAILO_MODEL)
        self._script = read_script(model_script, self._script if append else None)

    def optimize_full_precision(self, calib_data: Any = None) -> None:
        self._allowed("optimize_full_precision", States.HAILO_MODEL)
        if calib_data is not None:
            self._images(calib_data)
        self.state = States.FP_OPTIMIZED_MODEL

    def optimize(self, calib_data: Any) -> None:
        self._allowed("optimize", States.HAILO_MODEL, States.FP_OPTIMIZED_MODEL)
        planes = self._planes(self._on_chip(self._images(calib_data)[:_ENTRIES]))
        self._quantised = network.quantise(self._float, planes)
        features = network.run(self._quantised, planes)
        self._limits = float(features.min()), float(features.max())
        self.state = States.QUANTIZED_MODEL

    @contextmanager
    def infer_context(self, inference_context: InferenceContext) -> Iterator[InferenceContext]:
        self._allowed(f"infer_context({inference_context.name})", *_NEEDS[inference_context])
        yield inference_context

    def infer(self, context: InferenceContext, dataset: np.ndarray) -> np.ndarray:
        images = self._images(dataset)
        if context is InferenceContext.SDK_NATIVE:
            return network.run(self._float, images.transpose(0, 3, 1, 2))
        if context is InferenceContext.SDK_FP_OPTIMIZED:
            return network.run(self._float, self._planes(images))
        return network.run(self._quantised, self._planes(self._on_chip(images)))

    def compile(self) -> bytes:
        self._allowed("compile", States.QUANTIZED_MODEL)
        self.state = States.COMPILED_MODEL
        return hef.compiled(
            self._quantised,
            self._script,
            self._name,
            self.hw_arch,
            self._limits,
            hailo_sdk_client.__version__,
        )

    def save_har(self, har_path: str) -> None:
        self._allowed("save_har", *list(States)[1:])
        facts = {
            "state": self.state.name, "name": self._name, "arch": self.hw_arch,
            "script": asdict(self._script), "limits": self._limits,
        }  # fmt: skip
        with zipfile.ZipFile(har_path, "w") as archive:
            archive.writestr("facts.json", json.dumps(facts))
            archive.writestr("float.onnx", self._float)
            archive.writestr("quantised.onnx", self._quantised)

    def load_har(self, har: str) -> None:
        if not isinstance(har, str) or not Path(har).is_file():
            raise InvalidArgumentsException(f"{har!r} is no path of a HAR")
        with zipfile.ZipFile(har) as archive:
            facts = json.loads(archive.read("facts.json"))
            self._float, self._quantised = archive.read("float.onnx"), archive.read("quantised.onnx")
        self.state, self._name = States[facts["state"]], facts["name"]
        self._script, self._limits = Modifications(**facts["script"]), tuple(facts["limits"])

    def _allowed(self, call: str, *states: States) -> None:
        if self.state not in states:
            names = ", ".join(state.name for state in states)
            raise InvalidStateException(
                f"{call}: the runner is in state {self.state.name}, and must be in {names}"
            )

    def _images(self, given: Any) -> np.ndarray:
        data = next(iter(given.values())) if isinstance(given, dict) else np.asarray(given)
        shape = onnx.load_from_string(self._float).graph.input[0].type.tensor_type.shape.dim
        wanted = (shape[2].dim_value, shape[3].dim_value, shape[1].dim_value)
        if data.ndim != 4 or data.shape[1:] != wanted:
            raise InvalidArgumentsException(
                f"Data shape {data.shape} does not match the NHWC input (N, {wanted})"
            )
        if data.dtype not in (np.uint8, np.float32):
            raise InvalidArgumentsException(f"Data must be uint8 or float32, not {data.dtype}")
        return data.astype(np.float32)

    def _on_chip(self, images: np.ndarray) -> np.ndarray:
        """The chip's input is 8 bits wide, whatever it is given."""
        return np.clip(np.rint(images), 0, 255).astype(np.float32)

    def _planes(self, images: np.ndarray) -> np.ndarray:
        if self._script.swapped_colours:
            images = images[..., ::-1]
        scaled = (images - np.float32(self._script.mean)) / np.float32(self._script.std)
        return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2), dtype=np.float32)
