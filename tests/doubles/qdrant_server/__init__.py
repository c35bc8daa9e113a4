"""A Qdrant server on this machine, for tests: the vendor's embedded engine behind the vendor's REST interface.

Requests are read with the client's own REST models and answered in the shapes that a server answers in. What the
embedded engine does not do is not here either: no HNSW (its search is exact), no quantised codes, no optimiser,
no shards. A server's faults can be had: slow answers, refusals, a link that breaks.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, TypeAdapter, ValidationError
from qdrant_client import QdrantClient, models

API_KEY_HEADER = "api-key"


@dataclass
class Server:
    """What a test may look at and turn."""

    url: str = ""
    version: str = "1.20.0"
    api_key: str | None = None
    delay_s: float = 0.0
    """Before each search is answered."""
    fail_with: int | None = None
    """Status that every request is answered with."""
    points_left: int | None = None
    """Points that are stored before the link breaks."""
    calls: list[str] = field(default_factory=list)
    engine: QdrantClient = field(default_factory=lambda: QdrantClient(":memory:"))

    @property
    def searches(self) -> list[models.QueryRequest]:
        """Search requests so far."""
        return self._searches

    _searches: list[models.QueryRequest] = field(default_factory=list)
    status: models.CollectionStatus = models.CollectionStatus.GREEN


class _Gone(Exception):
    """The link breaks without an answer."""


class _NotFound(Exception):
    pass


@contextmanager
def serving(**settings: Any) -> Iterator[Server]:
    """Run a server on a free port of the loopback interface."""
    server = Server(**settings)
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body leave in one packet: otherwise Nagle and the delayed acknowledgement cost 40 ms a call.
        wbufsize = -1

        def _handle(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            path = urlsplit(self.path).path
            server.calls.append(f"{self.command} {path}")
            try:
                status, answer = _answered(server, lock, self.command, path, body, self.headers)
            except _Gone:
                self.close_connection = True
                return
            document = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(document)))
            self.end_headers()
            self.wfile.write(document)
            self.wfile.flush()

        do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = _handle

        def log_message(self, *arguments: Any) -> None:
            """Tests are quiet."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    http.block_on_close = False
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{http.server_port}"
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
        server.engine.close()


def _answered(
    server: Server, lock: threading.Lock, method: str, path: str, body: Any, headers: Any
) -> tuple[int, Any]:
    if server.fail_with is not None:
        return server.fail_with, {"status": {"error": "made to fail"}, "time": 0.0}
    if server.api_key is not None and headers.get(API_KEY_HEADER) != server.api_key:
        return 403, {"status": {"error": "forbidden"}, "time": 0.0}
    if path == "/":
        return 200, {"title": "qdrant - vector search engine", "version": server.version}
    if path.endswith("/query/batch"):
        time.sleep(server.delay_s)
    try:
        with lock:
            result = _result(server, method, path, body)
    except _NotFound:
        return 404, {"status": {"error": f"Not found: {path}"}, "time": 0.0}
    except (ValueError, ValidationError) as error:
        return 400, {"status": {"error": f"Wrong input: {error}"}, "time": 0.0}
    return 200, {"result": _plain(result), "status": "ok", "time": 0.0}


def _result(server: Server, method: str, path: str, body: Any) -> Any:
    match = re.fullmatch(r"/collections/([^/]+)(/.*)?", path)
    if match is None:
        raise _NotFound
    name, rest = match[1], match[2] or ""
    engine = server.engine
    if (method, rest) == ("GET", "/exists"):
        return {"exists": engine.collection_exists(name)}
    if (method, rest) == ("PUT", ""):
        return _create(engine, name, models.CreateCollection.model_validate(body))
    if not engine.collection_exists(name):
        raise _NotFound
    match method, rest:
        case "GET", "":
            return engine.get_collection(name).model_copy(update={"status": server.status})
        case "PATCH", "":
            asked = models.UpdateCollection.model_validate(body)
            return engine.update_collection(name, metadata=asked.metadata)
        case "DELETE", "":
            return engine.delete_collection(name)
        case "PUT", "/points":
            return _upsert(server, name, body)
        case "POST", "/points":
            wanted = models.PointRequest.model_validate(body)
            return engine.retrieve(
                name, wanted.ids, with_payload=wanted.with_payload, with_vectors=wanted.with_vector
            )
        case "POST", "/points/delete":
            return engine.delete(name, TypeAdapter(models.PointsSelector).validate_python(body))
        case "POST", "/points/count":
            return engine.count(name, exact=models.CountRequest.model_validate(body).exact)
        case "POST", "/points/scroll":
            asked = models.ScrollRequest.model_validate(body)
            points, following = engine.scroll(
                name,
                limit=asked.limit,
                offset=asked.offset,
                with_payload=asked.with_payload,
                with_vectors=asked.with_vector,
            )
            return {"points": _plain(points), "next_page_offset": following}
        case "POST", "/points/query/batch":
            asked = models.QueryRequestBatch.model_validate(body).searches
            server.searches.extend(asked)
            exact = [each.model_copy(update={"params": None}) for each in asked]
            return engine.query_batch_points(name, exact)
    raise _NotFound


def _create(engine: QdrantClient, name: str, asked: models.CreateCollection) -> bool:
    if engine.collection_exists(name):
        raise ValueError(f"Collection `{name}` already exists!")
    return engine.create_collection(
        name,
        vectors_config=asked.vectors,
        quantization_config=asked.quantization_config,
        on_disk_payload=asked.on_disk_payload,
        metadata=asked.metadata,
    )


def _upsert(server: Server, name: str, body: Any) -> Any:
    batch = TypeAdapter(models.PointInsertOperations).validate_python(body).batch
    if server.points_left is None:
        return server.engine.upsert(name, batch)
    few = min(server.points_left, len(batch.ids))
    server.points_left -= few
    if few:
        part = models.Batch(ids=batch.ids[:few], vectors=batch.vectors[:few], payloads=batch.payloads[:few])
        server.engine.upsert(name, part)
    if few < len(batch.ids):
        raise _Gone
    return {"operation_id": 0, "status": "completed"}


def _plain(result: Any) -> Any:
    if isinstance(result, BaseModel):
        return result.model_dump(mode="json")
    if isinstance(result, list):
        return [_plain(each) for each in result]
    return result
