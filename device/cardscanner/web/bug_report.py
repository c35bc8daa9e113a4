"""A bug report: one frame and all that was made of it, as one file that others can look into.

``cardscanner scan frame.png --live --json`` with the same model and database finds the same candidates.
"""

from __future__ import annotations

import io
import json
import os
import platform
import zipfile
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import cv2
import numpy as np

from cardscanner.config import Config
from cardscanner.logs import hide_secrets
from cardscanner.probe import Finding, Look
from cardscanner.publish.payload_info import InfoPayload
from cardscanner.records import Frame, Outline, Picture, Verdict

_LIBRARIES = ("numpy", "opencv-python-headless", "onnxruntime", "annoy", "pydantic", "paho-mqtt", "starlette",
              "uvicorn", "structlog", "pillow")  # fmt: skip
_PRIVATE = {"username", "api_key_file", "password_file", "key_file"}
_HIDDEN = "(hidden)"


class BugReport:
    """Collects files; :meth:`zipped` packs them."""

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}

    def add_frame(self, frame: Frame) -> None:
        """Add the frame, without any loss."""
        self._files["frame.png"] = _png(frame.pixels)

    def add_look(self, look: Look) -> None:
        """Add what the scan thread made of the frame."""
        self.add_frame(look.frame)
        for number, each in enumerate(look.findings, 1):
            self._files[f"crop-{number}.png"] = _png(each.crop)
            self._files[f"embedding-{number}.npy"] = _npy(each.sighting.vector)
        self.add_json("candidates.json", _candidates(look))

    def add_json(self, name: str, document: Any) -> None:
        """Add plain data."""
        self._files[name] = (json.dumps(document, ensure_ascii=False, indent=2, default=str) + "\n").encode()

    def add_lines(self, name: str, lines: Sequence[str]) -> None:
        """Add lines of text."""
        self._files[name] = "".join(f"{line}\n" for line in lines).encode()

    def zipped(self) -> bytes:
        """Return everything as one file."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
            for name, data in self._files.items():
                file.writestr(name, data)
        return packed.getvalue()


def versions(config: Config, info: InfoPayload) -> dict[str, Any]:
    """Return what ran on what, and how to try it again elsewhere."""
    return {
        "cardscanner": info.daemon,
        "python": info.python,
        "libraries": dict(_libraries()),
        "model": info.model.model_dump(mode="json"),
        "database": info.db.model_dump(mode="json"),
        "backends": {
            "camera": config.camera.backend,
            "finder": config.finder.backend,
            "embedder": config.embedder.backend,
            "index": config.index.backend,
        },
        "hardware": {"machine": info.hw, "serial": info.serial, "cores": os.cpu_count()},
        "system": {"os": info.os, "kernel": platform.release()},
        "reproduce": "cardscanner scan frame.png --live --json --model MODEL --db DATABASE",
    }


def open_settings(config: Config) -> Any:
    """Return the configuration without secrets, and without what leads to them."""
    return _without_private(hide_secrets(None, "", config.model_dump(mode="json")))


def _without_private(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _HIDDEN if key in _PRIVATE and inner is not None else _without_private(inner)
            for key, inner in value.items()
        }
    return [_without_private(each) for each in value] if isinstance(value, list) else value


def _libraries() -> Iterator[tuple[str, str]]:
    for name in _LIBRARIES:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            yield name, "not installed as a package"


def _candidates(look: Look) -> dict[str, Any]:
    return {
        "network": {"name": look.network.name, "sha256": look.network.sha256, "space": look.network.space},
        "frame": {"seq": look.frame.seq, "camera": look.frame.camera, "captured_ns": look.frame.captured_ns},
        "cards": [_finding(number, each) for number, each in enumerate(look.findings, 1)],
        "followed": [_outline(each) for each in look.followed],
    }


def _finding(number: int, finding: Finding) -> dict[str, Any]:
    sighting = finding.sighting
    return {
        "crop": f"crop-{number}.png",
        "embedding": f"embedding-{number}.npy",
        "quad": sighting.quad.corners.round(2).tolist(),
        "confidence": round(sighting.quad.confidence, 4),
        "upside_down": sighting.upside_down,
        "neighbours": [{"row": each.row, "cosine": round(each.cosine, 4)} for each in sighting.neighbours],
        **_verdict(finding.verdict),
    }


def _outline(outline: Outline) -> dict[str, Any]:
    return {
        "quad": outline.corners.round(2).tolist(),
        "reported": outline.reported,
        **({} if outline.verdict is None else _verdict(outline.verdict)),
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "decision": verdict.decision,
        "score": round(verdict.score, 4),
        "margin": round(verdict.margin, 4),
        "candidates": [
            {"card_id": each.card.card_id, "name": each.card.name, "score": round(each.score, 4)}
            for each in verdict.candidates
        ],
    }


def _png(picture: Picture) -> bytes:
    _, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return data.tobytes()


def _npy(vector: np.ndarray[Any, np.dtype[np.float32]]) -> bytes:
    file = io.BytesIO()
    np.save(file, vector, allow_pickle=False)
    return file.getvalue()
