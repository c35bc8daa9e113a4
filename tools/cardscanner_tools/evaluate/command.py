r"""One report on one model: rendered cards, real photographs, things that are no cards, reprints, latency.

    cardscanner-tools evaluate --suite catalogue --out out/evaluate
    cardscanner-tools evaluate --model models/cardnet/0.2.0 --db out/references --data ../shared/data \
        --suite catalogue --suite photos --suite noncards --suite reprints --out out/evaluate
    cardscanner-tools evaluate --quick --suite catalogue --out out/quick          (about a minute)

Untrained baselines (pHash, pixels, DCT signs, SIFT, ORB) are computed on the same crops in the same run. At
the end the acceptance table is printed: each criterion met, not met, or not measured here. Vectors of the
galleries are kept in OUT, so a second run, or one that was stopped, goes on where it was. Nothing is tuned.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2

from cardscanner.errors import InputError
from cardscanner.files import write_json
from cardscanner.manifest import agree, load_database_manifest, load_model_manifest
from cardscanner.match import open_database
from cardscanner.shipped import photo_finder, shipped_model
from cardscanner_tools.evaluate.acceptance import acceptance
from cardscanner_tools.evaluate.catalogue_suite import RenderedGallery, catalogue_suite, open_gallery
from cardscanner_tools.evaluate.encoders import Panel, open_panel
from cardscanner_tools.evaluate.figures import plain
from cardscanner_tools.evaluate.findings import Findings
from cardscanner_tools.evaluate.keypoint_rows import catalogue_keypoints, catalogue_table
from cardscanner_tools.evaluate.latency import measure_latency
from cardscanner_tools.evaluate.looks_suite import looks_suite
from cardscanner_tools.evaluate.noncards_suite import noncards_suite
from cardscanner_tools.evaluate.photos_suite import photos_suite
from cardscanner_tools.evaluate.references import Real, RealReferences, choose, reference_database
from cardscanner_tools.evaluate.rendered import CATALOGUE_SEED, code_hash
from cardscanner_tools.evaluate.report import write_report
from cardscanner_tools.evaluate.reprints_suite import reprints_suite
from cardscanner_tools.evaluate.seen import seen_against_unseen
from cardscanner_tools.evaluate.verdicts import Row, table_text
from cardscanner_tools.photos.labels import LabelledPhoto

SUITES = ("catalogue", "photos", "noncards", "reprints", "looks")
FULL = {"cards": 17_592, "queries": 1000, "noncards": 4200, "keypoints": 60, "calls": 1000, "looks": 1500}
"""4,200 drawn crops: with none accepted, the interval ends below the 0.1 % that are allowed."""
QUICK = {"cards": 400, "queries": 60, "noncards": 180, "keypoints": 0, "calls": 100, "looks": 120}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.add_argument("--model", type=Path, help="model folder (default: the shipped one)")
    parser.add_argument("--db", type=Path, help="database of the real references (default: built in OUT)")
    parser.add_argument("--suite", action="append", choices=SUITES, required=True, help="may be repeated")
    parser.add_argument(
        "--data", type=Path, help="folder with photos.csv, references.csv, not_cards.csv, ..."
    )
    parser.add_argument("--out", type=Path, default=Path("out/evaluate"), help="report folder")
    parser.add_argument("--int8", type=Path, help="model folder of the quantised twin")
    parser.add_argument("--teacher", type=Path, help="model folder of the teacher, exported like a student")
    parser.add_argument(
        "--seen-pool", type=Path, help="pool folder of the training: seen against unseen cards"
    )
    parser.add_argument("--seed", type=int, default=7, help="of captures and samples")
    parser.add_argument("--cards", type=int, help=f"rendered gallery (default {FULL['cards']})")
    parser.add_argument("--queries", type=int, help=f"captures per condition (default {FULL['queries']})")
    parser.add_argument("--threads", type=int, default=1, help="of ONNX Runtime")
    parser.add_argument("--finder", choices=["contours", "corners"], default="corners", help="end to end")
    parser.add_argument("--quick", action="store_true", help="small galleries, few queries, no SIFT and ORB")


def run(options: argparse.Namespace) -> int:
    """Evaluate, print the table, write report and JSON."""
    model = options.model or shipped_model()
    sizes = _sizes(options)
    _check(options, model)
    options.out.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(1)
    with open_panel(model, options.int8, options.teacher, options.threads) as panel:
        facts = _facts(options, panel, sizes)
        findings: list[Findings] = []
        for found in _suites(options, panel, sizes):
            findings.append(found)
            rows = _write(options.out / "evaluation.json", facts, findings)
    page = write_report(options.out, facts, rows, findings)
    print(table_text(rows))
    print(f"report: {page}   figures: {options.out / 'evaluation.json'}")
    return 0


def _write(path: Path, facts: Mapping[str, Any], findings: Sequence[Findings]) -> list[Row]:
    """Write what is measured so far, so that a run that is stopped has not measured for nothing."""
    document = plain({"run": facts} | {each.name: each.document for each in findings})
    rows = acceptance(document)
    write_json(path, document | {"acceptance": [row.document() for row in rows]})
    return rows


def _sizes(options: argparse.Namespace) -> dict[str, int]:
    sizes = dict(QUICK if options.quick else FULL)
    given = {"cards": options.cards, "queries": options.queries}
    sizes.update({key: value for key, value in given.items() if value is not None})
    if sizes["cards"] < 30 or sizes["queries"] < 1:
        raise InputError("evaluate needs at least --cards 30 and --queries 1")
    return sizes


def _check(options: argparse.Namespace, model: Path) -> None:
    """Refuse what would fail after minutes of work."""
    if "photos" in options.suite and options.data is None:
        raise InputError("the suite photos needs --data FOLDER with photos.csv and references.csv")
    if options.db is not None:
        if options.data is None:
            raise InputError("--db is the database of --data's references: give --data FOLDER, too")
        agree(load_model_manifest(model), load_database_manifest(options.db))


def _suites(options: argparse.Namespace, panel: Panel, sizes: dict[str, int]) -> Iterator[Findings]:
    folder, seed, suites = options.out / "readings", options.seed, set(options.suite)
    real, photos = _real(options, panel)
    gallery = None
    if suites & {"catalogue", "noncards", "reprints"}:
        gallery = open_gallery(folder, panel, sizes["cards"], CATALOGUE_SEED)
    if "catalogue" in suites and gallery:
        yield _catalogue(options, panel, gallery, sizes)
    if "photos" in suites and real:
        finder = photo_finder(options.finder)
        yield photos_suite(folder, panel, finder, real, photos, seed, sizes["keypoints"])
    if "noncards" in suites and gallery:
        yield noncards_suite(
            folder, panel, photo_finder(options.finder), gallery, real, options.data, sizes["noncards"], seed
        )
    if "reprints" in suites and gallery:
        yield reprints_suite(folder, panel, gallery, real, sizes["queries"], seed)
    if "looks" in suites:
        yield looks_suite(options.out, panel.folders["model"], sizes["looks"], sizes["queries"], seed)
    yield measure_latency(panel.folders["model"], options.threads, sizes["calls"])


def _catalogue(
    options: argparse.Namespace, panel: Panel, gallery: RenderedGallery, sizes: dict[str, int]
) -> Findings:
    found = catalogue_suite(panel, gallery, sizes["queries"], options.seed)
    if sizes["keypoints"]:
        features = catalogue_keypoints(panel, gallery.cards, sizes["keypoints"], options.seed)
        found.document["keypoints"] = features
        found.tables.append(catalogue_table(features))
    if options.seen_pool:
        found.document["seen_against_unseen"] = seen_against_unseen(
            options.out / "readings", panel, options.seen_pool, sizes["cards"], sizes["queries"], options.seed
        )
    return found


def _real(options: argparse.Namespace, panel: Panel) -> tuple[Real | None, list[LabelledPhoto]]:
    """Open the real references where a suite needs them and they are given."""
    if options.data is None or not set(options.suite) & {"photos", "noncards", "reprints"}:
        return None, []
    photos, references = choose(options.data, quick=options.quick)
    database = reference_database(options.db, options.out, references, panel.folders["model"])
    with closing(open_database(database)) as opened:
        rule = opened.manifest.accept
    return (database, RealReferences.of(references, database), rule), photos


def _facts(options: argparse.Namespace, panel: Panel, sizes: dict[str, int]) -> dict[str, Any]:
    tools = Path(__file__).parents[1]
    folders = [tools / name for name in ("evaluate", "render", "scene", "photos")]
    info = panel.model.info
    return {
        "model": info.name,
        "model_sha256": info.sha256,
        **{f"{name}_sha256": each.info.sha256 for name, each in panel.embedders.items() if name != "model"},
        "licence": panel.manifests["model"].licence,
        "suites": " ".join(options.suite),
        "finder": options.finder,
        "seed": options.seed,
        "catalogue_seed": CATALOGUE_SEED,
        "quick": options.quick,
        **sizes,
        "code_sha256": code_hash(*folders),
        "opencv": cv2.__version__,
        "made": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }
