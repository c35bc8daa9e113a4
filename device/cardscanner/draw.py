"""Drawing answers onto the picture they were found in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from cardscanner.errors import InputError
from cardscanner.files import replacing
from cardscanner.records import Card, Corners, Decision, Outline, Picture, Sighting, Verdict
from cardscanner.romanise import romanised

FORMATS = (".png", ".jpg", ".jpeg", ".webp")
"""Endings that a drawing may have."""

_LEGIBLE = 0.4
"""Smallest font scale: letters of about 9 pixels."""

_COLOURS: dict[Decision, tuple[int, int, int]] = {
    "match": (40, 200, 80),
    "ambiguous": (240, 180, 30),
    "no_match": (220, 60, 50),
}
_UNDECIDED = (170, 170, 170)


def draw_answers(picture: Picture, answers: Sequence[tuple[Sighting, Verdict]], out: Path) -> None:
    """Write a copy of the picture with outlines and names, see :func:`drawn_answers`.

    Raises
    ------
    InputError
        The file cannot be written, or its ending names no picture format.
    """
    _write(drawn_answers(picture, answers), out)


def drawn_answers(picture: Picture, answers: Sequence[tuple[Sighting, Verdict]]) -> Picture:
    """Return a copy with outlines and names; the dot marks the top left of the upright card."""
    canvas = picture.copy()
    for sighting, verdict in answers:
        _draw(canvas, sighting.quad.corners, _COLOURS[verdict.decision], _words(verdict))
    return canvas


def draw_outlines(canvas: Picture, outlines: Sequence[Outline]) -> None:
    """Draw what is followed into a picture: grey without a name while nothing is known about it."""
    for each in outlines:
        verdict = each.verdict
        if verdict is None or (verdict.decision == "no_match" and not each.reported):
            _draw(canvas, each.corners, _UNDECIDED, "")
        else:
            _draw(canvas, each.corners, _COLOURS[verdict.decision], _words(verdict))


def _draw(canvas: Picture, corners: Corners, colour: tuple[int, int, int], words: str) -> None:
    scale = max(canvas.shape[:2]) / 1000
    thick = max(1, round(2 * scale))
    outline = np.round(corners).astype(np.int32)
    cv2.polylines(canvas, [outline.reshape(-1, 1, 2)], True, colour, thick, cv2.LINE_AA)
    x, y = (int(value) for value in outline[0])
    cv2.circle(canvas, (x, y), 3 * thick, colour, -1, cv2.LINE_AA)
    if words:
        _label(canvas, words, outline, scale, colour)


def _words(verdict: Verdict) -> str:
    if verdict.decision == "no_match" or not verdict.candidates:
        return "no match"
    doubt = " ?" if verdict.decision == "ambiguous" else ""
    return f"{_title(verdict.candidates[0].card)}{doubt} {verdict.score:.2f}"


def _title(card: Card) -> str:
    """Name and id in letters that can be drawn; the id alone where nothing of the name can."""
    name, card_id = romanised(card.name), romanised(card.card_id)
    legible = any(letter.isalnum() for letter in name) and name != card_id
    return f"{name} ({card_id})" if legible else card_id


def _label(
    canvas: Picture, words: str, outline: np.ndarray[tuple[int, ...], np.dtype[np.int32]], scale: float,
    colour: tuple[int, int, int],
) -> None:  # fmt: skip
    size, thick = max(_LEGIBLE, 0.55 * scale), max(1, round(1.2 * scale))
    (width, height), base = cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, size, thick)
    x = int(np.clip(outline[:, 0].min(), 0, max(0, canvas.shape[1] - width)))
    y = int(np.clip(outline[:, 1].min() - base, height + base, canvas.shape[0] - base))
    cv2.rectangle(canvas, (x, y - height - base), (x + width, y + base), (20, 20, 20), -1)
    cv2.putText(canvas, words, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, colour, thick, cv2.LINE_AA)


def _write(canvas: Picture, out: Path) -> None:
    ending = out.suffix.lower() or ".png"
    if ending not in FORMATS:
        raise InputError(f"{out}: {out.suffix!r} is no picture format that can be written; use .png or .jpg")
    try:
        done, data = cv2.imencode(ending, canvas[:, :, ::-1])
    except cv2.error:
        done = False
    if not done:
        raise InputError(
            f"{out}: {canvas.shape[1]} x {canvas.shape[0]} pixels are too many for {ending}: use .png"
        )
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with replacing(out) as temporary:
            temporary.write_bytes(data.tobytes())
    except OSError as error:
        raise InputError(f"{out}: cannot be written: {error}") from error
