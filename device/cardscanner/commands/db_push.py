"""``cardscanner db push``: carry a database's vectors to Qdrant, on a server or embedded in a folder."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from cardscanner.commands.options import new_parser, path, usual, whole_number
from cardscanner.config import QdrantConfig
from cardscanner.errors import ConfigError

if TYPE_CHECKING:
    from cardscanner.commands.options import Subparsers

_EXAMPLES = """\
  cardscanner db push db/mine --to http://server:6333
  cardscanner db push db/mine --to https://cluster.example:6333 --api-key-file /etc/cardscanner/qdrant.key
  cardscanner db push db/mine --to /var/lib/cardscanner/qdrant     embedded: no server

Rows that the collection has already are not sent again: a push that was stopped, however, goes on when the
same command is given again. The collection is marked as complete last, after it was counted; an unfinished
one is refused by the scanner. Its name comes from the vectors, so that a new version never takes the place of
one that is being searched. Needs pip install 'cardscanner[qdrant]'. (docs/scale.md)"""
_CODES = {
    **usual(130),
    0: "the collection is complete",
    1: "the server does not answer, or has other vectors under a row than we sent",
    65: "the database cannot be opened, or the collection holds something else",
    78: "the package is missing, or the address or the API key cannot be used",
}


def add_actions(actions: Subparsers) -> None:
    """Describe the command."""
    push = new_parser(actions, "push", "carry a database's vectors to Qdrant", _EXAMPLES, _CODES)
    push.add_argument("folder", type=path, metavar="DIR")
    push.add_argument("--to", required=True, metavar="URL|FOLDER", help="a server, or a folder of ours")
    push.add_argument("--collection", metavar="NAME", help="name (default: from the vectors)")
    push.add_argument("--api-key-file", type=path, metavar="FILE", help="file with the server's API key")
    push.add_argument(
        "--timeout", type=whole_number(1, 600), default=60, metavar="S", help="wait for an answer (60)"
    )
    push.add_argument("--json", action="store_true", help="print one JSON document")
    push.set_defaults(command=run_push)


def run_push(arguments: argparse.Namespace) -> int:
    """Push, and say what the configuration needs."""
    from cardscanner.match.push import push_database

    place = _place(arguments)
    done = push_database(arguments.folder, place)
    if arguments.json:
        print(json.dumps(asdict(done)))
        return 0
    where = f"url: {place.url}" if place.url else f"folder: {place.folder}"
    print(f"{done.collection}: {done.rows} vectors, counted; {done.sent} of them sent now")
    print(f"index: {{backend: qdrant, database: {arguments.folder}, qdrant: {{{where}}}}}")
    return 0


def _place(arguments: argparse.Namespace) -> QdrantConfig:
    target: dict[str, Any] = (
        {"url": arguments.to} if "://" in arguments.to else {"folder": path(arguments.to)}
    )
    options = {
        "collection": arguments.collection,
        "api_key_file": arguments.api_key_file,
        "timeout_s": arguments.timeout,
    }
    try:
        return QdrantConfig.model_validate({**target, **options})
    except ValidationError as error:
        first = error.errors()[0]
        key = (first.get("ctx") or {}).get("key") or ".".join(map(str, first["loc"]))
        option = {"url": "--to", "api_key_file": "--api-key-file"}.get(key, f"--{key}")
        raise ConfigError(f"{option}: {first['msg']}") from None
