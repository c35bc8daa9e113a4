"""Who is compared: which reader's queries are searched in which reader's gallery."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cardscanner.config import OnnxConfig
from cardscanner.embed import load_embedder
from cardscanner.manifest import ModelManifest, load_model_manifest
from cardscanner.ports import Embedder
from cardscanner_tools.evaluate.ranking import Ranking, rank
from cardscanner_tools.evaluate.readers import Reader, model_reader, untrained_readers
from cardscanner_tools.evaluate.readings import BothWays, Readings

MODEL, INT8, TEACHER = "model", "int8", "teacher"
INT8_CROSS = "int8 in the fp32 gallery"


@dataclass(frozen=True, slots=True)
class Encoder:
    """One column of the report."""

    name: str
    query: str
    gallery: str


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """Every reader and encoder of a run; the models are open."""

    embedders: Mapping[str, Embedder]
    folders: Mapping[str, Path]
    manifests: Mapping[str, ModelManifest]
    readers: list[Reader]
    encoders: list[Encoder]

    @property
    def model(self) -> Embedder:
        """The model that is judged."""
        return self.embedders[MODEL]

    @property
    def untrained(self) -> list[str]:
        """Names of the baselines."""
        return [each.name for each in self.readers if each.name not in self.embedders]

    @property
    def trained(self) -> list[str]:
        """Names of the encoders that are no baselines."""
        return [each.name for each in self.encoders if each.query in self.embedders]


@contextmanager
def open_panel(model: Path, int8: Path | None, teacher: Path | None, threads: int) -> Iterator[Panel]:
    """Open the models and set up the baselines, which see crops of the model's size."""
    folders = {MODEL: model, INT8: int8, TEACHER: teacher}
    given = {name: folder for name, folder in folders.items() if folder is not None}
    with ExitStack() as stack:
        embedders = {
            name: stack.enter_context(
                closing(load_embedder(OnnxConfig(backend="onnx", model=folder, threads=threads)))
            )
            for name, folder in given.items()
        }
        info = embedders[MODEL].info
        readers = [model_reader(name, each) for name, each in embedders.items()]
        readers += untrained_readers(info.height, info.width)
        encoders = [Encoder(each.name, each.name, each.name) for each in readers]
        if INT8 in embedders and embedders[INT8].info.dim == info.dim:
            encoders.append(Encoder(INT8_CROSS, INT8, MODEL))
        manifests = {name: load_model_manifest(folder) for name, folder in given.items()}
        yield Panel(embedders, given, manifests, readers, encoders)


def rankings(panel: Panel, queries: BothWays, galleries: Readings) -> Iterator[tuple[Encoder, Ranking]]:
    """Search with every encoder."""
    for each in panel.encoders:
        ways = [queries.upright[each.query], queries.turned[each.query]]
        yield each, rank(ways, galleries[each.gallery])
