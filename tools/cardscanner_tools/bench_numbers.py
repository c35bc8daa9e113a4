"""Reading collector numbers: prints right, wrong and ambiguous, with and without, by the size of the digits.

    python -m cardscanner_tools.bench_numbers [--cards 30] [--digits 8,12,16,24] [--print-lead 0.03]

Pairs of rendered prints that differ in nothing but the number (and the total, in every second pair) are
stored as a database build stores them and captured before the simulated camera, mild (in focus) and as
calibration has it (up to .8 % of the width out of focus). The database lists the numbers without totals.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from cardscanner.accept import judge_checked
from cardscanner.manifest import AcceptRule, VerifyRule
from cardscanner.match.captures import CAPTURE, MILD, Scene, simulate_scene
from cardscanner.ports import SecondLook
from cardscanner.records import Candidate, Card, Picture
from cardscanner.verify.reading import ReadingVerifier
from cardscanner.verify.stored import PICTURES_FILE
from cardscanner.verify.strip import DIGIT
from cardscanner.verify.tesseract import open_tesseract
from cardscanner.verify.verifier import Verifier
from cardscanner_tools.bench_verify import store
from cardscanner_tools.render.cards import ASPECT, render_card
from cardscanner_tools.render.catalogue import CardSpec, catalogue

_FACE_PX = 1300
"""Drawn once: the renderer lays text out a little differently at every size."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cards", type=int, default=30)
    parser.add_argument("--digits", default="8,12,16,24", help="heights in the frame, pixels")
    parser.add_argument("--print-lead", type=float, default=0.03)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    rule = AcceptRule(
        threshold=0.0,
        print_gap=0.02,
        verify=VerifyRule(weight=1.0, threshold=0.0, print_lead=options.print_lead),
    )
    specs = _pairs(options.cards)
    reader = open_tesseract()
    with tempfile.TemporaryDirectory() as scratch:
        faces = [render_card(each, _FACE_PX) for each in specs]
        pictures = store(Path(scratch) / PICTURES_FILE, faces, [row // 2 for row in range(len(specs))])
        plain = Verifier(pictures)
        looks: dict[str, SecondLook] = {
            "without": plain.checked,
            "with": ReadingVerifier(plain, reader, rule).checked,
        }
        for digit_px in map(float, options.digits.split(",")):
            _measure(digit_px, specs, faces, looks, rule)
        pictures.close()
    reader.close()


def _pairs(count: int) -> list[CardSpec]:
    """Return prints in twos; the second of each has another number, and every other one another total."""
    found: list[CardSpec] = []
    for place, each in enumerate(catalogue(count * 5, seed=47)[::5]):
        number = (each.number * 7 + 31) % each.set_size + 1
        number += number == each.number
        total = each.set_size + (23 if place % 2 else 0)
        found += [each, replace(each, card_id=f"{each.card_id}r", number=number, set_size=total)]
    return found


def _measure(
    digit_px: float,
    specs: Sequence[CardSpec],
    faces: Sequence[Picture],
    looks: dict[str, SecondLook],
    rule: AcceptRule,
) -> None:
    high = digit_px / DIGIT
    for name, strength in (("mild", MILD), ("capture", CAPTURE)):
        counts = {each: Counter[str]() for each in looks}
        spent = dict.fromkeys(looks, 0.0)
        as_large = replace(strength, smallest=1.0, largest=1.0)
        for row in range(0, len(specs), 2):
            shown = row + (row // 2) % 2
            rng = np.random.default_rng([int(digit_px), shown])
            made = simulate_scene(faces[shown], as_large, rng, round(high * ASPECT))
            for each, look in looks.items():
                start = time.process_time()
                answer = _answer(look, made, specs, row, rule)
                spent[each] += (time.process_time() - start) * 2000 / len(specs)
                counts[each][_kind(answer, specs[shown].card_id)] += 1
        for each, count in counts.items():
            print(
                f"digits of {digit_px:4.0f} px, {name:7}, {each:7}: right {count['right']:3}, wrong "
                f"{count['wrong']:3}, ambiguous {count['ambiguous']:3}; {spent[each]:6.1f} ms a card",
                flush=True,
            )


def _answer(
    look: SecondLook, made: Scene, specs: Sequence[CardSpec], row: int, rule: AcceptRule
) -> str | None:
    prints = [
        Candidate(Card(specs[each].card_id, "", row, {"number": str(specs[each].number)}), 0.9, each)
        for each in (row, row + 1)
    ]
    card = judge_checked(look(made.picture, made.corners, prints), rule).card
    return None if card is None else card.card_id


def _kind(answer: str | None, right: str) -> str:
    if answer is None:
        return "ambiguous"
    return "right" if answer == right else "wrong"


if __name__ == "__main__":
    main()
