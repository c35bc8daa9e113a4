"""Fit the scores of the card finder, ``cardscanner/detect/weights.json``, to pictures with known cards.

    cardscanner-tools fit-finder --data ../shared/data --photos --out device/cardscanner/detect/weights.json

Scenes are drawn (seeded); their cards are invented by the renderer or are free faces (``free_cards`` of the
data folder; Arcmage, CC BY-SA 4.0). First the two models that prune proposals are fitted, then, in rounds,
the network that judges refined quads: each round looks at what the network before it would look at.
``--photos`` adds the ``fit`` part of the photographs whose licence allows it (see ``photos/parts.py``):
cards by Shrey Shingala (pokemon-card-outliner, CC BY 4.0) and shop goods by Marcus Klasson and others
(GroceryStoreDataset, MIT), which also serve as grounds of drawn scenes. With the same seed and data the
weights come out the same up to rounding, which differs between processors.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from cardscanner.detect.score import Pruning, as_linear, as_network
from cardscanner.errors import InputError
from cardscanner.files import replacing
from cardscanner_tools.finder.examples import Example, Material, draw_examples, licensed_examples
from cardscanner_tools.finder.fitting import OUTLINE, STEPS, fit_linear, fit_network
from cardscanner_tools.finder.records import Record, judged_record, proposal_record
from cardscanner_tools.finder.workers import spread

_ROUNDS = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.add_argument("--data", type=Path, help="data folder; without it all cards are invented")
    parser.add_argument("--photos", action="store_true", help="learn from licensed photographs too")
    parser.add_argument("--scenes", type=int, default=1000, help="how many scenes to draw")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--steps", type=int, default=STEPS, help="steps of each fit of the network")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--out", type=Path, required=True, help="weights file to write")


def run(options: argparse.Namespace) -> int:
    """Draw, record, fit, write."""
    if options.photos and options.data is None:
        raise InputError("--photos needs --data")
    material = Material.of(options.data, photos=options.photos) if options.data else Material()
    with tempfile.TemporaryDirectory(prefix="finder-scenes-") as folder:
        numbers = range(options.scenes)
        examples = draw_examples(Path(folder), numbers, options.seed, material, options.workers)
        if options.photos:
            examples += licensed_examples(options.data)
        weights = fit(examples, options.seed, options.workers, options.steps)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with replacing(options.out) as temporary:
        temporary.write_text(json.dumps(weights), encoding="utf-8")
    print(f"{options.out}: fitted to {len(examples)} pictures")
    return 0


def fit(examples: Sequence[Example], seed: int, workers: int, steps: int = STEPS) -> dict[str, object]:
    """Return the weights as stored."""
    proposals = _some(spread(proposal_record, examples, "proposals", workers))
    stored = {
        "outline": fit_linear(proposals, OUTLINE),
        "glance": fit_linear(proposals, proposals[0].names),
    }
    pruning = Pruning(as_linear(stored["outline"]), as_linear(stored["glance"]))
    records: list[Record] = []
    network = None
    for number in range(_ROUNDS):
        work = partial(judged_record, pruning, network)
        seen = _some(spread(work, examples, f"round {number + 1} of {_ROUNDS}", workers))
        # What the first round saw, without a score to steer it, is not what the finder meets in use.
        records = seen if number <= 1 else [*records, *seen]
        card, entropy = fit_network(records, seed, steps)
        network = as_network(card)
        quads = sum(len(each.overlap) for each in records)
        print(f"round {number + 1}: cross-entropy {entropy:.4f} on {quads} quads")
    return {**stored, "card": card}


def _some(records: Sequence[Record | None]) -> list[Record]:
    found = [each for each in records if each is not None]
    if not found:
        raise InputError("no picture shows a line; nothing can be fitted")
    return found
