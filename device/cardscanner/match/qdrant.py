"""One collection of Qdrant, on a server or embedded: the only file that knows the vendor's client.

Embedded collections lie in a folder of their own below the configured one, because the client locks and loads
a folder as a whole. They are stored as pickles: open only a folder that you made.
"""

from __future__ import annotations

import pickle
import sqlite3
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardscanner.config import QdrantConfig
from cardscanner.errors import ArtifactError, ConfigError, IndexAway, IndexFault
from cardscanner.match.collection_identity import Identity, Label, label_document, read_label
from cardscanner.records import Vectors

try:
    from qdrant_client import QdrantClient, models
    from qdrant_client.common.client_exceptions import QdrantException
    from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse
except ModuleNotFoundError as missing:
    raise ConfigError(
        f"index.backend: qdrant and `db push` need the package {missing.name}: "
        "pip install 'cardscanner[qdrant]'"
    ) from missing

OLDEST = (1, 16)
"""Servers before this have no place for the identity of a collection."""

_IDS_AT_ONCE = 10_000
_OVERSAMPLING = 2.0
_AWAY = {408, 429, 500, 502, 503, 504}
_DAMAGED = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    ImportError,
    IndexError,
    EOFError,
    OSError,
    RuntimeError,
    sqlite3.Error,
    pickle.UnpicklingError,
)
"""What the embedded engine raises over a folder that is damaged, locked, or full."""

Hits = tuple[NDArray[np.int64], NDArray[np.float32]]


class Collection:
    """Points numbered like rows; every call gives a true answer or raises one of our errors."""

    def __init__(self, client: QdrantClient, config: QdrantConfig, name: str, place: str) -> None:
        self.name = name
        self.place = place
        """Where it is, for people."""
        self._client = client
        self._config = config

    def label(self) -> Label | None:
        """Return what is written on it; ``None`` when there is no such collection."""
        with _told(self.place):
            if not self._client.collection_exists(self.name):
                return None
            described = self._client.get_collection(self.name).config
        params = described.params.vectors
        label = read_label(described.metadata, self.place)
        if not isinstance(params, models.VectorParams) or params.size != label.identity.dim:
            raise ArtifactError(
                f"{self.place} does not hold {label.identity.dim}-d vectors as its label says: "
                "delete it and push again"
            )
        return label

    def create(self, identity: Identity) -> None:
        """Make it, marked as unfinished; int8 codes stay in the server's memory, vectors on its disk."""
        codes = models.ScalarQuantizationConfig(type=models.ScalarType.INT8, quantile=0.99, always_ram=True)
        with _told(self.place):
            self._client.create_collection(
                self.name,
                vectors_config=models.VectorParams(
                    size=identity.dim,
                    distance=models.Distance.COSINE,
                    on_disk=True,
                    datatype=models.Datatype.FLOAT16,
                ),
                quantization_config=models.ScalarQuantization(scalar=codes),
                on_disk_payload=True,
                metadata=label_document(Label(identity, complete=False)),
            )

    def write_label(self, label: Label) -> None:
        """Mark it as complete, or as unfinished again."""
        with _told(self.place):
            self._client.update_collection(self.name, metadata=label_document(label))

    def put(self, rows: Sequence[int], vectors: Vectors, payloads: Sequence[Mapping[str, str | int]]) -> None:
        """Store points durably, over those of the same rows."""
        batch = models.Batch(
            ids=list(rows), vectors=vectors.tolist(), payloads=[dict(each) for each in payloads]
        )
        with _told(self.place):
            done = self._client.upsert(self.name, batch, wait=True)
        if done.status != models.UpdateStatus.COMPLETED:
            raise IndexAway(
                f"{self.place} has not stored rows yet ({done.status}): run the same command again"
            )

    def count(self) -> int:
        """Count its points exactly."""
        with _told(self.place):
            return self._client.count(self.name, exact=True).count

    def rows(self) -> Iterator[NDArray[np.int64]]:
        """Yield the rows that are there, some thousand at a time."""
        offset: Any = None
        while True:
            with _told(self.place):
                points, offset = self._client.scroll(
                    self.name, limit=_IDS_AT_ONCE, offset=offset, with_payload=False, with_vectors=False
                )
            yield self._numbers([each.id for each in points])
            if offset is None:
                return

    def vectors_at(self, rows: Sequence[int]) -> Vectors:
        """Return stored vectors, in the order of ``rows``; :class:`ArtifactError` when one is not there."""
        with _told(self.place):
            points = self._client.retrieve(self.name, list(rows), with_payload=False, with_vectors=True)
        found = {each.id: each.vector for each in points}
        if missing := [row for row in rows if row not in found]:
            raise ArtifactError(f"{self.place} lacks row {missing[0]}: push the database again")
        return np.asarray([found[row] for row in rows], dtype=np.float32)

    def indexed(self) -> bool:
        """Tell whether the engine has finished its own index."""
        with _told(self.place):
            status = self._client.get_collection(self.name).status
        if status == models.CollectionStatus.RED:
            raise IndexFault(f"{self.place} reports a fault (status red): see the log of the server")
        # Grey is a server that was restarted: it goes on at the next change only. The self-test judges that.
        return bool(status != models.CollectionStatus.YELLOW)

    def search(self, queries: Vectors, count: int, effort: float) -> list[Hits]:
        """Return for each query the rows that the engine holds for the nearest, and their cosines."""
        requests = [
            models.QueryRequest(query=query, limit=count, params=self._params(count, effort))
            for query in queries.tolist()
        ]
        with _told(self.place):
            answers = self._client.query_batch_points(self.name, requests)
        if len(answers) != len(requests):
            raise IndexFault(f"{self.place} answered {len(answers)} of {len(requests)} queries")
        return [
            (
                self._numbers([each.id for each in answer.points]),
                np.array([each.score for each in answer.points], dtype=np.float32),
            )
            for answer in answers
        ]

    def close(self) -> None:
        """Leave the server, or free the folder; safe to call twice."""
        self._client.close()

    def _params(self, count: int, effort: float) -> models.SearchParams | None:
        """The embedded engine compares with every point and takes no parameters."""
        if self._config.folder is not None:
            return None
        codes = models.QuantizationSearchParams(rescore=True, oversampling=_OVERSAMPLING)
        return models.SearchParams(hnsw_ef=max(count, round(self._config.ef * effort)), quantization=codes)

    def _numbers(self, ids: Sequence[object]) -> NDArray[np.int64]:
        if strange := [each for each in ids if not isinstance(each, int)]:
            raise ArtifactError(
                f"{self.place} holds a point {strange[0]} that is no row: push the database again"
            )
        return np.array(ids, dtype=np.int64)


def open_collection(config: QdrantConfig, default_name: str, *, make: bool = False) -> Collection:
    """Open the place where a collection is or, with ``make``, is to be.

    Raises
    ------
    ConfigError
        The API key cannot be read or is refused, or the server is too old.
    IndexAway
        The server does not answer.
    ArtifactError
        The folder is missing, damaged, or in use by another process.
    """
    name = config.collection or default_name
    if config.folder is not None:
        place = config.folder / name
        said = f"the Qdrant collection in {place}"
        if not make and not place.is_dir():
            raise ArtifactError(f"{said} does not exist: push the database (cardscanner db push)")
        with _told(said):
            # Whoever opened it hands it to the one thread that owns it.
            client = QdrantClient(path=str(place), force_disable_check_same_thread=True)
        return Collection(client, config, name, said)
    said = f"the Qdrant collection {name} at {config.url}"
    client = _connect(config)
    try:
        _refuse_old(client, said)
    except BaseException:
        client.close()
        raise
    return Collection(client, config, name, said)


def _connect(config: QdrantConfig) -> QdrantClient:
    with warnings.catch_warnings():
        # The configuration allows a key without TLS towards this very machine only.
        warnings.filterwarnings("ignore", "Api key is used with an insecure connection")
        try:
            return QdrantClient(
                url=config.url, api_key=_read_key(config), timeout=config.timeout_s, check_compatibility=False
            )
        except ValueError as error:
            raise ConfigError(f"index.qdrant.url {config.url}: {error}") from error


def _read_key(config: QdrantConfig) -> str | None:
    """Read at each connection, so that a renewed key is noticed."""
    if config.api_key_file is None:
        return None
    try:
        return config.api_key_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"index.qdrant.api_key_file {config.api_key_file} cannot be read: {error}: it must hold the key "
            "and nothing else, readable for this user"
        ) from error


def _refuse_old(client: QdrantClient, place: str) -> None:
    with _told(place):
        version = client.info().version
    try:
        found = tuple(int(each) for each in version.split(".")[:2])
    except ValueError:
        found = (0,)
    if found < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        raise ConfigError(f"{place}: the server is Qdrant {version}; {wanted} or newer is needed")


@contextmanager
def _told(place: str) -> Iterator[None]:
    """Say the vendor's errors in our words."""
    try:
        yield
    except UnexpectedResponse as error:
        raise _refusal(place, error) from error
    except (ResponseHandlingException, QdrantException) as error:
        cause = getattr(error, "source", error)
        what = str(cause) or type(cause).__name__
        raise IndexAway(
            f"{place} does not answer: {what}: see that the server runs and can be reached"
        ) from error
    except ApiException as error:
        raise IndexAway(f"{place}: {error}") from error
    except _DAMAGED as error:
        raise ArtifactError(
            f"{place} cannot be used: {type(error).__name__}: {error}: close the process that has it "
            "open; if it is damaged, delete it and push the database again"
        ) from error


def _refusal(place: str, error: UnexpectedResponse) -> ArtifactError | ConfigError | IndexAway | IndexFault:
    said = error.content.decode("utf-8", "replace")[:300]
    code = error.status_code
    if code in (401, 403):
        return ConfigError(f"{place}: the server refuses the API key ({code}): set index.qdrant.api_key_file")
    if code == 404:
        return ArtifactError(f"{place} does not exist: push the database (cardscanner db push)")
    if code in _AWAY:
        return IndexAway(f"{place} cannot answer now ({code}): {said}")
    return IndexFault(f"{place}: the server refuses the request ({code}): {said}")
