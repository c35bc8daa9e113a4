"""A page of pictures: HTML in one folder, nothing to install, nothing loaded from elsewhere."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from cardscanner.errors import CardscannerError
from cardscanner.files import replacing
from cardscanner.records import Corners, Picture

_STYLE = """
:root { color-scheme: light dark; font: 15px/1.4 system-ui, sans-serif; }
body { max-width: 90rem; margin: 2rem auto; padding: 0 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: .2rem .7rem; text-align: right; border-bottom: 1px solid #8884; }
th:first-child, td:first-child { text-align: left; }
.items { display: grid; grid-template-columns: repeat(auto-fill, minmax(24rem, 1fr)); gap: 1rem; }
figure { margin: 0; padding: .6rem; border: 1px solid #8886; border-radius: .4rem; }
figure div { display: flex; flex-wrap: wrap; gap: .4rem; align-items: flex-start; }
figure img { max-height: 12rem; max-width: 100%; }
.chart { display: table; margin: 1rem 0; }
.chart img { max-height: none; }
figcaption { overflow-wrap: anywhere; }
"""


@dataclass(slots=True)
class Page:
    """Collects headings, tables and pictures; :meth:`write` puts them into a folder."""

    folder: Path
    title: str
    _parts: list[str] = field(default_factory=list)
    _pictures: int = 0

    def heading(self, text: str) -> None:
        """Begin a section."""
        self._parts.append(f"<h2>{html.escape(text)}</h2>")

    def words(self, text: str) -> None:
        """Add a paragraph."""
        self._parts.append(f"<p>{html.escape(text)}</p>")

    def table(self, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Add a table; ``None`` is shown as a dash."""
        cells = "".join(f"<th>{html.escape(each)}</th>" for each in head)
        body = "".join(f"<tr>{''.join(f'<td>{_cell(value)}</td>' for value in row)}</tr>" for row in rows)
        self._parts.append(
            f'<div class="wide"><table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table></div>'
        )

    def gallery(self, figures: Sequence[tuple[str, Sequence[Picture]]]) -> None:
        """Add captioned groups of pictures."""
        self._parts.append('<div class="items">')
        for caption, pictures in figures:
            images = "".join(f'<img loading="lazy" alt="" src="{self._save(each)}">' for each in pictures)
            text = html.escape(caption).replace("\n", "<br>")
            self._parts.append(f"<figure><div>{images}</div><figcaption>{text}</figcaption></figure>")
        self._parts.append("</div>")

    def chart(self, caption: str, picture: Picture) -> None:
        """Add one picture in its own size, kept sharp."""
        text = html.escape(caption)
        source = self._save(picture, ".png")
        self._parts.append(
            f'<figure class="chart"><img alt="{text}" src="{source}"><figcaption>{text}</figcaption></figure>'
        )

    def svg(self, drawing: str, caption: str) -> None:
        """Add a drawing of our own making; it is not escaped."""
        self._parts.append(
            f'<figure class="chart">{drawing}<figcaption>{html.escape(caption)}</figcaption></figure>'
        )

    def write(self) -> Path:
        """Write ``index.html``; return its path."""
        path = self.folder / "index.html"
        title = html.escape(self.title)
        document = (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
            f"<style>{_STYLE}</style></head><body><h1>{title}</h1>{''.join(self._parts)}</body></html>"
        )
        with replacing(path) as temporary:
            temporary.write_text(document, encoding="utf-8")
        return path

    def _save(self, picture: Picture, suffix: str = ".jpg") -> str:
        folder = self.folder / "pictures"
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{self._pictures:05d}{suffix}"
        self._pictures += 1
        quality = [cv2.IMWRITE_JPEG_QUALITY, 85] if suffix == ".jpg" else []
        done, data = cv2.imencode(suffix, picture[:, :, ::-1], quality)
        if not done:
            raise CardscannerError(f"{folder / name}: the picture could not be encoded")
        (folder / name).write_bytes(data.tobytes())
        return f"pictures/{name}"


def outlined(
    picture: Picture, outlines: Sequence[tuple[Corners, tuple[int, int, int]]], height: int = 420
) -> Picture:
    """Return a small copy of a picture with quads drawn in the given RGB colours."""
    scale = height / picture.shape[0]
    small = cv2.resize(
        picture, (max(1, round(picture.shape[1] * scale)), height), interpolation=cv2.INTER_AREA
    )
    for corners, colour in outlines:
        points = np.round(corners * scale).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(small, [points], True, colour, 2, cv2.LINE_AA)
        x, y = (int(value) for value in points[0, 0])
        cv2.circle(small, (x, y), 5, colour, -1, cv2.LINE_AA)
    return np.asarray(small, np.uint8)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else html.escape(str(value))
