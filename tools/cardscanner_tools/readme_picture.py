"""Draw the README's picture: moments of the film with the scanner's answers, and what the demo printed.

cardscanner-tools readme-picture --demo out/demo --out docs/demo.png      (after `make run`)
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw

from cardscanner.commands.scan import identify
from cardscanner.config import FinderConfig, IndexConfig, OnnxConfig
from cardscanner.demo.judge import Heard
from cardscanner.demo.show import HEAD, line_of
from cardscanner.draw import drawn_answers
from cardscanner.errors import InputError
from cardscanner.pipeline import Stopwatch
from cardscanner.records import Picture
from cardscanner.rooms import open_rooms
from cardscanner.shipped import shipped_database, shipped_folder, shipped_model
from cardscanner_tools.render.lettering import font

_COLUMNS, _WIDTH, _LINES = 3, 480, 14
_MONO = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.add_argument("--demo", type=Path, default=Path("out/demo"), help="results of `cardscanner demo`")
    parser.add_argument("--out", type=Path, default=Path("docs/demo.png"))
    parser.add_argument("--seconds", type=float, nargs="+", default=[11.0, 14.6, 23.6, 28.0, 55.0, 59.0])


def run(options: argparse.Namespace) -> int:
    """Draw the picture from a finished demo."""
    film = shipped_folder("demo") / "film.mp4"
    moments = [_answered(_frame(film, seconds)) for seconds in options.seconds]
    rows = [np.concatenate(moments[at : at + _COLUMNS], axis=1) for at in range(0, len(moments), _COLUMNS)]
    table = _table(options.demo, rows[0].shape[1])
    Image.fromarray(np.concatenate([*rows, table])).save(options.out, optimize=True)
    print(options.out)
    return 0


def _frame(film: Path, seconds: float) -> Picture:
    video = cv2.VideoCapture(str(film))
    video.set(cv2.CAP_PROP_POS_MSEC, seconds * 1000)
    done, picture = video.read()
    video.release()
    if not done:
        raise InputError(f"{film} has no frame at {seconds} s")
    return np.ascontiguousarray(picture[:, :, ::-1])


def _answered(picture: Picture) -> Picture:
    embedder = OnnxConfig(backend="onnx", model=shipped_model())
    with open_rooms(FinderConfig(), embedder, IndexConfig(database=shipped_database())) as rooms:
        canvas = drawn_answers(picture, list(identify(picture, rooms, Stopwatch(), 5)))
    height = round(canvas.shape[0] * _WIDTH / canvas.shape[1])
    return np.asarray(cv2.resize(canvas, (_WIDTH, height), interpolation=cv2.INTER_AREA), np.uint8)


def _table(demo: Path, width: int) -> Picture:
    """The first lines of the demo's table, as a terminal shows them."""
    events = json.loads((demo / "events.json").read_text(encoding="utf-8"))
    summary = json.loads((demo / "summary.json").read_text(encoding="utf-8"))
    lines = [
        HEAD,
        *(line_of(Heard(each["at_s"], each["payload"]), each["mark"]) for each in events[:_LINES]),
        "...",
    ]
    lines.append("  ".join(f"{key} {value}" for key, value in summary.items() if key != "stage_ms"))
    face = font(_MONO, 17)
    canvas = Image.new("RGB", (width, 24 * len(lines) + 24), (24, 26, 30))
    pen = ImageDraw.Draw(canvas)
    for number, line in enumerate(lines):
        pen.text((20, 12 + 24 * number), line, fill=(220, 225, 230), font=face)
    return np.array(canvas)
