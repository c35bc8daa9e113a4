"""Draw everything the demo needs: card pictures, their database, the film and its truth.

    cardscanner-tools render-demo --out .

Writes ``db/demo/1.0.0`` (and ``db/DEFAULT``), ``demo/film.mp4`` and ``demo/truth.json``. The cards are
invented and drawn by us; the film is encoded with ffmpeg (apt install ffmpeg).
"""

from __future__ import annotations

import argparse
import csv
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

import cv2
from tqdm import tqdm

from cardscanner.config import OnnxConfig
from cardscanner.embed import load_embedder
from cardscanner.errors import CardscannerError
from cardscanner.files import replacing, write_json
from cardscanner.manifest import load_model_manifest
from cardscanner.match.assemble import Title
from cardscanner.match.build import build_database
from cardscanner.shipped import shipped_model
from cardscanner_tools.render.cards import render_card
from cardscanner_tools.render.catalogue import CardSpec, catalogue
from cardscanner_tools.scene.film import HEIGHT, WIDTH, Film
from cardscanner_tools.scene.script import write_script

DATABASE = Path("demo") / "1.0.0"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.add_argument("--out", type=Path, default=Path(), help="root of the project")
    parser.add_argument("--work", type=Path, default=Path("out/render-demo"), help="where the pictures go")
    parser.add_argument("--model", type=Path, help="model folder (default: the shipped one)")
    parser.add_argument("--cards", type=int, default=300)
    parser.add_argument("--presentations", type=int, default=48)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--only", choices=["db", "film"], help="draw only one of the two")


def run(options: argparse.Namespace) -> int:
    """Draw, build, film."""
    specs = catalogue(options.cards, options.seed, reprint_share=0.08)
    if options.only != "film":
        table = draw_cards(specs, options.work)
        build(table, options.out / "db", options.model or shipped_model())
    if options.only != "db":
        script = write_script(presentable(specs), options.seed, options.presentations)
        encode(Film(script), options.out / "demo" / "film.mp4")
        truth = {
            "seed": options.seed,
            "fps": script.fps,
            "seconds": round(script.seconds, 2),
            "shown": script.truth(),
        }
        write_json(options.out / "demo" / "truth.json", truth)
        print(f"{len(script.shown)} presentations in {script.seconds:.0f} s")
    return 0


def presentable(specs: Sequence[CardSpec]) -> list[CardSpec]:
    """Cards without a twin that differs only in number and set symbol."""
    looks = [(spec.art, spec.frame) for spec in specs]
    return [spec for spec, look in zip(specs, looks, strict=True) if looks.count(look) == 1]


def draw_cards(specs: Sequence[CardSpec], work: Path) -> Path:
    """Draw every card as a PNG; return the card table."""
    folder = work / "cards"
    folder.mkdir(parents=True, exist_ok=True)
    table = work / "cards.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["card_id", "file", "name", "set", "number", "lang", "art_group"])
        for spec in tqdm(specs, desc="drawing cards", mininterval=2):
            path = folder / f"{spec.card_id}.png"
            cv2.imwrite(str(path), render_card(spec, 560)[:, :, ::-1])
            writer.writerow(
                [spec.card_id, f"cards/{path.name}", spec.name, spec.set_code, spec.number, "en", spec.art]
            )
    return table


def build(table: Path, root: Path, model: Path) -> None:
    """Build the demo database and name it as the default one."""
    with closing(load_embedder(OnnxConfig(backend="onnx", model=model))) as embedder:
        build_database(
            table, root / DATABASE, embedder, load_model_manifest(model), title=Title("demo", "1.0.0")
        )
    (root / "DEFAULT").write_text(f"{DATABASE}\n", encoding="utf-8")


def encode(film: Film, path: Path) -> None:
    """Encode the film as H.264.

    Raises
    ------
    CardscannerError
        ffmpeg is missing or fails.
    """
    if not shutil.which("ffmpeg"):
        raise CardscannerError("encoding the film needs ffmpeg: sudo apt install ffmpeg")
    path.parent.mkdir(parents=True, exist_ok=True)
    fps, total = film.script.fps, round(film.script.seconds * film.script.fps)
    with replacing(path) as temporary:
        command = [
            "ffmpeg", "-y", "-loglevel", "error",
            "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}", "-r", str(fps), "-i", "-",
            "-c:v", "libx264", "-preset", "slow", "-crf", "27", "-g", "50", "-pix_fmt", "yuv420p",
            "-movflags", "+faststart", "-f", "mp4", str(temporary),
        ]  # fmt: skip
        # A film is written in one go; should ffmpeg end early, its exit code tells more than the broken pipe.
        with suppress(BrokenPipeError), subprocess.Popen(command, stdin=subprocess.PIPE) as process:
            if process.stdin is None:
                raise CardscannerError("ffmpeg was started without an input")
            for picture in tqdm(film.frames(), total=total, desc="filming", mininterval=2):
                process.stdin.write(picture.tobytes())
        if process.returncode != 0:
            raise CardscannerError(f"ffmpeg failed with exit code {process.returncode}")
