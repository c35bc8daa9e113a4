"""All that a training needs to go on as if it had never stopped, in one file that is whole or absent."""

from __future__ import annotations

import pickle
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cardscanner.errors import ArtifactError
from cardscanner.files import replacing

FORMAT = 2


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Replace the checkpoint in one move, durably."""
    with replacing(path) as temporary:
        torch.save({"format": FORMAT, **state}, temporary)


def read_state(path: Path) -> dict[str, Any] | None:
    """Return the last checkpoint, ``None`` where there is none yet; :class:`ArtifactError` if unusable."""
    if not path.is_file():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        # torch's own words fill a page and advise to load what may run code.
        raise ArtifactError(
            f"{path} cannot be read as a checkpoint ({type(error).__name__}): "
            "delete it to start again, or take another --out"
        ) from None
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise ArtifactError(
            f"{path} was written by another version of the trainer: finish it with that version, or take "
            "another --out and start from its weights (--checkpoint)"
        )
    return state


def random_state() -> dict[str, Any]:
    """Return the state of every generator that somebody may draw from."""
    kind, keys, position, has_normal, normal = np.random.get_state()  # noqa: NPY002 - what others may use
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "python": random.getstate(),
        "numpy": (str(kind), [int(key) for key in keys], int(position), int(has_normal), float(normal)),
    }


def restore_random_state(state: dict[str, Any]) -> None:
    """Put every generator back to where :func:`random_state` found it."""
    torch.set_rng_state(state["torch"])
    if state["cuda"]:
        torch.cuda.set_rng_state_all(state["cuda"])
    version, words, normal = state["python"]
    random.setstate((version, tuple(words), normal))
    kind, keys, *rest = state["numpy"]
    np.random.set_state((kind, np.array(keys, dtype=np.uint32), *rest))  # noqa: NPY002


def seed_everything(seed: int) -> None:
    """Start every generator from one number."""
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
