"""The acceptance table, from the JSON document alone.

Rows are the criteria as written, and where these conflict with what can hold at all, restatements beside
them (``restated``): reprints are one artwork, "different cards < 0.5" is asked of 99.9 % of random pairs and
of the order of distributions, and a network's rejections are judged by the calibrated rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cardscanner_tools.evaluate.conditions import CLEAN_VIEW, GLARE, HARDEST, OCCLUDED, USUAL_VIEW
from cardscanner_tools.evaluate.encoders import INT8, INT8_CROSS, MODEL, TEACHER
from cardscanner_tools.evaluate.photo_rows import photo_rows
from cardscanner_tools.evaluate.verdicts import Limit, Row, find, judged, not_measured

Document = Mapping[str, Any]

FALSE_ACCEPTS = Limit("<=", 0.001)
NO_FALSE_ACCEPT = Limit("<=", 0.0)


def acceptance(document: Document) -> list[Row]:
    """Return every row, measured or not."""
    return [
        *_recognition(document),
        *_rejection(document),
        *_cosines(document),
        *_teacher(document),
        *_int8(document),
        *_hard(document),
        *photo_rows(document),
        *_new_cards(document),
        *_weight(document),
    ]


def _of(document: Document, condition: str, figure: str) -> Any:
    return find(document, "catalogue", "conditions", condition, MODEL, figure)


def _recognition(document: Document) -> list[Row]:
    clean, covered, glare = CLEAN_VIEW.name, OCCLUDED.name, GLARE.name
    small, wide = Limit("<", 0.2, percent=False), Limit("<", 0.4, percent=False)
    return [
        judged("clean: top-1", _of(document, clean, "art_top1"), Limit(">=", 0.95)),
        judged("clean: top-5", _of(document, clean, "art_top5"), Limit(">=", 0.99)),
        judged("clean: exact print top-1", _of(document, clean, "exact_top1"), Limit(">=", 0.95),
               "half of the reprints differ in symbol and number only"),
        judged("clean: distance, median", _of(document, clean, "distance_median"), small),
        judged("clean: distance, p95", _of(document, clean, "distance_p95"), small),
        judged("20 % occluded: top-3", _of(document, covered, "art_top3"), Limit(">=", 0.85),
               aim=Limit(">=", 0.97)),
        judged("20 % occluded: distance, median", _of(document, covered, "distance_median"), wide),
        judged("20 % occluded: distance, p95", _of(document, covered, "distance_p95"), wide),
        judged("glare: top-5", _of(document, glare, "art_top5"), Limit(">=", 0.80), aim=Limit(">=", 0.97)),
    ]  # fmt: skip


def _rejection(document: Document) -> list[Row]:
    rows = []
    for gallery in ("rendered", "real"):
        every = find(document, "noncards", "crops", gallery, "all drawn")
        rows += [
            judged(f"not a card, {gallery} gallery: distance > 0.5", find(every or {}, "distance_above_0.5"),
                   Limit(">=", 0.999), "as written, asked of 99.9 % of the crops"),
            judged(f"not a card, {gallery} gallery: false accepts (restated)", find(every or {}, "accepted"),
                   FALSE_ACCEPTS, "by the gallery's calibrated rule"),
        ]  # fmt: skip
    return rows


def _cosines(document: Document) -> list[Row]:
    pairs = find(document, "catalogue", "pairs")
    usual = USUAL_VIEW.name
    same = find(pairs or {}, f"same card, {CLEAN_VIEW.name} and {usual}", "p5")
    hardest, own = _of(document, usual, "hardest_other_p95"), _of(document, usual, "same_p5")
    ahead = None if hardest is None or own is None else own["value"] - hardest["value"]
    words = "" if ahead is None else f"hardest p95 {hardest['value']:.3f}, same-card p5 {own['value']:.3f}"
    return [
        judged("same card, clean and usual: cosine, p5", same, Limit(">", 0.8, percent=False),
               "as written, asked of 95 % of the pairs"),
        judged("different cards: nearest other artwork, p95", hardest, Limit("<", 0.5, percent=False),
               "as written, asked of the hardest of all references"),
        judged("different cards: random pairs, p99.9 (restated)", find(pairs or {}, "random pairs", "p99.9"),
               Limit("<", 0.5, percent=False)),
        judged("usual: same-card p5 less hardest-other p95 (restated)", ahead,
               Limit(">", 0, percent=False), words),
    ]  # fmt: skip


def _teacher(document: Document) -> list[Row]:
    teacher = find(document, "catalogue", "teacher")
    name = f"teacher: {teacher['teacher']}" if teacher else "give --teacher"
    limit = Limit(">", 0.95, percent=False)
    loss = find(teacher or {}, "teacher_top1_minus_student", "all")
    return [
        judged("student against teacher: cosine, mean", find(teacher or {}, "cosine_mean"), limit, name),
        judged("student against teacher: cosine, p5", find(teacher or {}, "cosine_p5"), limit, name),
        judged("teacher's top-1 less student's (restated)", loss, Limit("<=", 0.01), name),
    ]


def _int8(document: Document) -> list[Row]:
    limit, rows = Limit("<=", 0.005), []
    for suite, where in (("catalogue", "rendered"), ("photos", "photographs")):
        for name in (INT8, INT8_CROSS):
            loss = find(document, suite, "int8_loss", name, "all")
            gallery = "fp32" if name == INT8_CROSS else "int8"
            note = "all conditions, query by query" if loss else "give --int8"
            rows.append(judged(f"int8 against fp32, {where}, {gallery} gallery: loss", loss, limit, note))
    return [*rows, not_measured("HEF against ONNX: cosine, p1 (restated)", ">= 0.99", "needs the chip")]


def _hard(document: Document) -> list[Row]:
    here = find(document, "catalogue", "conditions", HARDEST.name) or {}
    others = {
        name: find(each, "art_top1", "value")
        for name, each in here.items()
        if name not in (MODEL, INT8, INT8_CROSS, TEACHER)
    }
    best = max(others, key=lambda name: float(others[name] or 0.0), default="")
    bar = float(others[best]) if others else 0.294
    note = f"best baseline here: {best}" if others else "the study's DCT hash"
    features = find(document, "catalogue", "keypoints", "SIFT", HARDEST.name, "value")
    if features is not None:
        note += f"; SIFT {features:.3f} in a gallery of {document['catalogue']['keypoints']['cards']}"
    strangers = find(document, "catalogue", "unknown", USUAL_VIEW.name, MODEL)
    return [
        judged(f"{HARDEST.name}: top-1 against the baselines", _of(document, HARDEST.name, "art_top1"),
               Limit(">", bar), note),
        judged(f"{HARDEST.name}: top-1 against the study's small network",
               _of(document, HARDEST.name, "art_top1"), Limit(">=", 0.876),
               "its gallery had 8,000 cards and its level was defined otherwise"),
        judged("usual: accepted and right at 1 % of strangers (restated)",
               find(strangers or {}, "accepted_and_right_at_1_percent"), Limit(">=", 0.946),
               "the study's best score"),
    ]  # fmt: skip


def _new_cards(document: Document) -> list[Row]:
    seen = find(document, "catalogue", "seen_against_unseen")
    note = f"pool seed {seen['pool_seed']}, {seen['cards']} cards each" if seen else "give --seen-pool"
    if seen and not seen["same_renderer"]:
        note += "; the renderer has changed since the pool was drawn"
    return [
        judged("cards added after training: loss of top-1", find(seen or {}, "loss"), Limit("<=", 0.01), note)
    ]


def _weight(document: Document) -> list[Row]:
    return [
        judged("ONNX file, MB", find(document, "latency", "onnx_mb"), Limit("<=", 40, percent=False)),
        judged("latency at batch 1 by a bare session's", find(document, "latency", "ratio"),
               Limit("<=", 1.1, percent=False), "ratio of medians, calls in turns"),
        judged("index recall@1 against exact, hard queries",
               find(document, "photos", "index_recall", "recall_1"), Limit(">=", 0.999),
               "measured when the database was built"),
    ]  # fmt: skip
